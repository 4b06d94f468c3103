"""Hands records to librdkafka and sees to it that they are in Kafka, in one transaction or one after another."""

from __future__ import annotations

import contextlib
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace import failpoints
from tailrace.batch import Run
from tailrace.errors import StuckError
from tailrace_kafka.direct import direct
from tailrace_kafka.faults import FENCED, STALL_SECONDS, TOO_LARGE, Faults, error_of, explain, text
from tailrace_kafka.properties import Properties

# librdkafka takes this many at a time: a batch costs less than a call for each, and few dicts live at once.
_MESSAGES = 250
#: How long one call into librdkafka may take: signals are only seen between two.
_SLICE_SECONDS = 0.5
#: Topic, key and value of a ledger entry.
Entry = tuple[str, str, bytes | None]


class Fenced(Exception):
    """The cluster does not take this producer's records any more."""


class Producing(ABC):
    """One producer; after any error it can only be closed."""

    transactional: bool

    def __init__(self, properties: Properties) -> None:
        self._faults = Faults(properties.where)
        self._producer: Producer = properties.producer(self._faults, self.transactional, **self._properties())
        self._largest = properties.largest_message
        # Of the events of earlier calls that are not durable yet: bytes, and the topic.
        self._largest_sent = (0, "?")

    @abstractmethod
    def open(self) -> None:
        """Makes this the pipeline's producer."""

    @abstractmethod
    def publish(
        self,
        runs: Sequence[Run],
        partitions: Mapping[str, int],
        first: Sequence[Entry],
        last: Sequence[Entry],
        more: bool = False,
    ) -> None:
        """Makes everything durable: ledger entries that events need, the events, the entries that count them done.

        Args:
            partitions: how many the topics of the runs have.
            more: it need not be durable before the next call.

        Raises:
            Fenced: see there.
            StuckError: a record is larger than its topic takes.
            UnreachableError, RefusedError: as named.
        """

    def close(self) -> None:
        self._producer.purge()
        # It warns, or raises, when an open transaction cannot be aborted; the next producer's start does that.
        with warnings.catch_warnings(), contextlib.suppress(KafkaException):
            warnings.simplefilter("ignore")
            self._producer.close()

    def _properties(self) -> dict[str, Any]:
        return {}

    # ---- records

    def _send_runs(self, runs: Sequence[Run], partitions: Mapping[str, int]) -> None:
        for run in runs:
            if run.every_partition:
                messages = [{"value": value} for value in run.values]
                for number in range(partitions[run.topic]):
                    self._send(run.topic, messages, number)
                continue
            # With one partition there is nothing to choose.
            partition = 0 if partitions[run.topic] == 1 else -1
            if partition == 0 or None not in run.keys:
                self._send_records(run.topic, run.keys, run.values, partition)
                continue
            # What has no key keeps its order in one partition, the first.
            for keyless, records in groupby(run, _has_no_key):
                keys, values = map(list, zip(*records, strict=True))
                self._send_records(run.topic, keys, values, 0 if keyless else -1)

    def _send_records(
        self, topic: str, keys: list[bytes | None], values: list[bytes | None], partition: int = -1
    ) -> None:
        """In their order; whatever the queue does not take yet is waited for."""
        for start in range(0, len(values), _MESSAGES):
            stop = start + _MESSAGES
            pairs = zip(keys[start:stop], values[start:stop], strict=True)
            self._send(topic, [{"value": value, "key": key} for key, value in pairs], partition)

    def _send_entries(self, entries: Iterable[Entry]) -> None:
        for topic, key, value in entries:
            self._send(topic, [{"key": key.encode(), "value": value}], 0)

    def _send(self, topic: str, messages: list[dict[str, Any]], partition: int = -1) -> None:
        patience = self._patience()
        while True:
            if self._producer.produce_batch(topic, messages, partition=partition) == len(messages):
                return
            # After the first one that the full queue did not take it took none: the order holds.
            messages = [message for message in messages if "_error" in message]
            for message in messages:
                error: KafkaError = message.pop("_error")
                if error.code() in TOO_LARGE:
                    raise self._too_large(topic, len(message["value"] or b""))
                if error.code() != KafkaError._QUEUE_FULL:
                    raise KafkaException(error)
            self._producer.poll(0.05)
            patience.check()

    # ---- waiting

    def _finish(self, call: Callable[[float], None]) -> None:
        """Calls again what goes on where it was interrupted, as long as messages still leave."""
        patience = self._patience()
        while True:
            try:
                call(_SLICE_SECONDS)
                return
            except KafkaException as exception:
                if not error_of(exception).retriable():
                    raise
            self._producer.poll(0.01)
            patience.check()

    def _patience(self) -> _Patience:
        return _Patience(self._faults, lambda: len(self._producer))

    # ---- errors

    def _explain(self, exception: KafkaException, runs: Sequence[Run]) -> Exception:
        error = error_of(exception)
        if error.fatal() or error.code() in FENCED:
            return Fenced(text(error))
        if error.code() in TOO_LARGE:
            sizes = ((len(value or b"") + len(key or b""), run.topic) for run in runs for key, value in run)
            size, topic = max(*sizes, self._largest_sent, (0, "?"))
            return self._too_large(topic, size)
        self._faults.raise_refusal()
        return explain(error, self._faults.where)

    def _too_large(self, topic: str, size: int) -> StuckError:
        if size > self._largest:
            fix = 'raise limits.memory, or "message.max.bytes" in [stream.kafka]'
            return StuckError(f"an event of {size:,} bytes is more than the memory bound takes", where=topic, fix=fix)
        entity = f"--entity-type topics --entity-name {topic}"
        fix = f"kafka-configs --alter {entity} --add-config max.message.bytes={2 * size}"
        where = f"{self._faults.where}, topic {topic}"
        return StuckError(f"an event of {size:,} bytes is larger than the topic takes", where=where, fix=fix)


