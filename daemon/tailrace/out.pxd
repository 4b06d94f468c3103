# cython: language_level=3
"""A growing buffer of JSON, for the compiled readers of row images (see out.pyx)."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memcpy


cdef class Out:
    cdef unsigned char *p
    cdef Py_ssize_t n
    cdef Py_ssize_t capacity

    cdef int need(self, Py_ssize_t more) except -1
    cdef int put(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int put_bytes(self, bytes data) except -1
    cdef int put_int(self, long long value) except -1
    cdef int put_uint(self, unsigned long long value) except -1
    cdef int put_padded(self, unsigned long long value, int width) except -1
    cdef int put_double(self, double value) except -1
    cdef bint _put_short(self, double value) except -1
    cdef int put_text(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int put_base64(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef bytes taken(self, Py_ssize_t start, Py_ssize_t end)


# What is done for every column stands here, so that the callers' code contains it.


cdef inline int put(Out out, const unsigned char *data, Py_ssize_t size) except -1:
    if size > out.capacity - out.n:
        out.need(size)
    memcpy(out.p + out.n, data, size)
    out.n += size
    return 0


cdef inline int put_bytes(Out out, bytes data) except -1:
    return put(out, <const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef inline int put_char(Out out, unsigned char char) except -1:
    if out.n == out.capacity:
        out.need(1)
    out.p[out.n] = char
    out.n += 1
    return 0
