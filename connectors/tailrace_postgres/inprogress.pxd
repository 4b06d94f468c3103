# cython: language_level=3
# Types for the compiled form of inprogress.py.
cimport cython

from tailrace_postgres.integers cimport u32


cdef class Streamed:
    cdef public bytes chunk
    cdef public Py_ssize_t start
    cdef public Py_ssize_t end
    cdef object _folder
    cdef bytearray _memory
    cdef object _file
    cdef object _dropped
    cdef long long _xid
    cdef bint _passing

    cpdef add(self, bytes message, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(at=Py_ssize_t, found=Py_ssize_t, xid="long long")
    cpdef bint next(self) except -1
    @cython.locals(rest=bytes, more=bytes, wanted=Py_ssize_t)
    cdef bint _read_on(self) except -1


cdef class InProgress:
    cdef long long _bound
    cdef object _folder
    cdef long long _held
    cdef Streamed _current
    cdef Streamed _taken
    cdef dict _found

    cpdef add(self, bytes message, Py_ssize_t start, Py_ssize_t end)
    cdef _spill(self)
