# cython: language_level=3
# Types for the compiled form of packets.py.
cimport cython

from tailrace_mysql.binlog.integers cimport cut


cdef class Packets:
    cdef bytearray _partial
    cdef Py_ssize_t _wanted
    cdef list _pieces
    cdef public bint pending

    cpdef packet(self, bytes payload)
    cpdef go_on(self)
    cpdef Py_ssize_t whole(self, bytes chunk, Py_ssize_t at) except -1
    @cython.locals(chunk=bytes, at=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t, packet_end=Py_ssize_t, taken=Py_ssize_t, payload=bytes)
    cpdef feed(self, buffer, Py_ssize_t start, Py_ssize_t end)
