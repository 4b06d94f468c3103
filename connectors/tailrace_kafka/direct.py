"""Records to librdkafka itself, through the handle of confluent-kafka's producer.

`Producer.produce_batch` wants a dict for each record, keeps the interpreter's lock while librdkafka copies them, and
takes it once more for each record's delivery report, although nobody asked for one; meanwhile nothing is decoded. The
library under it takes pointers, without the lock (`rd_kafka_produce_batch` in librdkafka's `rdkafka.h`). Without
delivery reports only a transaction's commit tells that all arrived, so this is for transactions alone.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import confluent_kafka.cimpl
from confluent_kafka import Producer

from tailrace.compiled import compiled_class

_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_opaque": (ctypes.c_void_p, [ctypes.c_void_p]),
    "rd_kafka_topic_new": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]),
    "rd_kafka_topic_destroy": (None, [ctypes.c_void_p]),
}


class Direct:
    """One producer's way past the interpreter. The producer must outlive it.

    Args:
        handle: address of the producer's rd_kafka_t.
    """

    def __init__(self, library: Any, handle: int, records: Any) -> None:
        self._library = library
        self._handle = handle
        self._records = records

    @property
    def largest(self) -> int:
        """Bytes of the largest record of the last call, key and value together."""
        return int(self._records.largest)

    def send(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        start: int = 0,
        partition: int = -1,
    ) -> tuple[int, int]:
        """Hands over the records from `start` on, in their order, until the producer's queue is full.

        Args:
            keys, values: lists.
            partition: -1: by the key.

        Returns:
            The index of the first record that was not taken, or how many there are; and librdkafka's error code, 0
            where all were taken.
        """
        handle = self._library.rd_kafka_topic_new(self._handle, topic.encode(), None)
        if not handle:
            raise ValueError(f"{topic} is no topic")
        try:
            taken: tuple[int, int] = self._records.send(handle, keys, values, start, partition)
            return taken
        finally:
            self._library.rd_kafka_topic_destroy(handle)


@functools.cache
def _library() -> Any:
    """The librdkafka that confluent-kafka was linked to; None where its symbols are hidden."""
    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    try:
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
        return library if library.rd_kafka_produce_batch else None
    except AttributeError:
        return None


def direct(producer: Producer) -> Direct | None:
    """None where this is not compiled, or confluent-kafka is not built as it is known here."""
    made = compiled_class("tailrace_kafka.records", "Records")
    library = _library() if made is not None else None
    if library is None:
        return None
    # The handle is the first member of the producer's structure; it names the producer as its opaque pointer in turn.
    handle = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__).value
    if not handle or library.rd_kafka_opaque(handle) != id(producer):
        return None
    return Direct(library, handle, made(ctypes.cast(library.rd_kafka_produce_batch, ctypes.c_void_p).value))
