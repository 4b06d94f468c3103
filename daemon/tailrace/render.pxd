# cython: language_level=3
# Types for the compiled form of render.py.
cdef list _SMALL

cpdef bytes digits(long long number)
