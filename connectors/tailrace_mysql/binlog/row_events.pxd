# cython: language_level=3
# Types for the compiled form of row_events.py.
cimport cython

from tailrace.emitter cimport Emitter, EventTable
from tailrace.render cimport digits
from tailrace_mysql.binlog.binding cimport Binding, Mapped, Version
from tailrace_mysql.binlog.events cimport Gtid
from tailrace_mysql.binlog.integers cimport cut, number
from tailrace_mysql.binlog.log_file cimport LogFile
from tailrace_mysql.binlog.packets cimport Packets

cdef int _WRITE_ROWS
cdef int _PARTIAL_UPDATE_ROWS
cdef int _HEADER


cdef class RowEvents(Packets):
    cdef Emitter _emitter
    cdef object _tables
    cdef bint _mariadb
    cdef LogFile _log
    cdef dict _maps
    cdef long long _last_id
    cdef Mapped _last_mapped
    cdef Binding _bound
    cdef long long _ts
    cdef str _mark
    cdef str _token
    cdef Gtid _gtid
    cdef bint _waits
    cdef bint _over
    cdef bint _skipping
    cdef long long _changes
    cdef object _reading
    cdef object _whole
    cdef object _sparse
    cdef object _versioned

    cdef _open(self)
    cdef _hold(self, bytes event, Binding binding)
    @cython.locals(known=Mapped, described=bytes, table_id=cython.longlong, size=int)
    cdef _table_map(self, bytes event)
    cdef Mapped _find(self, long long table_id)
    @cython.locals(
        size=int, at=Py_ssize_t, table_id=cython.longlong, known=Mapped, binding=Binding, version=Version,
        count=cython.longlong, width=Py_ssize_t, bits=Py_ssize_t, complete=cython.bint
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
