# cython: language_level=3
"""COPY's messages from libpq without a ctypes call for each: the compiled form of `libpq._Messages`."""

from cpython.bytes cimport PyBytes_FromStringAndSize

from tailrace.emitter cimport Emitter
from tailrace_postgres.pgoutput cimport Decoder

ctypedef int (*ConsumeInput)(void *) noexcept nogil
ctypedef int (*GetCopyData)(void *, char **, int) noexcept nogil
ctypedef void (*FreeMemory)(void *) noexcept nogil


cdef class Messages:
    """The messages of one COPY.

    Args:
        connection: address of the PGconn.
        consume, get, free: addresses of PQconsumeInput, PQgetCopyData and PQfreemem of the libpq that it belongs to.
        looks: how often the socket is looked at before it is taken for empty.
    """

    cdef void *connection
    cdef ConsumeInput consume
    cdef GetCopyData get
    cdef FreeMemory free
    cdef int looks
    cdef bytes message

    def __cinit__(self, size_t connection, size_t consume, size_t get, size_t free, int looks):
        self.connection = <void *>connection
        self.consume = <ConsumeInput>consume
        self.get = <GetCopyData>get
        self.free = <FreeMemory>free
        self.looks = looks

    def feed(self, Decoder decoder not None, Emitter emitter not None, long long size, Py_ssize_t limit):
        """See `libpq.Copy.feed`.

        Returns:
            Bytes handed over, and PQgetCopyData's result where it ended that: -1 the COPY is over, -2 the connection
            failed; else 0.
        """
        cdef Py_ssize_t fed = 0
        cdef int length = 0
        while fed < limit and emitter._bytes < size:
            length = self.next()
            if length <= 0:
                break
            decoder.feed(self.message, 0, length)
            fed += length
            if decoder.replaying:
                break
        return fed, min(length, 0)

    def take(self, Py_ssize_t limit):
        """Messages of about `limit` bytes together, and what `feed` returns with them."""
        cdef list taken = []
        cdef Py_ssize_t total = 0
        cdef int length = 0
        while total < limit:
            length = self.next()
            if length <= 0:
                break
            taken.append(self.message)
            total += length
        self.message = None
        return taken, min(length, 0)

    cdef int next(self) except -3:
        """PQgetCopyData's result, after looks at the socket if need be; where there is a message, it is `message`."""
        cdef int length, looked = 0, whole
        cdef char *data
        while True:
            length = self.get(self.connection, &data, 1)
            if length > 0:
                break
            if length < 0 or looked == self.looks:
                return length
            looked += 1
            with nogil:
                whole = self.consume(self.connection)
            if not whole:
                return -2
        try:
            self.message = PyBytes_FromStringAndSize(data, length)
        finally:
            self.free(data)
        return length
