"""Properties of the librdkafka clients: our defaults, then `[stream.kafka]` as it stands, then what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from tailrace.errors import ConfigError
from tailrace_kafka.faults import Faults, error_of, explain
from tailrace_kafka.settings import BYTES

#: Values that acknowledge an event before every replica in sync has it (I1), or send one of a key out of order (I3).
_UNSAFE: dict[str, tuple[Callable[[str], bool], str]] = {
    "acks": (lambda value: value not in ("all", "-1"), "an acknowledged event could be lost with its broker"),
    "request.required.acks": (lambda value: value not in ("all", "-1"), "an acknowledged event could be lost"),
    "retries": (lambda value: value == "0", "an event whose answer was lost would stop the pipeline"),
    "message.send.max.retries": (lambda value: value == "0", "an event whose answer was lost would stop the pipeline"),
}
_LARGEST_MESSAGE = 1_000_000_000  # librdkafka's own bound
_SMALLEST_SHARE = 1 << 20

Client = TypeVar("Client", AdminClient, Consumer, Producer)


@dataclass(frozen=True, slots=True)
class Properties:
    """Makes clients.

    Attributes:
        given: `[stream.kafka]`, secrets resolved.
        pipeline: its name.
        memory: bytes that a worker may use for buffers.
    """

    given: dict[str, Any]
    pipeline: str
    memory: int

    def __post_init__(self) -> None:
        for name, (is_unsafe, reason) in _UNSAFE.items():
            value = str(self.given.get(name, "all"))
            if is_unsafe(value):
                raise ConfigError(f'"{name}" = "{value}": {reason}', where="[stream.kafka]", fix="remove it")
        for name in BYTES & self.given.keys():
            if not str(self.given[name]).isdecimal():  # only a secret's value comes as far as this
                fix = f'write it out, as in "{name}" = 1000000'
                raise ConfigError(f'"{name}" must be a whole number of bytes', where="[stream.kafka]", fix=fix)

    @property
    def where(self) -> str:
        return f"Kafka at {self.given.get('bootstrap.servers') or self.given.get('metadata.broker.list', '?')}"

    @property
    def prefix(self) -> str:
        """What names of ours in the cluster begin with: the transactional id, and consumer groups."""
        return f"tailrace.{self.pipeline}"

    @property
    def largest_message(self) -> int:
        """Bytes of the largest record that a producer of ours takes; a topic may take less."""
        return int(self.given.get("message.max.bytes", min(self._share(8), _LARGEST_MESSAGE)))

    def admin(self, faults: Faults) -> AdminClient:
        return self._make(AdminClient, faults, {}, {})

    def producer(self, faults: Faults, transactional: bool, **forced: Any) -> Producer:
        queue = self._share(4)
        defaults: dict[str, Any] = {
            # A broker's bound on a message is one setting to raise, per topic; ours only keeps to the memory.
            "message.max.bytes": self.largest_message,
            "queue.buffering.max.kbytes": queue >> 10,
            "queue.buffering.max.messages": 1_000_000,
            "batch.num.messages": 100_000,
            # A batch is handed over at once and then waited for: its first records need not wait for its last.
            "linger.ms": 0,
            # What a killed daemon left open keeps readers waiting this long, where no other daemon begins.
            **({"transaction.timeout.ms": 30_000} if transactional else {}),
            "compression.type": "lz4",
        }
        forced |= {
            "enable.idempotence": True,
            # Where a Java producer would put the same key, so that both may write to a topic.
            "partitioner": "murmur2_random",
        }
        if transactional:
            forced["transactional.id"] = self.prefix
        return self._make(Producer, faults, defaults, forced)

    def consumer(self, faults: Faults, group: str) -> Consumer:
        """A consumer for `assign`; it joins no group."""
        largest = int(self.given.get("message.max.bytes", 0))
        fetch = max(self._share(32), largest)
        defaults = {
            "queued.max.messages.kbytes": max(self._share(8), fetch) >> 10,
            "fetch.max.bytes": fetch,
            # What arrives is compressed, and takes several times as much once it is not.
            "max.partition.fetch.bytes": max(min(self.memory >> 10, 1 << 20), 64 << 10),
            # librdkafka asks that a fetch is no smaller than this; larger messages come all the same.
            "message.max.bytes": min(fetch, 1_000_000),
            "receive.message.max.bytes": max(100_000_000, fetch + (1 << 20)),
            # An idle broker answers after this time, and only then an end is known to be one.
            "fetch.wait.max.ms": 100,
            "fetch.error.backoff.ms": 100,
            # With a queue this small a second's pause, the default, would empty it.
            "fetch.queue.backoff.ms": 20,
        }
        forced = {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            # An offset that is not there any more is an error, never a jump.
            "auto.offset.reset": "error",
            # Transaction markers take offsets: only this tells that a partition was read to its end.
            "enable.partition.eof": True,
        }
        return self._make(Consumer, faults, defaults, forced)

    def member(self, faults: Faults, group: str, on_commit: Callable[..., None]) -> Consumer:
        """A consumer that joins a group, and reads nothing.

        Args:
            on_commit: librdkafka's `offset_commit_cb`.
        """
        defaults = {
            # After so long a worker that says nothing is taken for gone. One that was only asleep loses nothing by it.
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 1_000,
        }
        forced = {
            "group.id": group,
            "group.protocol": "classic",
            # Of one topic: the most even of those that there are.
            "partition.assignment.strategy": "roundrobin",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "on_commit": on_commit,
        }
        return self._make(Consumer, faults, defaults, forced)

    def _share(self, parts: int) -> int:
        return max(self.memory // parts, _SMALLEST_SHARE)

    def _make(
        self,
        client: Callable[[dict[str, Any]], Client],
        faults: Faults,
        defaults: dict[str, Any],
        forced: dict[str, Any],
    ) -> Client:
        ours = {"client.id": f"tailrace-{self.pipeline}", "log_level": 0} | defaults
        try:
            return client(ours | self.given | forced | {"error_cb": faults.note})
        except KafkaException as exception:
            raise explain(error_of(exception), self.where) from None
