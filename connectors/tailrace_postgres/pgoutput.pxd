# cython: language_level=3
# Types for the compiled form of pgoutput.py.
cimport cython

from tailrace.render cimport digits
from tailrace_postgres.inprogress cimport InProgress, Streamed
from tailrace_postgres.integers cimport i32, i64, u16, u32, u64
from tailrace_postgres.row_messages cimport RowMessages


cdef class Decoder(RowMessages):
    cdef public unsigned long long idle
    cdef public bint reply_requested
    cdef public unsigned long long received
    cdef public bint in_block
    cdef public bint replaying
    cdef unsigned long long _last_commit
    cdef long long _committed_us
    cdef bytes _latest
    cdef Py_ssize_t _latest_at
    cdef InProgress _in_progress
    cdef Streamed _replayed
    cdef long long _replayed_xid
    cdef unsigned long long _final_lsn
    cdef unsigned long long _end_lsn
    cdef long long _clock

    @cython.locals(kind=int, position=Py_ssize_t)
    cpdef feed(self, bytes buffer, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(wal_end="unsigned long long")
    cdef Py_ssize_t _keepalive(self, Py_ssize_t position) except -1
    @cython.locals(replayed=Streamed, done="long long")
    cpdef replay(self, long long size, long long limit)
    @cython.locals(position=Py_ssize_t)
    cdef _kept(self, bytes buffer, Py_ssize_t start, Py_ssize_t end)
    cdef Py_ssize_t _message(self, int kind, Py_ssize_t position, Py_ssize_t end) except -1
    cdef Py_ssize_t _rare(self, int kind, Py_ssize_t position, Py_ssize_t end) except -1
    @cython.locals(content=Py_ssize_t)
    cdef Py_ssize_t _of_block(self, int kind, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(final_lsn="unsigned long long", clock="long long", xid="long long")
    cdef Py_ssize_t _begin(self, Py_ssize_t position) except -1
    cdef _start(self, unsigned long long final_lsn, long long clock, long long xid)
    cdef Py_ssize_t _commit(self, Py_ssize_t position) except -1
    cdef _finish(self, unsigned long long end_lsn)
