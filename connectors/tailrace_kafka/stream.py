"""The Kafka stream: a topic per table, positions and schemas beside them, in one transaction."""

from __future__ import annotations

import math
import uuid
from contextlib import closing
from typing import Any, Protocol

from tailrace.connectors import Context
from tailrace.errors import RefusedError, UnreachableError
from tailrace.source import Finding
from tailrace.stream import Partition, StreamSize
from tailrace_kafka.check import check
from tailrace_kafka.cluster import Cluster
from tailrace_kafka.ledger import Ledger, LedgerReader, topic_begins
from tailrace_kafka.membership import KafkaMembership
from tailrace_kafka.properties import Properties
from tailrace_kafka.reader import KafkaReader
from tailrace_kafka.writer import KafkaWriter


class Settings(Protocol):
    """What the stream needs of its table in the pipeline file; see `KafkaStreamSettings`."""

    @property
    def partitions(self) -> int: ...

    @property
    def replication_factor(self) -> int: ...

    @property
    def transactional(self) -> bool: ...

    def properties(self) -> dict[str, Any]: ...


class KafkaStream:
    """Topics of a Kafka cluster.

    Raises:
        ConfigError: a property would break a guarantee, or librdkafka does not know it.
    """

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._properties = Properties(settings.properties(), context.pipeline, context.memory)
        self._ledger = Ledger(context.pipeline)
        # One name for all writers of a daemon's run: whoever opens anew after an error still is the owner.
        self._instance = context.instance or uuid.uuid4().hex

    def check(self) -> list[Finding]:
        return check(self._properties, self._settings.partitions, self._settings.replication_factor)

    def writer(self) -> KafkaWriter:
        """Becomes the pipeline's one writer; an older one is fenced off."""
        return KafkaWriter(
            self._properties,
            self._instance,
            partitions=self._settings.partitions,
            replication_factor=self._settings.replication_factor,
            transactional=self._settings.transactional,
        )

    def join(self, consumer: str) -> KafkaMembership:
        return KafkaMembership(self._properties, consumer, self._settings.replication_factor)

    def reader(self, consumer: str, membership: KafkaMembership | None = None) -> KafkaReader:
        template = self._context.topic
        return KafkaReader(
            self._properties,
            consumer,
            one_topic="{table}" not in template and "{schema}" not in template,
            # A pipeline that loads its tables has their rows at the stream's beginning.
            needs_beginning=bool(consumer) and self._context.mode != "cdc",
            membership=membership,
            instance=self._context.instance if consumer and membership is None else "",
        )

    def size(self) -> StreamSize:
        """Offsets that the partitions span; Kafka tells its clients no bytes."""
        cluster = Cluster(self._properties)
        try:
            cluster.connect()
            if not cluster.topics([self._ledger.schemas]):
                return StreamSize()
            ledger = LedgerReader(self._properties, cluster, [self._ledger.schemas])
            try:
                ledger.read_to_end()
            finally:
                ledger.close()
            begins = topic_begins(ledger.entries)
            partitions = [Partition(t, number) for t, begin in begins.items() for number in range(len(begin.offsets))]
            firsts = cluster.begins(partitions)
            ends = cluster.ends(partitions)
            return StreamSize(0, {partition: ends[partition] - firsts[partition] for partition in partitions})
        finally:
            cluster.close()

    def retention(self) -> float | None:
        """The longest of the event topics'; None before there are any, or where their settings cannot be read."""
        cluster = Cluster(self._properties)
        try:
            cluster.connect()
            kept = [_retention(cluster.topic_config(topic)) for topic in self._event_topics(cluster)]
        except (UnreachableError, RefusedError):
            return None
        finally:
            cluster.close()
        return max(kept, default=None)

    def _event_topics(self, cluster: Cluster) -> list[str]:
        if not cluster.topics([self._ledger.schemas]):
            return []
        with closing(LedgerReader(self._properties, cluster, [self._ledger.schemas])) as ledger:
            ledger.read_to_end()
            return list(topic_begins(ledger.entries))

    def teardown(self, dry_run: bool) -> list[str]:
        cluster = Cluster(self._properties)
        try:
            cluster.connect()
            names = sorted(cluster.topics([*self._ledger.topics, self._ledger.shares]))
            if not dry_run:
                cluster.delete(names)
        finally:
            cluster.close()
        return [f"topic {name}" for name in names]


def _retention(config: dict[str, str]) -> float:
    """Seconds for which a topic with these settings keeps records."""
    milliseconds = int(config.get("retention.ms", "-1"))
    deletes = "delete" in config.get("cleanup.policy", "delete")
    return milliseconds / 1000 if deletes and milliseconds >= 0 else math.inf
