"""Questions and orders to a Kafka cluster about its topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs leave these out
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from tailrace.stream import Partition
from tailrace_kafka.faults import CONNECT_SECONDS, NO_ANSWER, Faults, error_of, explain
from tailrace_kafka.properties import Properties

_REQUEST_SECONDS = 10.0
_SETTLE_SECONDS = 10.0
_APPEAR_SECONDS = 30.0  # for a new topic to have leaders on every partition
_UNSETTLED = (
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is there.

    Attributes:
        id: changes when a topic is deleted and made anew; the same for all topics of brokers before 2.8.
        operations: what we may do with it, by name; None where the cluster does not say.
    """

    name: str
    id: str
    partitions: int
    ready: bool
    operations: frozenset[str] | None


class Cluster:
    """One administrative client, made when first needed."""

    def __init__(self, properties: Properties) -> None:
        self._properties = properties
        self.faults = Faults(properties.where)
        self._client: AdminClient | None = None

    @property
    def _admin(self) -> AdminClient:
        if self._client is None:
            self._client = self._properties.admin(self.faults)
        return self._client

    def connect(self) -> None:
        """Waits for the cluster's first answer.

        Raises:
            UnreachableError, RefusedError: as named.
        """
        deadline = time.monotonic() + CONNECT_SECONDS
        while not self.answers(0.5):
            self.faults.raise_refusal()
            if time.monotonic() >= deadline:
                raise self.faults.unreachable(CONNECT_SECONDS)

    def answers(self, seconds: float) -> bool:
        """Whether the cluster answers just now."""
        try:
            self._admin.describe_cluster(request_timeout=seconds).result(seconds + 5)
        except (KafkaException, TimeoutError):
            self._admin.poll(0)  # runs the callbacks
            return False
        self.faults.clear()
        return True

    def close(self) -> None:
        self._client = None

    # ---- topics

    def topics(self, names: Iterable[str], operations: bool = False) -> dict[str, Topic]:
        """Those of these topics that are there."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        futures = self._ask(
            lambda: self._admin.describe_topics(
                TopicCollection(wanted),
                include_authorized_operations=operations,
                request_timeout=_REQUEST_SECONDS,
            )
        )
        found = {}
        for name, future in futures.items():
            description = self._result(future, name, (KafkaError.UNKNOWN_TOPIC_OR_PART,))
            if description is not None:
                allowed = description.authorized_operations
                found[name] = Topic(
                    name,
                    str(description.topic_id),
                    len(description.partitions),
                    all(partition.leader is not None for partition in description.partitions),
                    None if allowed is None else frozenset(operation.name for operation in allowed),
                )
        return found

    def create(
        self, names: Sequence[str], partitions: int, replication_factor: int, config: Mapping[str, str] | None = None
    ) -> dict[str, Topic]:
        """Makes the missing ones of these topics, and waits until all can be written."""
        found = self.topics(names)
        missing = [name for name in names if name not in found]
        if missing:
            new = [NewTopic(name, partitions, replication_factor, config=dict(config or {})) for name in missing]
            futures = self._ask(lambda: self._admin.create_topics(new, request_timeout=_REQUEST_SECONDS))
            for name, future in futures.items():
                self._result(future, name, (KafkaError.TOPIC_ALREADY_EXISTS,))
        deadline = time.monotonic() + _APPEAR_SECONDS
        while len(found) < len(set(names)) or not all(topic.ready for topic in found.values()):
            if time.monotonic() >= deadline:
                raise self.faults.unreachable(_APPEAR_SECONDS)
            time.sleep(0.05)
            found = self.topics(names)
        return found

    def delete(self, names: Sequence[str]) -> None:
        if names:
            futures = self._ask(lambda: self._admin.delete_topics(list(names), request_timeout=_REQUEST_SECONDS))
            for name, future in futures.items():
                self._result(future, name, (KafkaError.UNKNOWN_TOPIC_OR_PART,))

    # ---- offsets

    def begins(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The first offset that retention has kept."""
        return self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where the next record goes.

        Counts records of open transactions too: a commit is acknowledged before its markers are written, so what is
        readable just now may lack a transaction that was acknowledged.
        """
        return self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _offsets(self, partitions: Iterable[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        wanted = {TopicPartition(*partition): spec for partition in partitions}
        level = IsolationLevel.READ_UNCOMMITTED
        found: dict[Partition, int] = {}
        deadline = time.monotonic() + _SETTLE_SECONDS
        while wanted:
            futures = self._ask(
                lambda: self._admin.list_offsets(wanted, isolation_level=level, request_timeout=_REQUEST_SECONDS)
            )
            # A topic that was just made, or whose leader changes, answers after a moment.
            expected = _UNSETTLED if time.monotonic() < deadline else ()
            for place, future in futures.items():
                answer = self._result(future, place.topic, expected)
                # A request that ran out of time is answered too, by some librdkafka, with no offset in it.
                if answer is not None and answer.offset >= 0:
                    found[Partition(place.topic, place.partition)] = answer.offset
                    del wanted[place]
            if wanted:
                if time.monotonic() >= deadline:
                    self._admin.poll(0)
                    raise self.faults.unreachable(_SETTLE_SECONDS)
                time.sleep(0.05)
        return found

    # ---- for `check`

    def id(self) -> str:
        return str(self._describe().cluster_id)

    def nodes(self) -> list[int]:
        return [node.id for node in self._describe().nodes]

    def operations(self) -> frozenset[str] | None:
        """What we may do with the cluster, by name; None where it does not say."""
        allowed = self._describe(operations=True).authorized_operations
        return None if allowed is None else frozenset(operation.name for operation in allowed)

    def topic_config(self, name: str) -> dict[str, str]:
        return self._config(ConfigResource(ResourceType.TOPIC, name))

    def broker_config(self, node: int) -> dict[str, str]:
        return self._config(ConfigResource(ResourceType.BROKER, str(node)))

    def _config(self, resource: ConfigResource) -> dict[str, str]:
        """Empty where we may not ask."""
        (future,) = self._ask(
            lambda: self._admin.describe_configs([resource], request_timeout=_REQUEST_SECONDS)
        ).values()
        denied = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
        entries = self._result(future, resource.name, denied)
        return {} if entries is None else {name: entry.value for name, entry in entries.items()}

    def _describe(self, operations: bool = False) -> Any:
        future = self._ask(
            lambda: self._admin.describe_cluster(
                include_authorized_operations=operations, request_timeout=_REQUEST_SECONDS
            )
        )
        return self._result(future)

    # ---- requests

    def _ask(self, request: Callable[[], Result]) -> Result:
        try:
            return request()
        except KafkaException as exception:
            raise explain(error_of(exception), self.faults.where) from None

    def _result(self, future: Future[Any], topic: str = "", expected: Sequence[int] = ()) -> Any:
        """The answer; None where it is one of the expected errors."""
        try:
            answer = future.result(_REQUEST_SECONDS + 5)
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in expected:
                return None
            self._admin.poll(0)
            self.faults.raise_refusal()
            if error.code() in NO_ANSWER or self.faults.since is not None:
                raise self.faults.unreachable() from None
            where = f"{self.faults.where}, topic {topic}" if topic else self.faults.where
            raise explain(error, where) from None
        except TimeoutError:
            raise self.faults.unreachable(_REQUEST_SECONDS) from None
        self.faults.clear()
        return answer
