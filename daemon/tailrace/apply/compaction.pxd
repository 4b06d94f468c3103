# cython: language_level=3
# Types for the compiled form of compaction.py.
import cython

from tailrace.apply.change cimport Change
from tailrace.row cimport Row


cdef class TableCompaction:
    cdef readonly object table
    cdef bint _keyless
    cdef dict _upserts
    cdef dict _updates
    cdef dict _deletes
    cdef list _sequential
    cdef str _truncate_seq
    cdef bint _truncate
    cdef bint _loaded_only

    cpdef add(self, Change change, rows)
    cdef _clear(self, str seq)
    @cython.locals(before=Row, row=Row, key=bytes)
    cdef _write(self, Change change, rows)
    cdef _delete(self, Change change, rows)
