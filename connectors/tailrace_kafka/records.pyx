# cython: language_level=3, boundscheck=False, wraparound=False
"""Records into librdkafka without the interpreter's lock: the compiled part of `direct.py`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int32_t, int64_t

cdef enum:
    COPY = 2  # RD_KAFKA_MSG_F_COPY
    MESSAGES = 1000  # at a time


cdef struct Message:  # rd_kafka_message_t
    int error
    void *topic
    int32_t partition
    const char *payload
    size_t size
    const char *key
    size_t key_size
    int64_t offset
    void *private


ctypedef int (*ProduceBatch)(void *, int32_t, int, Message *, int) noexcept nogil


cdef int _point(object data, const char **start, size_t *size) except -1:
    if data is None:
        start[0], size[0] = NULL, 0
        return 0
    if not PyBytes_CheckExact(data):
        raise TypeError("a record's key and value are bytes, or None")
    start[0], size[0] = PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
    return 0


cdef class Records:
    """Calls rd_kafka_produce_batch.

    Args:
        produce: its address.

    Attributes:
        largest: bytes of the largest record of the last call.
    """

    cdef ProduceBatch produce
    cdef Message *messages
    cdef readonly size_t largest

    def __cinit__(self, size_t produce):
        self.produce = <ProduceBatch>produce
        self.messages = <Message *>PyMem_Malloc(MESSAGES * sizeof(Message))
        if self.messages == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.messages)

    def send(self, size_t topic, list keys not None, list values not None, Py_ssize_t start, int partition):
        """Hands over the records from `start` on, in their order.

        Args:
            topic: address of an rd_kafka_topic_t.
            partition: -1: by the key.

        Returns:
            The index of the first record that was not taken, or how many there are; and librdkafka's error code, 0
            where all were taken.
        """
        cdef Py_ssize_t total = min(len(keys), len(values)), index
        cdef int count
        cdef Message *message
        self.largest = 0
        while start < total:
            count = <int>min(total - start, <Py_ssize_t>MESSAGES)
            for index in range(count):
                message = &self.messages[index]
                message.error = 0
                message.topic = message.private = NULL
                _point(values[start + index], &message.payload, &message.size)
                _point(keys[start + index], &message.key, &message.key_size)
                if message.size + message.key_size > self.largest:
                    self.largest = message.size + message.key_size
            # librdkafka copies; the lists keep the bytes until it has.
            with nogil:
                self.produce(<void *>topic, partition, COPY, self.messages, count)
            for index in range(count):
                if self.messages[index].error:
                    return start + index, self.messages[index].error
            start += count
        return total, 0
