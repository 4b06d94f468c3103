# cython: language_level=3
"""Row images read by compiled code (see image.pyx)."""

from libc.stdint cimport uint64_t
from tailrace.out cimport Out


cdef inline uint64_t little(const unsigned char *data, int size) noexcept nogil:
    cdef uint64_t value = 0
    cdef int at
    for at in range(size):
        value |= <uint64_t>data[at] << (8 * at)
    return value


cdef struct Column:
    int code
    int a
    int b
    int skipped


cdef class Image:
    cdef Py_ssize_t width
    cdef Py_ssize_t null_bytes
    cdef Column *columns
    cdef list heads
    cdef list readers
    cdef list fragments
    cdef Py_ssize_t *spans
    cdef Py_ssize_t *raw
    cdef Py_ssize_t *old_spans
    cdef Py_ssize_t *old_raw
    cdef list key_heads
    cdef list key_indices
    cdef object failed
    cdef Out out
    cdef Out key_out
    cdef bytes tail

    cdef Py_ssize_t row(self, bytes event, Py_ssize_t at, Py_ssize_t size, Out before=*) except -1
    cdef Py_ssize_t value(
        self, Py_ssize_t index, bytes event, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1
    cdef Py_ssize_t skip(
        self, Py_ssize_t index, bytes event, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1
    cdef Py_ssize_t called(self, Py_ssize_t index, bytes event, Py_ssize_t at) except -1
    cdef int date(self, uint64_t year, uint64_t month, uint64_t day) except -1
    cdef int clock(self, uint64_t hour, uint64_t minute, uint64_t second) except -1
    cdef int fraction(self, uint64_t value, int digits) except -1
    cdef Py_ssize_t moment(
        self, int code, int digits, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1
    cdef Py_ssize_t time(self, int digits, const unsigned char *data, Py_ssize_t at, Py_ssize_t size) except -1
    cdef Py_ssize_t decimal(
        self, int precision, int scale, const unsigned char *data, Py_ssize_t at, Py_ssize_t size
    ) except -1
