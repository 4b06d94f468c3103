# cython: language_level=3
# Types for the compiled form of gtid.py.
cdef class GtidSet:
    cdef public dict _intervals
    cdef str _grows
    cdef long long _high
    cdef long long _low
    cdef object _around

    cpdef add(self, str source, long long number)


cdef class DomainPosition:
    cdef public dict _last
    cdef str _source
    cdef long long _number

    cpdef add(self, str source, long long number)
