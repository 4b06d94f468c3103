# cython: language_level=3
"""COPY messages from libpq into the decoder without a ctypes call for each: the fast form of `libpq.Copy.feed`."""

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
        cdef int length, looked = 0, whole
        cdef char *message
        while fed < limit and emitter._bytes < size:
            length = self.get(self.connection, &message, 1)
            if length > 0:
                looked = 0
                try:
                    taken = PyBytes_FromStringAndSize(message, length)
                finally:
                    self.free(message)
                decoder.feed(taken, 0, length)
                fed += length
            elif length < 0:
                return fed, length
            elif looked == self.looks:
                break
            else:
                looked += 1
                with nogil:
                    whole = self.consume(self.connection)
                if not whole:
                    return fed, -2
        return fed, 0
