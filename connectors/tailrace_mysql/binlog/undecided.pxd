# cython: language_level=3
# Types for the compiled form of undecided.py.
from tailrace.emitter cimport Emitter
from tailrace_mysql.binlog.binding cimport Binding, Mapped
from tailrace_mysql.binlog.events cimport Gtid
from tailrace_mysql.binlog.integers cimport number
from tailrace_mysql.binlog.log_file cimport LogFile
from tailrace_mysql.binlog.row_events cimport RowEvents

cdef int _HEADER


cdef class Undecided(RowEvents):
    cdef object _gtids
    cdef bint _begun
    cdef object _passed
    cdef object _prepared
    cdef object _held
    cdef str _deciding
    cdef list _savepoints
    cdef object _releasing
    cdef dict _log_maps
    cdef dict _handlers

    cpdef _commit(self, bytes _event)
    cpdef _end(self)
    cpdef _explained(self, error)
    cdef _hold(self, bytes event, Binding binding)
    cdef _let_go(self)
    cdef _since(self)
    cdef _outcome(self, bytes text, bytes event)
    cdef _savepoint(self, bytes text)
    cdef _back_to(self, bytes text)
    cdef _take_back(self, mark)
    cdef _release(self)
    cdef _go_on(self)
    cdef _row_event(self, bytes event)
    cdef bint _passes(self, Gtid begun_by) except -1
    cdef _end_passing(self, str mark)
