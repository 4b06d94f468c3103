# cython: language_level=3
"""The compiled form of integers.py."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE


cdef inline const unsigned char *field(bytes buffer, Py_ssize_t at, int width) except NULL:
    if at < 0 or at > PyBytes_GET_SIZE(buffer) - width:
        raise IndexError
    return <const unsigned char *>PyBytes_AS_STRING(buffer) + at


cdef inline unsigned int word(const unsigned char *p) noexcept:
    return <unsigned int>p[0] << 24 | <unsigned int>p[1] << 16 | <unsigned int>p[2] << 8 | p[3]


cpdef long long u16(bytes buffer, Py_ssize_t at) except -1:
    cdef const unsigned char *p = field(buffer, at, 2)
    return p[0] << 8 | p[1]


cpdef long long u32(bytes buffer, Py_ssize_t at) except -1:
    return word(field(buffer, at, 4))


cpdef long long i32(bytes buffer, Py_ssize_t at) except? -1:
    return <int>word(field(buffer, at, 4))


cpdef unsigned long long u64(bytes buffer, Py_ssize_t at) except? 0:
    cdef const unsigned char *p = field(buffer, at, 8)
    return <unsigned long long>word(p) << 32 | word(p + 4)


cpdef long long i64(bytes buffer, Py_ssize_t at) except? -1:
    return <long long>u64(buffer, at)
