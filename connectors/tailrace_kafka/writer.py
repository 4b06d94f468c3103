"""Capture's side of a Kafka stream."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress

from tailrace.batch import Run
from tailrace.errors import OwnershipLostError, RefusedError, UnreachableError
from tailrace.stream import Partition
from tailrace_kafka.cluster import Cluster
from tailrace_kafka.ledger import (
    OWNER_KEY,
    STREAM_KEY,
    TOPIC_CONFIG,
    TOPIC_PREFIX,
    Ledger,
    LedgerReader,
    Owner,
    TopicBegin,
    public_state,
    topic_begins,
)
from tailrace_kafka.producing import Entry, Fenced, IdempotentProducing, Producing, TransactionalProducing
from tailrace_kafka.properties import Properties

#: Between two looks at whether the topics are still the same, with the same number of partitions.
_TOPICS_SECONDS = 30.0


class KafkaWriter:
    """Publishes each batch in one transaction, or, without transactions, the events before the position.

    Args:
        instance: random name of the daemon, to tell it from one that takes over.
        partitions, replication_factor: of topics that are made.
    """

    def __init__(
        self,
        properties: Properties,
        instance: str,
        *,
        partitions: int,
        replication_factor: int,
        transactional: bool,
    ) -> None:
        self._properties = properties
        self._instance = instance
        self._new_partitions = partitions
        self._replication_factor = replication_factor
        self._ledger = Ledger(properties.pipeline)
        self._cluster = Cluster(properties)
        self._partitions: dict[str, int] = {}
        self._topics_at = time.monotonic() + _TOPICS_SECONDS
        self._rivals: LedgerReader | None = None
        self._producing: Producing | None = None
        self._before: Owner | None = None
        try:
            self._cluster.connect()
            self._cluster.create(self._ledger.topics, 1, replication_factor, TOPIC_CONFIG)
            require_compaction(self._cluster, self._ledger)
            with closing(self._follow_positions()) as positions:
                self._refuse_to_return(positions)
                self._producing = (TransactionalProducing if transactional else IdempotentProducing)(properties)
                self._entries = self._take_over(self._producing, positions)
            if not transactional:
                self._rivals = self._follow_positions()
                # A first glance would show older owners: of a longer ledger only a part comes at a time.
                self._rivals.read_until_owner(self._is_own_or_newer)
        except BaseException:
            self.close()
            raise

    # ---- the protocol

    def state(self) -> dict[str, bytes]:
        return public_state(self._entries)

    def prepare(self, topics: Sequence[str]) -> None:
        new = [topic for topic in dict.fromkeys(topics) if topic not in self._partitions]
        if not new:
            return
        found = self._cluster.create(new, self._new_partitions, self._replication_factor)
        begins = topic_begins(self._entries)
        for topic in new:
            if topic in begins:
                begins[topic].require_same(found[topic], topic, self._properties.where)
        unknown = [topic for topic in new if topic not in begins]
        ends = self._cluster.ends(Partition(t, number) for t in unknown for number in range(found[t].partitions))
        entries: dict[str, bytes | None] = {}
        for order, topic in enumerate(unknown, len(begins)):
            offsets = tuple(ends[Partition(topic, number)] for number in range(found[topic].partitions))
            entries[TOPIC_PREFIX + topic] = TopicBegin(found[topic].id, offsets, order).to_json()
        if entries:
            self._write([], entries)
        self._partitions.update((topic, found[topic].partitions) for topic in new)

    def publish(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        self.prepare([run.topic for run in runs])
        if time.monotonic() >= self._topics_at:
            self._require_same_topics()
        self._write(runs, state, more)

    def backlog_full(self) -> str:
        return ""  # what Kafka keeps is Kafka's own affair

    def spill_full(self) -> str:
        return ""

    def close(self) -> None:
        producing, self._producing = self._producing, None
        if producing is not None:
            producing.close()
        rivals, self._rivals = self._rivals, None
        if rivals is not None:
            rivals.close()
        self._cluster.close()

    # ---- ownership

    def _follow_positions(self) -> LedgerReader:
        return LedgerReader(self._properties, self._cluster, [self._ledger.positions])

    def _refuse_to_return(self, positions: LedgerReader) -> None:
        """The older daemon yields, also where it begins anew: nobody fences it off then, it would fence the newer one.

        Raises:
            OwnershipLostError: this run has owned the stream, and another daemon has taken it over since.
        """
        positions.read_to_end()
        self._before = positions.owner
        if self._before is not None and self._instance in self._before.predecessors:
            raise self._yield_to(self._before)

    def _take_over(self, producing: Producing, positions: LedgerReader) -> dict[str, bytes]:
        """Becomes the owner; returns all entries that earlier ones left."""
        try:
            producing.open()
            positions.read_to_end()  # there may have been another one since
            self._before = positions.owner
            self._owner = Owner.here(self._instance, self._before)
            producing.publish([], {}, [], [(self._ledger.positions, OWNER_KEY, self._owner.to_json())])
        except Fenced as fenced:
            raise self._judge(fenced) from None
        with closing(LedgerReader(self._properties, self._cluster, self._ledger.topics)) as reader:
            found = reader.read_until_owner(self._is_own_or_newer)
            if found is None:
                raise UnreachableError("the owner record does not arrive", where=self._properties.where)
            if self._is_rival(found):
                raise self._yield_to(found)
            entries = reader.entries
        if STREAM_KEY not in entries:
            entries[STREAM_KEY] = uuid.uuid4().hex.encode()
            producing.publish([], {}, [(self._ledger.schemas, STREAM_KEY, entries[STREAM_KEY])], [])
        return entries

    def _judge(self, fenced: Fenced) -> UnreachableError | OwnershipLostError:
        """Why the cluster takes nothing of this producer any more: the older daemon yields, for good."""
        with closing(self._follow_positions()) as reader:
            owner = reader.read_until_owner(self._is_rival)
        if owner is not None:
            return self._yield_to(owner)
        # The transaction took longer than the broker allows, or the producer's id expired: nobody took over.
        return UnreachableError(f"the broker gave this producer up ({fenced})", where=self._properties.where)

    def _is_rival(self, owner: Owner) -> bool:
        """Whether this is a newer owner than we are: of older ones the record may be there before ours is."""
        before = self._before
        older = (before.instance, *before.predecessors) if before is not None else ()
        return owner.instance != self._instance and owner.instance not in older

    def _is_own_or_newer(self, owner: Owner) -> bool:
        return owner == self._owner or self._is_rival(owner)

    def _yield_to(self, owner: Owner) -> OwnershipLostError:
        return owner.lost(self._properties.where)

    def _require_ownership(self) -> None:
        """Without transactions nobody fences us off: look for a newer owner."""
        if self._rivals is None:
            return
        while self._rivals.follow():
            pass
        owner = self._rivals.owner
        if owner is not None and self._is_rival(owner):
            raise self._yield_to(owner)

    # ---- writing

    def _write(self, runs: Sequence[Run], state: Mapping[str, bytes | None], more: bool = False) -> None:
        producing = self._producing
        if producing is None:
            raise UnreachableError("the writer was closed", where=self._properties.where)
        entries: list[Entry] = [(self._ledger.topic(key), key, value) for key, value in state.items()]
        first = [entry for entry in entries if entry[0] == self._ledger.schemas]
        last = [entry for entry in entries if entry[0] != self._ledger.schemas]
        try:
            self._require_ownership()
            producing.publish(runs, self._partitions, first, last, more)
        except Fenced as fenced:
            self._abandon()
            raise self._judge(fenced) from None
        except BaseException:
            self._abandon()
            raise
        for key, value in state.items():
            if value is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = value

    def _abandon(self) -> None:
        """What of the last call is durable is not known here any more."""
        producing, self._producing = self._producing, None
        if producing is not None:
            producing.close()

    def _require_same_topics(self) -> None:
        self._topics_at = time.monotonic() + _TOPICS_SECONDS
        # A cluster that is out of reach says nothing about its topics; publishing will tell.
        with suppress(UnreachableError):
            found = self._cluster.topics(self._partitions)
            begins = topic_begins(self._entries)
            for topic in self._partitions:
                begins[topic].require_same(found.get(topic), topic, self._properties.where)


def require_compaction(cluster: Cluster, ledger: Ledger) -> None:
    """
    Raises:
        RefusedError: retention would delete the position of a pipeline that is idle for long.
    """
    for topic in ledger.topics:
        policy = cluster.topic_config(topic).get("cleanup.policy", "compact")
        if policy != "compact":
            raise RefusedError(
                f"the topic has cleanup.policy={policy}: records that the pipeline needs would be deleted",
                where=f"{cluster.faults.where}, topic {topic}",
                fix=f"kafka-configs --alter --entity-type topics --entity-name {topic} "
                "--add-config cleanup.policy=compact",
            )
