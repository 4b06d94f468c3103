# cython: language_level=3
# Types for the compiled form of emitter.py.
from tailrace.render cimport digits


cdef class Emitter:
    cdef public int epoch
    cdef public object traced
    cdef object _restart
    cdef str _mark
    cdef bytes _delivered
    cdef bytes _skip_to
    cdef object _batch
    cdef list _keys
    cdef bytes _prefix
    cdef long long _high
    cdef bytes _high_prefix
    cdef bytes _fields
    cdef bytes _ts
    cdef long long _ts_ms
    cdef bytes _now
    cdef str _token
    cdef bint _pending
    cdef bytes _seq
    cdef object _table
    cdef bytes _key
    cdef list _parts
    cdef bytes _op
    cdef bint _every_partition
    cdef dict _state
    cdef dict _announced
    cdef dict _with_version

    cpdef begin(self, str mark, long long ts_ms, bytes fields, str token=*)
    cpdef commit(self, restart, str mark)
    cpdef idle(self, restart, str mark)
    cpdef insert(self, table, long long ordinal, bytes key, bytes after, bytes at=*)
    cpdef update(
        self, table, long long ordinal, bytes old_key, bytes key, bytes before, bytes after, tuple unchanged=*, bytes at=*
    )
    cpdef delete(self, table, long long ordinal, bytes key, bytes before, bytes at=*)
    cdef _event(
        self, table, long long ordinal, bytes key, bytes before, bytes after, bytes op, bytes unchanged, bytes at, int part=*
    )
    cdef _flush_pending(self, bint tx_end)
    cdef _append(self, run, bytes key, bytes value)
    cdef _run(self, str topic, bint every_partition=*)
