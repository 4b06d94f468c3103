# cython: language_level=3
# What readers of rows share with loadrows.pyx.
from cpython.object cimport PyObject

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *)


cdef inline int add(list rows, object key, object row) except -1:
    """Appends (key, row object).

    A pair of bytes can be part of no cycle: the collector finds that out when it first comes by, of a chunk's pairs one
    by one, for a sixth of a load's time.
    """
    cdef tuple pair = (key, row)
    PyObject_GC_UnTrack(<PyObject *>pair)
    rows.append(pair)
    return 0
