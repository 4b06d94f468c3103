# cython: language_level=3
# The rows of one relation; see tuples.pyx.
from tailrace.out cimport Out


cdef class Tuples:
    cdef public bytes row
    cdef public bytes key
    cdef Py_ssize_t width
    cdef int *codes
    cdef Py_ssize_t *spans
    cdef list converters
    cdef list heads
    cdef list key_heads
    cdef list key_columns
    cdef bytes tail
    cdef Out out
    cdef Out key_out
    cdef Out text

    cpdef Py_ssize_t read(self, bytes buffer, Py_ssize_t at) except -2
    cdef int finish(self) except -1
    cdef bint read_line(self, bytes line) except -1
    cdef int unescape(self, const unsigned char *data, Py_ssize_t length) except -1
    cdef bint value(self, Py_ssize_t index, const unsigned char *data, Py_ssize_t length) except -1
    cdef bint integer(self, const unsigned char *data, Py_ssize_t length) except -1
    cdef bint number(self, const unsigned char *data, Py_ssize_t length) except -1
    cdef bint timestamp(self, bint zoned, const unsigned char *data, Py_ssize_t length) except -1
