# cython: language_level=3
# Types for the compiled form of decoder.py.
cimport cython

from tailrace.emitter cimport Emitter
from tailrace.render cimport digits
from tailrace_mysql.binlog.integers cimport number
from tailrace_mysql.binlog.log_file cimport LogFile
from tailrace_mysql.binlog.packets cimport Packets


cdef class Decoder:
    cdef Emitter _emitter
    cdef object _tables
    cdef object _gtids
    cdef bint _mariadb
    cdef Packets _packets
    cdef LogFile _log
    cdef long long _skip_to
    cdef dict _maps
    cdef long long _ts
    cdef str _mark
    cdef object _gtid
    cdef long long _server_id
    cdef str _thread
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

    cdef _idle(self)
    cdef _note_restart(self)

    @cython.locals(first=int, payload=bytes)
    cpdef _packet(self, bytes payload)
    @cython.locals(kind=cython.int, size=cython.longlong, end_pos=cython.longlong, flags=cython.int, event=bytes, log=LogFile)
    cpdef _event(self, bytes payload)
    cpdef _rows(self, bytes event, int images)
    cpdef _write_rows(self, bytes event)
    cpdef _delete_rows(self, bytes event)
    @cython.locals(emitter=Emitter, at=Py_ssize_t, end=Py_ssize_t, row=cython.longlong, ordinal=cython.longlong, head=bytes, image=bytes, place=bytes, key=bytes)
    cdef _single_images(self, bytes event, bint deleted)
    @cython.locals(emitter=Emitter, at=Py_ssize_t, end=Py_ssize_t, row=cython.longlong, ordinal=cython.longlong, head=bytes, before=bytes, after=bytes, key=bytes, old_key=bytes)
    cpdef _update_rows(self, bytes event)
