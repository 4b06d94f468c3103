# cython: language_level=3
# Types for the compiled form of log_file.py.
cimport cython

from tailrace_mysql.binlog.integers cimport cut, number
from tailrace.sequence cimport binlog_mark

cdef long long _LOW_32


cdef class LogFile:
    cdef bint _checksum
    cdef object _started
    cdef public long long created
    cdef public long long far
    cdef public str file
    cdef public bytes json
    cdef public long long next
    cdef public long long number
    cdef public long long pos
    cdef public int table_id_size

    cpdef str mark(self)
    cpdef str end(self)
    cpdef bint before_start(self, long long skip_to)
    @cython.locals(event=bytes)
    cpdef bytes checked(self, bytes payload)
    @cython.locals(end=cython.longlong)
    cpdef advance(self, long long end_pos, long long size)
    cpdef bint wraps(self, long long size)
    @cython.locals(end=cython.longlong)
    cpdef leap(self, long long end_pos, long long size)


@cython.locals(number=cython.longlong)
cdef long long unwrapped(long long low, long long near) noexcept
