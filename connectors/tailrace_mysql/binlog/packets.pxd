# cython: language_level=3
# Types for the compiled form of packets.py.
cimport cython


cdef class Packets:
    cdef object _handle
    cdef bytearray _pending
    cdef list _pieces

    @cython.locals(at=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t, packet_end=Py_ssize_t, pending=bytearray, payload=bytes)
    cpdef feed(self, buffer, Py_ssize_t start, Py_ssize_t end)
