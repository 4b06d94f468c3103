# cython: language_level=3
# Types for the compiled form of row_messages.py.
cimport cython

from tailrace.emitter cimport Emitter
from tailrace_postgres.integers cimport i32, u16, u32
from tailrace_postgres.lsn cimport LsnTexts
from tailrace_postgres.rowplan cimport RowPlan
from tailrace_postgres.tuples cimport Tuples


cdef class RowMessages:
    cdef public dict current
    cdef public bint in_transaction
    cdef Emitter _emitter
    cdef object _relations
    cdef dict _plans
    cdef dict _described
    cdef long long _ordinal
    cdef long long _xid
    cdef bytes _sequence
    cdef bytes _buffer
    cdef unsigned long long _lsn
    cdef LsnTexts _lsn_texts

    cdef Py_ssize_t _row(self, int kind, Py_ssize_t position) except -1
    cdef Py_ssize_t _row_change(self, int kind, Py_ssize_t position) except -1
    @cython.locals(plan=RowPlan, reader=Tuples, end=Py_ssize_t)
    cdef Py_ssize_t _insert(self, Py_ssize_t position) except -1
    @cython.locals(plan=RowPlan, reader=Tuples, end=Py_ssize_t, kind=int)
    cdef Py_ssize_t _update(self, Py_ssize_t position) except -1
    @cython.locals(reader=Tuples, new_at=Py_ssize_t, end=Py_ssize_t, before=bytes, old_key=bytes)
    cdef Py_ssize_t _update_with_old(self, Py_ssize_t position, RowPlan plan) except -2
    @cython.locals(plan=RowPlan, reader=Tuples, end=Py_ssize_t, old_at=Py_ssize_t)
    cdef Py_ssize_t _delete(self, Py_ssize_t position) except -1
    @cython.locals(plan=RowPlan)
    cdef RowPlan _change(self, Py_ssize_t position)
    cdef _announce(self, RowPlan plan)
    cdef _inside(self)
    cdef Py_ssize_t _tag(self, Py_ssize_t position, bytes allowed) except -1
    @cython.locals(lsn=bytes)
    cdef bytes _place(self)
