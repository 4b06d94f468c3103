"""A sink's side of a Kafka stream, or `tail`'s."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tailrace.errors import DataLossError, UnreachableError
from tailrace.logs import logger
from tailrace.position import SCHEMA_PREFIX
from tailrace.stream import Partition, Slice
from tailrace_kafka.cluster import Cluster
from tailrace_kafka.faults import STALL_SECONDS, Faults, error_of, explain
from tailrace_kafka.gathering import Gathered, gather
from tailrace_kafka.ledger import STREAM_KEY, Ledger, LedgerReader, TopicBegin, learn_topics, public_state, topic_begins
from tailrace_kafka.membership import KafkaMembership
from tailrace_kafka.properties import Properties
from tailrace_kafka.sizes import RecordSizes

#: Between two looks whether the stream was made, as long as it was not.
_APPEAR_SECONDS = 0.5
#: Between two looks at whether the topics are still the same, with the same number of partitions.
_TOPICS_SECONDS = 30.0
#: A poll that waits for records looks this often for new topics.
_SLICE_SECONDS = 0.25
_COMMIT_SECONDS = 1.0
#: A new leader may know the topic's end only after a moment.
_END_SECONDS = 5.0
#: Trouble that lasts this long is looked into.
_DOUBT_SECONDS = 5.0
#: Asked for at a time: they may be far larger than those before, and all of them come.
_MOST_MESSAGES = 250

log = logger()


class KafkaReader:
    """Reads what is committed; waits where capture has not made the stream yet.

    Until then `stream_id` is "" and there are no partitions.

    Args:
        consumer: the sink's name, "" for an onlooker.
        one_topic: the template of event topics names one topic for all tables.
        needs_beginning: a consumer without a position must not begin later than the stream.
        membership: only topics of its share are there; what comes later is left to the next reader.
        instance: of the daemon's run, where the sink is its own: it must not take the target back from a newer daemon.

    Raises:
        OwnershipLostError: there is a newer daemon.
    """

    def __init__(
        self,
        properties: Properties,
        consumer: str,
        *,
        one_topic: bool,
        needs_beginning: bool,
        membership: KafkaMembership | None = None,
        instance: str = "",
    ) -> None:
        self._properties = properties
        self._consumer_name = consumer
        self._one_topic = one_topic
        self._needs_beginning = needs_beginning
        self._membership = membership
        self._share_taken = False
        self._ledger_topics = Ledger(properties.pipeline)
        self._cluster = Cluster(properties)
        self._faults = Faults(properties.where)
        self._begins: dict[str, TopicBegin] = {}
        self._wanted: dict[Partition, int] = {}
        self._positions: dict[Partition, int] = {}
        self._stream_id = ""
        self._schemas: LedgerReader | None = None
        self._discovered = -1  # records of the ledger that were looked at
        self._unassigned = True  # topics may be known that are not read yet
        self._look_at = 0.0
        self._topics_at = 0.0
        self._commit_at = 0.0
        self._uncommitted: dict[Partition, int] = {}
        self._message_bytes = 1000.0
        self._sizes = RecordSizes()
        self._cluster.connect()
        if instance:
            self._refuse_to_return(instance)
        group = f"{properties.prefix}.{consumer or '-tail'}"
        # What belongs to the group, the membership does.
        self._consumer: Consumer = properties.consumer(self._faults, f"{group}.-reader" if membership else group)

    # ---- the protocol

    @property
    def stream_id(self) -> str:
        if not self._stream_id:
            self._discover(to_end=True)
        return self._stream_id

    @property
    def total_order(self) -> bool:
        return self._one_topic and sum(len(begin.offsets) for begin in self._begins.values()) <= 1

    def partitions(self) -> Mapping[Partition, str]:
        self._discover(to_end=True)
        self._share_taken = True
        return {partition: self._begins[partition.topic].id for partition in _partitions(self._begins)}

    def seek(self, positions: Mapping[Partition, int]) -> None:
        self._wanted = dict(positions)
        self._positions = {}
        self._unassigned = True
        self._consumer.unassign()
        self._discover(to_end=True)
        self._assign()

    def poll(self, timeout: float, limit_bytes: int) -> list[Slice]:
        deadline = time.monotonic() + timeout
        while True:
            self._discover()
            self._assign()
            left = deadline - time.monotonic()
            slices = self._take(min(max(left, 0), _SLICE_SECONDS), limit_bytes)
            self._send_commit()
            # librdkafka counts in milliseconds.
            if slices or deadline - time.monotonic() < 0.001:
                return slices

    def pause(self, partition: Partition) -> None:
        self._consumer.pause([TopicPartition(*partition)])

    def resume(self, partition: Partition) -> None:
        self._consumer.resume([TopicPartition(*partition)])

    def positions(self) -> Mapping[Partition, int]:
        return dict(self._positions)

    def ends(self) -> Mapping[Partition, int]:
        self._discover(to_end=True)
        return self._cluster.ends(_partitions(self._begins))

    def lag_bytes(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int]) -> Mapping[Partition, int]:
        """See `StreamReader.lag_bytes`; an estimate, by the mean size of what this reader has read of the topic."""
        behind = {}
        for partition, end in ends.items():
            begin = self._begins[partition.topic].offsets[partition.number]
            offsets = end - max(positions.get(partition, 0), begin)
            behind[partition] = self._sizes.estimate(partition.topic, offsets)
        return behind

    def schemas(self) -> list[bytes]:
        self._discover(to_end=True)
        if self._schemas is None:
            return []
        entries = [item for item in self._schemas.entries.items() if item[0].startswith(SCHEMA_PREFIX)]
        return [value for _, value in sorted(entries, key=_version)]

    def state(self) -> dict[str, bytes]:
        if len(self._cluster.topics(self._ledger_topics.topics)) < len(self._ledger_topics.topics):
            return {}
        with closing(LedgerReader(self._properties, self._cluster, self._ledger_topics.topics)) as ledger:
            ledger.read_to_end()
            return public_state(ledger.entries)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        if self._consumer_name:
            self._uncommitted.update(positions)
            self._send_commit()

    def close(self) -> None:
        self._send_commit(at_once=True)
        self._consumer.close()
        if self._schemas is not None:
            self._schemas.close()
        self._cluster.close()

    # ---- ownership

    def _refuse_to_return(self, instance: str) -> None:
        """The older daemon yields with its sinks too: after a lost connection, or asleep, one would take them again."""
        positions = self._ledger_topics.positions
        if not self._cluster.topics([positions]):
            return
        with closing(LedgerReader(self._properties, self._cluster, [positions])) as ledger:
            ledger.read_to_end()
            owner = ledger.owner
        if owner is not None and instance in owner.predecessors:
            raise owner.lost(self._properties.where)

    # ---- topics

    def _discover(self, to_end: bool = False) -> None:
        """Follows the ledger for new topics; with `to_end` knows everything that was committed by now."""
        schemas = self._open_schemas(at_once=to_end)
        if schemas is None:
            return
        if to_end:
            schemas.read_to_end()
        else:
            while schemas.follow():
                pass
        # With thousands of topics a look at each of them would be most of what a poll costs.
        if schemas.records == self._discovered and time.monotonic() < self._topics_at:
            return
        if not self._stream_id and STREAM_KEY in schemas.entries:
            self._stream_id = f"{self._cluster.id()}:{schemas.entries[STREAM_KEY].decode()}"
        known = topic_begins(schemas.entries)
        membership = self._membership
        if membership is not None:
            known = {topic: begin for topic, begin in known.items() if membership.takes(topic, begin)}
            if self._share_taken and len(known) > len(self._begins):
                membership.note_more()
                known = {topic: known[topic] for topic in self._begins}
        new = {topic: begin for topic, begin in known.items() if topic not in self._begins}
        if new or time.monotonic() >= self._topics_at:
            self._require_same_topics(known)
        self._discovered = schemas.records
        self._begins.update(new)
        self._unassigned = self._unassigned or bool(new)

    def _open_schemas(self, at_once: bool) -> LedgerReader | None:
        if self._schemas is None and (at_once or time.monotonic() >= self._look_at):
            self._look_at = time.monotonic() + _APPEAR_SECONDS
            names = [self._ledger_topics.schemas]
            if self._cluster.topics(names):
                self._schemas = LedgerReader(self._properties, self._cluster, names)
        return self._schemas

    def _require_same_topics(self, begins: Mapping[str, TopicBegin]) -> None:
        self._topics_at = time.monotonic() + _TOPICS_SECONDS
        # A cluster that is out of reach says nothing about its topics; polling will tell.
        with suppress(UnreachableError):
            found = self._cluster.topics(begins)
            for topic, begin in begins.items():
                begin.require_same(found.get(topic), topic, self._properties.where)

    # ---- positions

    def _assign(self) -> None:
        """Reads topics that are not read yet, from where `seek` said, or from their beginning."""
        if not self._unassigned:
            return
        new = [partition for partition in _partitions(self._begins) if partition not in self._positions]
        if not new:
            self._unassigned = False
            return
        starts = self._starts(new)
        self._positions.update(starts)
        learn_topics(self._consumer, {partition.topic for partition in starts})
        self._consumer.incremental_assign([TopicPartition(*partition, offset) for partition, offset in starts.items()])
        self._unassigned = False

    def _starts(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """
        Raises:
            DataLossError: a position is no offset of the topic any more.
        """
        kept = self._cluster.begins(partitions)
        self._require_ends({p: self._wanted[p] for p in partitions if p in self._wanted})
        starts = {}
        for partition, first in kept.items():
            begin = self._begins[partition.topic].offsets[partition.number]
            position = self._wanted.get(partition)
            if position is None:
                position = begin if self._needs_beginning else max(begin, first)
                if position > begin and self._consumer_name:
                    log.warning(
                        "the sink has no position yet, and the partition's beginning is not kept any more",
                        sink=self._consumer_name,
                        topic=partition.topic,
                        partition=partition.number,
                        stream_begins_at=begin,
                        first_kept=first,
                    )
            if position < first:
                known = f"{self._consumer_name} continues at" if partition in self._wanted else "the stream begins at"
                raise self._lost(partition, f"{known} offset {position:,}, but only records from {first:,} on are kept")
            starts[partition] = position
        return starts

    def _require_ends(self, positions: Mapping[Partition, int]) -> None:
        deadline = time.monotonic() + _END_SECONDS
        while True:
            ends = self._cluster.ends(positions)
            beyond = [partition for partition, offset in positions.items() if offset > ends[partition]]
            if not beyond:
                return
            if time.monotonic() > deadline:
                partition = beyond[0]
                raise self._lost(
                    partition,
                    f"{self._consumer_name} continues at offset {positions[partition]:,}, but the partition ends at "
                    f"{ends[partition]:,}: records were lost, or it is another topic",
                )
            time.sleep(0.1)

    def _lost(self, partition: Partition, what: str) -> DataLossError:
        return DataLossError(
            what,
            where=f"{self._properties.where}, topic {partition.topic}, partition {partition.number}",
            fix="only a new full load makes the target whole: run `tailrace teardown`, then `tailrace run`",
        )

    # ---- records

    def _take(self, timeout: float, limit_bytes: int) -> list[Slice]:
        # `consume` waits until it has as many as asked for: the first one alone may be waited for.
        first = self._consumer.poll(timeout)
        if first is None:
            self._watch()
            return []
        if self._faults.since is not None:
            self._faults.clear()
        gathered: dict[Partition, Gathered] = {}
        size = self._gather([first], gathered)
        self._message_bytes = max(self._message_bytes, size)
        while size < limit_bytes:
            count = int((limit_bytes - size) / self._message_bytes) + 1
            messages = self._consumer.consume(min(count, _MOST_MESSAGES), 0)
            if not messages:
                break
            grown = self._gather(messages, gathered)
            size += grown
            mean = grown / len(messages)
            self._message_bytes = max(mean, self._message_bytes + 0.2 * (mean - self._message_bytes))
        for partition, piece in gathered.items():
            passed = max(piece.offsets[-1] + 1 - piece.begin, len(piece.offsets))
            self._sizes.read(partition.topic, passed, piece.size)
        return [piece.slice() for piece in gathered.values()]

    def _gather(self, messages: list[Message], gathered: dict[Partition, Gathered]) -> int:
        size = gather(messages, gathered, self._positions, self._handle)
        positions = self._positions
        for partition, piece in gathered.items():
            after = piece.offsets[-1] + 1
            positions[partition] = max(positions.get(partition, 0), after)
        return size

    def _handle(self, error: KafkaError, message: Message) -> None:
        partition = Partition(message.topic() or "", message.partition() or 0)
        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            # Past the markers and aborted records before the end, which are no messages.
            offset = message.offset() or 0
            self._positions[partition] = max(self._positions.get(partition, 0), offset)
        elif code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise self._lost(partition, f"offset {self._positions.get(partition, 0):,} is not kept any more")
        elif code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
            raise self._lost(partition, "the topic was deleted while it was read")
        else:
            self._faults.note(error)
            self._faults.raise_refusal()

    def _watch(self) -> None:
        """Nothing came: tells an idle stream from a cluster that is out of reach."""
        since = self._faults.since
        if since is None:
            return
        self._faults.raise_refusal()
        for_seconds = time.monotonic() - since
        if for_seconds < _DOUBT_SECONDS:
            return
        if self._cluster.answers(2.0):
            self._faults.clear()
        elif for_seconds > STALL_SECONDS:
            raise self._faults.unreachable(STALL_SECONDS)

    # ---- the group's offsets

    def _send_commit(self, at_once: bool = False) -> None:
        """For tools that show a group's lag; nobody reads on from these."""
        if not self._uncommitted or (not at_once and time.monotonic() < self._commit_at):
            return
        uncommitted, self._uncommitted = self._uncommitted, {}
        self._commit_at = time.monotonic() + _COMMIT_SECONDS
        if self._membership is not None:
            self._membership.commit(uncommitted)
            return
        offsets = [TopicPartition(*partition, offset) for partition, offset in uncommitted.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as exception:
            log.debug("group offsets not committed", error=str(explain(error_of(exception), self._properties.where)))


def _partitions(begins: Mapping[str, TopicBegin]) -> list[Partition]:
    return [Partition(topic, number) for topic, begin in begins.items() for number in range(len(begin.offsets))]


def _version(entry: tuple[str, bytes]) -> tuple[str, int]:
    """Orders `schema:{topic}:{id}` by topic and number."""
    topic, _, number = entry[0].rpartition(":")
    return topic, int(number)
