# cython: language_level=3
# Types for the compiled form of decoder.py.
cimport cython

from tailrace.emitter cimport Emitter
from tailrace.render cimport digits
from tailrace_mysql.binlog.events cimport Gtid, begins, gtid, mariadb_gtid
from tailrace_mysql.binlog.integers cimport number
from tailrace_mysql.binlog.log_file cimport LogFile
from tailrace_mysql.binlog.undecided cimport Undecided

cdef int _FORMAT_DESCRIPTION
cdef int _HEARTBEAT
cdef int _HEARTBEAT_V2
cdef int _ROTATE
cdef int _TABLE_MAP
cdef int _WRITE_ROWS
cdef int _WRITE_ROWS_V1
cdef int _UPDATE_ROWS
cdef int _UPDATE_ROWS_V1
cdef int _DELETE_ROWS
cdef int _DELETE_ROWS_V1
cdef int _XID
cdef int _MARIADB_GTID
cdef int _GTID
cdef int _ANONYMOUS_GTID
cdef int _HEADER
cdef int _ARTIFICIAL


cdef class Decoder(Undecided):
    cdef long long _skip_to
    cdef bytes _fields_tail
    cdef long long _tail_server
    cdef bytes _tail_thread
    cdef long long _server_id
    cdef bytes _thread
    cdef bint _in_group
    cdef object _decompressor
    cdef object _compressed
    cdef long long _inflated
    cdef bytes _restart_file
    cdef long long _restart_pos
    cdef long long _restart_created
    cdef object _restart
    cdef long long _told
    cdef long long _told_number

    @cython.locals(taken=Py_ssize_t)
    cpdef Py_ssize_t whole(self, bytes chunk, Py_ssize_t at) except -1
    @cython.locals(first=int, payload=bytes)
    cpdef packet(self, bytes payload)
    cpdef go_on(self)
    @cython.locals(kind=cython.int, size=cython.longlong, end_pos=cython.longlong, flags=cython.int, event=bytes, log=LogFile)
    cpdef _event(self, bytes payload)
    cdef _one(self, int kind, bytes event, int flags)
    @cython.locals(mark=str, log=LogFile)
    cdef _idle(self)
    @cython.locals(log=LogFile)
    cdef _note_restart(self)
    cpdef _begin(self, Gtid begun_by, bytes event)
    @cython.locals(name=str, fields=bytes, gtid_json=bytes)
    cdef _open(self)
    @cython.locals(log=LogFile)
    cdef _tell_commit(self)
