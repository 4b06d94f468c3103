# cython: language_level=3
# Types for the compiled form of lsn.py.
cdef class LsnTexts:
    cdef long long _mark_high
    cdef long long _decimal_high
    cdef str _mark_head
    cdef bytes _decimal_head

    cpdef str mark(self, unsigned long long lsn)
    cpdef bytes decimal(self, unsigned long long lsn)
