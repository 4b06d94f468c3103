# cython: language_level=3
# Types for the compiled form of change.py.


cdef class Change:
    cdef public str op
    cdef public str seq
    cdef public object schema
    cdef public bytes key
    cdef public object before
    cdef public object after
    cdef public list unchanged
    cdef public bint tx_end
    cdef public long long ts_ms
    cdef public object partition
    cdef public long long offset
    cdef public Py_ssize_t size
    cdef public tuple also_at
    cdef public object load
