# cython: language_level=3
# Types for the compiled form of decoder.py.
cimport cython

from tailrace.emitter cimport Emitter, EventTable
from tailrace.render cimport digits
from tailrace_mysql.binlog.binding cimport Binding, Mapped, Version
from tailrace_mysql.binlog.events cimport Gtid, begins, gtid, mariadb_gtid
from tailrace_mysql.binlog.integers cimport cut, number
from tailrace_mysql.binlog.log_file cimport LogFile
from tailrace_mysql.binlog.packets cimport Packets

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


cdef class Decoder(Packets):
    cdef Emitter _emitter
    cdef object _tables
    cdef object _gtids
    cdef bint _mariadb
    cdef LogFile _log
    cdef long long _skip_to
    cdef dict _maps
    cdef long long _last_id
    cdef Mapped _last_mapped
    cdef Binding _bound
    cdef bytes _fields_tail
    cdef long long _tail_server
    cdef bytes _tail_thread
    cdef long long _ts
    cdef str _mark
    cdef Gtid _gtid
    cdef long long _server_id
    cdef bytes _thread
    cdef bint _in_group
    cdef bint _xa
    cdef long long _changes
    cdef bint _begun
    cdef object _reading
    cdef dict _handlers
    cdef bytes _restart_file
    cdef long long _restart_pos
    cdef long long _restart_created
    cdef object _restart
    cdef object _whole
    cdef long long _told
    cdef long long _told_number

    @cython.locals(taken=Py_ssize_t)
    cpdef Py_ssize_t whole(self, bytes chunk, Py_ssize_t at) except -1
    @cython.locals(first=int, payload=bytes)
    cpdef packet(self, bytes payload)
    @cython.locals(kind=cython.int, size=cython.longlong, end_pos=cython.longlong, flags=cython.int, event=bytes, log=LogFile)
    cpdef _event(self, bytes payload)
    @cython.locals(mark=str, log=LogFile)
    cdef _idle(self)
    @cython.locals(log=LogFile)
    cdef _note_restart(self)
    cpdef _begin(self, Gtid begun_by, bytes event)
    @cython.locals(name=str, fields=bytes, gtid_json=bytes, token=str)
    cdef _open(self)
    cpdef _commit(self, bytes _event)
    @cython.locals(log=LogFile)
    cdef _tell_commit(self)
    @cython.locals(known=Mapped, described=bytes, table_id=cython.longlong, size=int)
    cdef _table_map(self, bytes event)
    cdef Mapped _find(self, long long table_id)
    @cython.locals(
        size=int, at=Py_ssize_t, table_id=cython.longlong, known=Mapped, binding=Binding, version=Version,
        count=cython.longlong, width=Py_ssize_t
    )
    cdef Py_ssize_t _rows(self, bytes event, int images) except -1
    @cython.locals(
        emitter=Emitter, binding=Binding, table=EventTable, at=Py_ssize_t, end=Py_ssize_t, row=cython.longlong,
        ordinal=cython.longlong, head=bytes, image=bytes, place=bytes, key=bytes
    )
    cdef _single_images(self, bytes event, bint deleted)
    @cython.locals(
        emitter=Emitter, binding=Binding, table=EventTable, at=Py_ssize_t, end=Py_ssize_t, row=cython.longlong,
        ordinal=cython.longlong, head=bytes, before=bytes, after=bytes, key=bytes, old_key=bytes
    )
    cdef _update_rows(self, bytes event)


@cython.locals(whole=Py_ssize_t, index=Py_ssize_t, rest=int)
cdef bint _all_set(bytes event, Py_ssize_t at, Py_ssize_t count) except -1
