"""Messages of a consumer, sorted by partition; compiled where a compiler is there (`gathering.pxd`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, Message

from tailrace.batch import Run
from tailrace.stream import Partition, Slice


class Gathered:
    """Records of one partition, which was read up to the offset `begin` before."""

    def __init__(self, partition: Partition, begin: int) -> None:
        self.partition = partition
        self.begin = begin
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.offsets: list[int] = []
        self.size = 0

    def slice(self) -> Slice:
        run = Run(self.partition.topic, self.keys, self.values)
        return Slice(self.partition, [run], [self.offsets], self.offsets[-1] + 1, self.size)


def gather(
    messages: list[Message],
    gathered: dict[Partition, Gathered],
    positions: Mapping[Partition, int],
    handle: Callable[[KafkaError, Message], None],
) -> int:
    """Adds the messages to those of their partitions; returns their bytes.

    Args:
        positions: where each partition was read up to before.
        handle: is called with what is an error, or the news of a partition's end.
    """
    size = 0
    piece: Gathered | None = None
    topic = ""
    number = -1
    for message in messages:
        error = message.error()
        if error is not None:
            handle(error, message)
            continue
        here, part = message.topic(), message.partition()
        if piece is None or part != number or here != topic:
            assert here is not None  # only an error has neither
            assert part is not None
            topic, number = here, part
            partition = Partition(topic, number)
            piece = gathered.get(partition)
            if piece is None:
                begin = positions.get(partition, message.offset() or 0)
                piece = gathered[partition] = Gathered(partition, begin)
        key, value = message.key(), message.value()
        grown = 0
        if key is not None:
            grown += len(key)
        if value is not None:
            grown += len(value)
        piece.keys.append(key)
        piece.values.append(value)
        piece.offsets.append(message.offset())  # type: ignore[arg-type]
        piece.size += grown
        size += grown
    return size
