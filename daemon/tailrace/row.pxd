# cython: language_level=3
# Types for the compiled form of row.py.


cdef class Row:
    cdef readonly str seq
    cdef readonly bytes json
    cdef readonly bint created
    cdef dict _values
    cdef object _parse
