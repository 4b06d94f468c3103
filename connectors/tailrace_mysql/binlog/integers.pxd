# cython: language_level=3
# Types for the compiled form of integers.py.
cimport cython


@cython.locals(index=int, value=cython.longlong, byte=cython.longlong)
cpdef long long number(bytes data, Py_ssize_t at, int size) except? -1
@cython.locals(octets=cython.p_const_uchar)
cpdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end)
