"""What `tailrace check` says of a Kafka stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from confluent_kafka import libversion

from tailrace.errors import TailraceError
from tailrace.source import Finding
from tailrace_kafka.cluster import Cluster, Topic
from tailrace_kafka.faults import Faults
from tailrace_kafka.ledger import Ledger, LedgerReader, topic_begins
from tailrace_kafka.properties import Properties

_NEEDED = frozenset({"READ", "WRITE", "DESCRIBE"})


def check(properties: Properties, partitions: int, replication_factor: int) -> list[Finding]:
    """Every prerequisite, each with its fix; changes nothing."""
    cluster = Cluster(properties)
    try:
        findings = list(_findings(cluster, properties, partitions, replication_factor))
    except TailraceError as error:
        return [Finding("Kafka", False, f"{error.where}: {error.what}" if error.where else error.what, error.fix)]
    finally:
        cluster.close()
    return findings


def _findings(cluster: Cluster, properties: Properties, partitions: int, replication_factor: int) -> Iterator[Finding]:
    # Their making tells of properties that librdkafka refuses; they connect to nothing yet.
    properties.producer(Faults(properties.where), transactional=True)
    properties.consumer(Faults(properties.where), f"{properties.prefix}.-check").close()
    cluster.connect()
    nodes = cluster.nodes()
    yield Finding("Kafka", True, f"{properties.where}: {len(nodes)} brokers, librdkafka {libversion()[0]}")
    yield _replication(cluster, nodes, replication_factor)
    ledger = Ledger(properties.pipeline)
    topics = cluster.topics(ledger.topics, operations=True)
    begins = {}
    if ledger.schemas in topics:
        reader = LedgerReader(properties, cluster, [ledger.schemas])
        try:
            reader.read_to_end()
        finally:
            reader.close()
        begins = topic_begins(reader.entries)
        topics |= cluster.topics(begins, operations=True)
    if len(topics) < 2:
        yield _creation(cluster)
    yield from _operations(topics.values())
    for name in ledger.topics:
        if name in topics:
            yield _compaction(cluster, name)
    for name, begin in begins.items():
        try:
            begin.require_same(topics.get(name), name, properties.where)
        except TailraceError as error:
            yield Finding("topic", False, f"{name}: {error.what}", error.fix)
    event_topics = [topics[name] for name in begins if name in topics]
    yield from _partitions(event_topics, partitions)


def _replication(cluster: Cluster, nodes: list[int], replication_factor: int) -> Finding:
    if replication_factor > len(nodes):
        return Finding(
            "replication",
            False,
            f"stream.replication_factor is {replication_factor}, but there are {len(nodes)} brokers",
            f"set it to {len(nodes)} at most",
        )
    in_sync = int(cluster.broker_config(nodes[0]).get("min.insync.replicas", 1))
    if in_sync > replication_factor:
        return Finding(
            "replication",
            False,
            f"the brokers want {in_sync} replicas in sync, stream.replication_factor is {replication_factor}",
            f"set stream.replication_factor to {in_sync} at least",
        )
    if replication_factor == 1 and len(nodes) > 1:
        return Finding(
            "replication", None, "one replica: the stream is lost with its broker", "set stream.replication_factor = 3"
        )
    return Finding("replication", True, f"{replication_factor} replicas, {in_sync} must be in sync")


def _creation(cluster: Cluster) -> Finding:
    operations = cluster.operations()
    if operations is None or "CREATE" in operations:
        return Finding("creating topics", True, "allowed")
    return Finding(
        "creating topics", None, "not allowed for the whole cluster", "grant Create on the pipeline's topics by prefix"
    )


def _operations(topics: Iterable[Topic]) -> Iterator[Finding]:
    for topic in topics:
        missing = sorted(_NEEDED - topic.operations) if topic.operations is not None else []
        if missing:
            detail = f"{topic.name}: {', '.join(missing)} not granted"
            yield Finding("topic", False, detail, "grant Read, Write and Describe on it")


def _compaction(cluster: Cluster, name: str) -> Finding:
    policy = cluster.topic_config(name).get("cleanup.policy", "compact")
    if policy == "compact":
        return Finding("compaction", True, f"{name} is compacted")
    return Finding(
        "compaction",
        False,
        f"{name} has cleanup.policy={policy}: records that the pipeline needs would be deleted",
        f"kafka-configs --alter --entity-type topics --entity-name {name} --add-config cleanup.policy=compact",
    )


def _partitions(topics: list[Topic], partitions: int) -> Iterator[Finding]:
    others = [topic for topic in topics if topic.partitions != partitions]
    if topics:
        yield Finding("event topics", True, f"{len(topics)} topics, {sum(t.partitions for t in topics)} partitions")
    if others:
        names = ", ".join(f"{topic.name} ({topic.partitions})" for topic in others[:5])
        yield Finding("event topics", None, f"other than stream.partitions = {partitions}: {names}", "they stay as is")
