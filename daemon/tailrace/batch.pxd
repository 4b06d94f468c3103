# cython: language_level=3
# Types for the compiled form of batch.py.
cdef class Run:
    cdef public str topic
    cdef public list keys
    cdef public list values
    cdef public bint every_partition
    cdef public long long size