def _has_no_key(record: tuple[bytes | None, bytes | None]) -> bool:
    return record[0] is None


class TransactionalProducing(Producing):
    """Exactly once: readers of committed records see each batch once, whole, or not at all."""

    transactional = True

    def __init__(self, properties: Properties) -> None:
        super().__init__(properties)
        self._direct = direct(self._producer)
        self._begun = False

    def open(self) -> None:
        """Ends what an earlier producer of this pipeline left open, and fences it off."""
        try:
            self._finish(self._producer.init_transactions)
        except KafkaException as exception:
            raise self._explain(exception, ()) from None

    def publish(
        self,
        runs: Sequence[Run],
        partitions: Mapping[str, int],
        first: Sequence[Entry],
        last: Sequence[Entry],
        more: bool = False,
    ) -> None:
        try:
            if not self._begun:
                self._largest_sent = (0, "?")
                self._producer.begin_transaction()
                self._begun = True
            self._send_entries(first)
            self._send_runs(runs, partitions)
            failpoints.reached("stream.produced")
            self._send_entries(last)
            if not more:
                failpoints.reached("stream.positioned")
                self._finish(self._producer.commit_transaction)
                self._begun = False
                failpoints.reached("stream.committed")
        except KafkaException as exception:
            raise self._explain(exception, runs) from None

    def _send_records(
        self, topic: str, keys: list[bytes | None], values: list[bytes | None], partition: int = -1
    ) -> None:
        if self._direct is None:
            records = zip(keys, values, strict=True)
            self._note(topic, max((len(key or b"") + len(value or b"") for key, value in records), default=0))
            super()._send_records(topic, keys, values, partition)
            return
        patience = self._patience()
        sent = 0
        while True:
            sent, code = self._direct.send(topic, keys, values, sent, partition)
            self._note(topic, self._direct.largest)
            if not code:
                return
            if code in TOO_LARGE:
                raise self._too_large(topic, len(values[sent] or b""))
            if code != KafkaError._QUEUE_FULL:
                raise KafkaException(KafkaError(code))
            self._producer.poll(0.05)
            patience.check()

    def _note(self, topic: str, largest: int) -> None:
        """The transaction's end tells whether its records were taken, and not which was not."""
        if largest > self._largest_sent[0]:
            self._largest_sent = largest, topic


class IdempotentProducing(Producing):
    """At least once: a crash between the events and the position repeats the events."""

    transactional = False
    _failure: KafkaError | None = None

    def open(self) -> None:
        """Nothing to fence off."""

    def publish(
        self,
        runs: Sequence[Run],
        partitions: Mapping[str, int],
        first: Sequence[Entry],
        last: Sequence[Entry],
        more: bool = False,
    ) -> None:
        try:
            if first:
                self._send_entries(first)
                self._deliver()
            self._send_runs(runs, partitions)
            if more and not last:
                return
            self._deliver()
            failpoints.reached("stream.produced")
            self._send_entries(last)
            failpoints.reached("stream.positioned")
            self._deliver()
            failpoints.reached("stream.committed")
        except KafkaException as exception:
            raise self._explain(exception, runs) from None

    def _properties(self) -> dict[str, Any]:
        # A flush succeeds although a message failed: its report alone tells.
        return {"on_delivery": self._report, "delivery.report.only.error": True}

    def _report(self, error: KafkaError | None, message: Message) -> None:
        if error is not None and error.code() in TOO_LARGE:
            # Records that went to the broker together are refused together.
            size = len(message.key() or b"") + len(message.value() or b"")
            self._largest_sent = max(self._largest_sent, (size, message.topic() or "?"))
        self._failure = self._failure or error

    def _deliver(self) -> None:
        patience = self._patience()
        while self._producer.flush(_SLICE_SECONDS):
            patience.check()
        if self._failure is not None:
            raise KafkaException(self._failure)


class _Patience:
    """Ends when no message has left for a long time.

    Args:
        left: how many have not.
    """

    def __init__(self, faults: Faults, left: Callable[[], int]) -> None:
        self._faults = faults
        self._left = left
        self._least = left()
        self._since = time.monotonic()

    def check(self) -> None:
        """
        Raises:
            UnreachableError, RefusedError: as named.
        """
        self._faults.raise_refusal()
        left = self._left()
        if left < self._least:
            self._least = left
            self._since = time.monotonic()
        elif time.monotonic() - self._since > STALL_SECONDS:
            raise self._faults.unreachable(STALL_SECONDS)
