# cython: language_level=3
# Types for the compiled form of events.py.
cimport cython

from tailrace_mysql.binlog.integers cimport cut, number


cdef class Gtid:
    cdef public str text
    cdef public str source
    cdef public long long number
    cdef public long long ts_ms
    cdef public bint standalone
    cdef public bint xa
    cdef public int alter


@cython.locals(made=Gtid)
cdef Gtid _gtid(str text, str source, long long number, long long ts_ms, bint standalone=*, bint xa=*, int alter=*)
@cython.locals(first=int, at=Py_ssize_t)
cpdef tuple packed_integer(bytes event, Py_ssize_t at)
cdef long long _sequence(bytes event, Py_ssize_t at) except? -1
@cython.locals(sequence=cython.longlong, ts_ms=cython.longlong, micros=cython.longlong, server=str)
cpdef Gtid gtid(bytes event)
@cython.locals(sequence=cython.longlong, source=str, flags=int, extra=int, alter=int, at=Py_ssize_t)
cpdef Gtid mariadb_gtid(bytes event)
@cython.locals(text=Py_ssize_t)
cpdef bint begins(bytes event) except -1
cpdef query(bytes event)
