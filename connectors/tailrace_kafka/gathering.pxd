# cython: language_level=3
# Types for the compiled form of gathering.py.
import cython


cdef class Gathered:
    cdef readonly object partition
    cdef readonly long long begin
    cdef readonly list keys
    cdef readonly list values
    cdef readonly list offsets
    cdef readonly Py_ssize_t size


@cython.locals(
    size=Py_ssize_t, grown=Py_ssize_t, piece=Gathered, topic=str, number=cython.longlong, here=str,
    part=cython.longlong, key=bytes, value=bytes,
)
cpdef Py_ssize_t gather(list messages, dict gathered, positions, handle) except -1
