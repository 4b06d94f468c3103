# cython: language_level=3
# Types for the compiled form of emitter.py.
cimport cython

from tailrace.batch cimport Run
from tailrace.render cimport digits
from tailrace.sequence cimport transaction_prefix


cdef class EventTable:
    cdef public object schema
    cdef public object shape
    cdef public str topic
    cdef public bytes source_head
    cdef public bytes schema_tail


cdef class Emitter:
    cdef public int epoch
    cdef public object traced
    cdef public object record
    cdef object _restart
    cdef str _mark
    cdef bytes _delivered
    cdef bytes _skip_to
    cdef object _batch
    cdef Run _last
    cdef long long _events
    cdef long long _bytes
    cdef long long _transactions
    cdef long long _commit_ts_ms
    cdef bytes _prefix
    cdef long long _high
    cdef bytes _high_prefix
    cdef bytes _fields
    cdef bytes _head
    cdef EventTable _of_head
    cdef long long _ts_ms
    cdef bytes _now
    cdef str _token
    cdef bint _pending
    cdef bytes _seq
    cdef EventTable _table
    cdef bytes _key
    cdef list _parts
    cdef bytes _op
    cdef bint _every_partition
    cdef dict _state
    cdef dict _announced
    cdef dict _with_version
    cdef bint _remembered
    cdef Py_ssize_t _past_runs
    cdef Py_ssize_t _past_touched
    cdef Py_ssize_t _past_state
    cdef Py_ssize_t _past_keys
    cdef long long _past_size
    cdef long long _past_events
    cdef long long _past_bytes
    cdef bytes _past_delivered
    cdef bytes _past_skip_to

    cpdef begin(self, str mark, long long ts_ms, bytes fields, str token=*)
    cpdef commit(self, restart, str mark)
    @cython.locals(last=Run)
    cpdef remember(self)
    cpdef idle(self, restart, str mark)
    cpdef insert(self, EventTable table, long long ordinal, bytes key, bytes after, bytes at=*)
    cpdef update(
        self, EventTable table, long long ordinal, bytes old_key, bytes key, bytes before, bytes after, tuple unchanged=*, bytes at=*
    )
    cpdef delete(self, EventTable table, long long ordinal, bytes key, bytes before, bytes at=*)
    cdef _event(
        self, EventTable table, long long ordinal, bytes key, bytes before, bytes after, bytes op, bytes unchanged, bytes at, int part=*
    )
    @cython.locals(run=Run, table=EventTable, parts=list, seq=bytes, key=bytes)
    cdef _flush_pending(self, bint tx_end)
    cdef bytes _head_for(self, EventTable table)
    cdef _tombstone(self, Run run, bytes key)
    @cython.locals(size=cython.longlong)
    cdef _append(self, Run run, bytes key, bytes value)
    @cython.locals(last=Run)
    cdef Run _run(self, str topic, bint every_partition=*)
