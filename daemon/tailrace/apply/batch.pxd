# cython: language_level=3
# Types for the compiled form of batch.py.
import cython

from tailrace.apply.change cimport Change
from tailrace.apply.compaction cimport TableCompaction


cdef class _Open:
    cdef object schema
    cdef TableCompaction table
    cdef object rows
    cdef Py_ssize_t events
    cdef Py_ssize_t size
    cdef object _applied

    cpdef count(self)


cdef class TargetBatch:
    cdef object _sink
    cdef object _targets
    cdef object _loading
    cdef object _commit_before
    cdef object _wait
    cdef dict _tables
    cdef dict _open
    cdef public bint dirty
    cdef dict _applied
    cdef public dict stamps

    @cython.locals(last=Change, change=Change, found=_Open, index=Py_ssize_t)
    cpdef add(self, list changes, wanted)
    cpdef list take(self)
    @cython.locals(before=_Open)
    cdef _Open _look(self, Change change, list changes, Py_ssize_t index)
    cdef _write(self)


@cython.locals(change=Change, index=Py_ssize_t, size=Py_ssize_t)
cpdef size_of(list changes)
