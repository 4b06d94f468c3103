"""The pipeline's own records in Kafka: `{name}.__positions` and `{name}.__schemas`, compacted, one partition each.

Beside them stands `{name}.__shares`, without records, where several workers share a sink (`membership.py`).

========================  =========  ============================================================================
key                       topic      value
========================  =========  ============================================================================
``schema:{topic}:{n}``    schemas    a version of a table's columns (`TableSchema`)
``topic:{topic}``         schemas    where the pipeline's events begin in an event topic, see `TopicBegin`
``stream``                schemas    random identity of this stream: another one after a teardown
``owner``                 positions  the daemon that writes, see `Owner`
any other                 positions  an entry of the state store
========================  =========  ============================================================================

A state entry is written in the same transaction as the events that it belongs to.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tailrace.errors import DataLossError, OwnershipLostError, StuckError
from tailrace.position import SCHEMA_PREFIX
from tailrace.stream import Partition
from tailrace_kafka.cluster import Cluster, Topic
from tailrace_kafka.faults import STALL_SECONDS, Faults
from tailrace_kafka.properties import Properties

OWNER_KEY = "owner"
STREAM_KEY = "stream"
TOPIC_PREFIX = "topic:"

#: Compaction, also of what was written a short time ago: a start reads these topics whole.
TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(16 << 20),
    "segment.ms": str(3600_000),
    "min.cleanable.dirty.ratio": "0.1",
}
# A commit is acknowledged before its markers are written, which takes milliseconds; a crashed daemon's transaction
# stays open for up to a minute, and what it holds never happened.
_MARKER_SECONDS = 2.0
# Between two daemons' beginnings there is a moment in which the newer one has fenced the older one off, but not
# written its name yet.
_OWNER_SECONDS = 5.0
_LEARN_SECONDS = 5.0
# Daemons whose runs lie further back do not come again.
_PREDECESSORS = 50


@dataclass(frozen=True, slots=True)
class Ledger:
    """Names of the topics."""

    pipeline: str

    @property
    def positions(self) -> str:
        return f"{self.pipeline}.__positions"

    @property
    def schemas(self) -> str:
        return f"{self.pipeline}.__schemas"

    @property
    def shares(self) -> str:
        """See `membership.py`; made by the first worker that shares a sink."""
        return f"{self.pipeline}.__shares"

    @property
    def topics(self) -> list[str]:
        return [self.positions, self.schemas]

    def topic(self, key: str) -> str:
        """Where the entry with this key is kept."""
        return self.schemas if key.startswith((SCHEMA_PREFIX, TOPIC_PREFIX)) or key == STREAM_KEY else self.positions


@dataclass(frozen=True, slots=True)
class Owner:
    """The daemon that wrote its name last: whoever was the owner before it yields.

    Attributes:
        instance: random name of the daemon's run.
        writer: random name of this one of the run's writers.
        predecessors: the instances that owned the stream before, newest first: one of them that finds this record
            has been taken over from, though its own record may be compacted away.
    """

    instance: str
    host: str
    pid: int
    writer: str = ""
    predecessors: tuple[str, ...] = ()

    @classmethod
    def here(cls, instance: str, before: Owner | None) -> Owner:
        """This process, as the successor of the owner `before`."""
        older = (before.instance, *before.predecessors) if before is not None else ()
        predecessors = tuple(name for name in dict.fromkeys(older) if name != instance)
        return cls(instance, socket.gethostname(), os.getpid(), uuid.uuid4().hex, predecessors[:_PREDECESSORS])

    def lost(self, where: str) -> OwnershipLostError:
        """For a daemon that this one has taken over from."""
        return OwnershipLostError(
            f"another, newer daemon writes this pipeline's stream now (process {self.pid} on {self.host})",
            where=where,
            fix="stop one of the two",
        )

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, record: bytes) -> Owner:
        raw = orjson.loads(record)
        return cls(**raw | {"predecessors": tuple(raw.get("predecessors", ()))})


@dataclass(frozen=True, slots=True)
class TopicBegin:
    """An event topic as it was when this stream first used it.

    Attributes:
        id: of the topic; another one means that it was deleted since.
        offsets: by partition, where this stream's events begin: what is before is of an earlier pipeline.
        number: of the topic among the stream's, counted from 0; -1 where an earlier release has stored none.
    """

    id: str
    offsets: tuple[int, ...]
    number: int = -1

    def share(self, topic: str, count: int) -> int:
        """Which of so many shares the topic belongs to, for good: workers must agree without asking each other."""
        return (self.number if self.number >= 0 else zlib.crc32(topic.encode())) % count

    def to_json(self) -> bytes:
        return orjson.dumps({"id": self.id, "offsets": self.offsets, "number": self.number})

    @classmethod
    def from_json(cls, record: bytes) -> TopicBegin:
        raw = orjson.loads(record)
        return cls(raw["id"], tuple(raw["offsets"]), raw.get("number", -1))

    def require_same(self, topic: Topic | None, name: str, where: str) -> None:
        """
        Raises:
            DataLossError: the topic is gone, or is another one.
            StuckError: it has other partitions than then.
        """
        fix = "run `tailrace teardown` and load anew"
        place = f"{where}, topic {name}"
        if topic is None:
            raise DataLossError("the topic was deleted", where=place, fix=fix)
        if topic.id != self.id:
            raise DataLossError("the topic was deleted and made anew", where=place, fix=fix)
        if topic.partitions != len(self.offsets):
            raise StuckError(
                f"the topic had {len(self.offsets)} partitions and now has {topic.partitions}, "
                "so that the order of changes to a row is not kept",
                where=place,
                fix=fix,
            )


def topic_begins(entries: Mapping[str, bytes]) -> dict[str, TopicBegin]:
    """By topic name, from ledger entries."""
    return {
        key.removeprefix(TOPIC_PREFIX): TopicBegin.from_json(value)
        for key, value in entries.items()
        if key.startswith(TOPIC_PREFIX)
    }


def public_state(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """The state store: entries without those of this connector itself."""
    return {
        key: value
        for key, value in entries.items()
        if key not in (OWNER_KEY, STREAM_KEY) and not key.startswith(TOPIC_PREFIX)
    }


def learn_topics(consumer: Consumer, topics: Iterable[str]) -> None:
    """Asks for the leaders of these topics now: `assign` alone would find out within a second."""
    with suppress(KafkaException):
        for topic in topics:
            consumer.list_topics(topic, timeout=_LEARN_SECONDS)


class LedgerReader:
    """Follows one or both of the topics from their beginning."""

    def __init__(self, properties: Properties, cluster: Cluster, topics: Sequence[str]) -> None:
        self._cluster = cluster
        self._faults = Faults(properties.where)
        self._consumer: Consumer = properties.consumer(self._faults, f"{properties.prefix}.-ledger")
        # librdkafka itself would take half a second to look the beginning up.
        self._positions = cluster.begins(Partition(topic, 0) for topic in topics)
        self._ends_seen: dict[Partition, int] = {}
        learn_topics(self._consumer, topics)
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._positions.items()])
        self.entries: dict[str, bytes] = {}
        #: Records so far: as long as it is the same, so are the entries.
        self.records = 0

    def follow(self, timeout: float = 0.0) -> bool:
        """Takes what has come; whether there was a record."""
        first = self._consumer.poll(timeout)
        if first is None:
            return False
        came = self._take(first)
        for message in self._consumer.consume(10_000, 0):
            came = self._take(message) or came
        return came

    def read_to_end(self) -> None:
        """Takes everything that was committed when this was called.

        Raises:
            UnreachableError: nothing came for a long time.
        """
        ends = self._cluster.ends(self._positions)
        waiting_since = time.monotonic()
        while any(self._positions[partition] < end for partition, end in ends.items()):
            if self.follow(0.05):
                waiting_since = time.monotonic()
                continue
            waited = time.monotonic() - waiting_since
            if waited > _MARKER_SECONDS and self._only_open_transactions_left():
                return
            if waited > STALL_SECONDS:
                self._faults.raise_refusal()
                raise self._faults.unreachable(STALL_SECONDS)

    def read_until_owner(self, expected: Callable[[Owner], bool]) -> Owner | None:
        """Reads until the last owner's record is an expected one, and so everything before it.

        Returns that owner; None where it has not come within some seconds.
        """
        deadline = time.monotonic() + _OWNER_SECONDS
        while True:
            self.read_to_end()
            owner = self.owner
            if owner is not None and expected(owner):
                return owner
            if time.monotonic() > deadline:
                return None
            self.follow(0.05)

    @property
    def owner(self) -> Owner | None:
        record = self.entries.get(OWNER_KEY)
        return Owner.from_json(record) if record is not None else None

    def close(self) -> None:
        self._consumer.close()

    def _only_open_transactions_left(self) -> bool:
        return all(self._ends_seen.get(partition) == position for partition, position in self._positions.items())

    def _take(self, message: Message) -> bool:
        partition = Partition(message.topic() or "", 0)
        offset = message.offset() or 0
        error = message.error()
        if error is None:
            self._positions[partition] = offset + 1
            self.records += 1
            self._enter((message.key() or b"").decode(), message.value())
            return True
        if error.code() == KafkaError._PARTITION_EOF:
            self._positions[partition] = self._ends_seen[partition] = offset
            return False
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            raise DataLossError(
                "the topic was deleted while it was read",
                where=f"{self._faults.where}, topic {partition.topic}",
                fix="run `tailrace teardown` and load anew",
            )
        if not error.retriable():
            self._faults.note(error)
            self._faults.raise_refusal()
        return False

    def _enter(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.entries.pop(key, None)
        else:
            self.entries[key] = value
