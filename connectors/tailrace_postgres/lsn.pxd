# cython: language_level=3
# Types for the compiled form of lsn.py.
cimport cython


cdef class LsnTexts:
    cdef long long _mark_high
    cdef long long _decimal_high
    cdef str _mark_head
    cdef bytes _decimal_head

    @cython.locals(high="long long")
    cpdef str mark(self, unsigned long long lsn)
    @cython.locals(high="long long")
    cpdef bytes decimal(self, unsigned long long lsn)
