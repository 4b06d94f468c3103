# cython: language_level=3
"""A growing buffer of JSON, for the compiled readers of row images (see out.pyx)."""


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
    cdef int put_text(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef int put_base64(self, const unsigned char *data, Py_ssize_t size) except -1
    cdef bytes taken(self, Py_ssize_t start, Py_ssize_t end)
