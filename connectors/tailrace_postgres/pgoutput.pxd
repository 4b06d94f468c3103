# cython: language_level=3
# Types for the compiled form of pgoutput.py.
cimport cython

from tailrace.emitter cimport Emitter


cdef class Decoder:
    cdef public object idle
    cdef public bint reply_requested
    cdef public object received
    cdef public dict current
    cdef public bint in_transaction
    cdef Emitter _emitter
    cdef object _relations
    cdef dict _plans
    cdef dict _described
    cdef object _last_commit
    cdef long long _ordinal
    cdef long long _xid
    cdef object _lsn
    cdef bytes _buffer

    @cython.locals(kind=int, position=Py_ssize_t)
    cpdef feed(self, bytes buffer, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(kind=int)
    cdef Py_ssize_t _message(self, Py_ssize_t position, Py_ssize_t end) except -1
    cpdef Py_ssize_t _insert(self, Py_ssize_t position) except -1
    cpdef Py_ssize_t _update(self, Py_ssize_t position) except -1
    cpdef Py_ssize_t _delete(self, Py_ssize_t position) except -1
    cdef Py_ssize_t _begin(self, Py_ssize_t position) except -1
    cdef Py_ssize_t _commit(self, Py_ssize_t position) except -1
    cdef _change(self, Py_ssize_t position)
    cdef _announce(self, plan)
    cdef Py_ssize_t _tag(self, Py_ssize_t position, bytes allowed) except -1
    cdef bytes _place(self)
