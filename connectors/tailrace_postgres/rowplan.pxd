# cython: language_level=3
# Types for the compiled form of rowplan.py.
from tailrace.emitter cimport EventTable
from tailrace_postgres.tuples cimport Tuples


cdef class RowPlan:
    cdef public EventTable table
    cdef public str topic
    cdef public object version
    cdef public bint whole_old
    cdef public bint suspended
    cdef public Py_ssize_t columns
    cdef public tuple names
    cdef public list heads
    cdef public list nulls
    cdef public list unknowns
    cdef public list converters
    cdef public tuple key
    cdef public tuple identity
    cdef public object shape
    cdef public bint lenient
    cdef public Tuples reader
