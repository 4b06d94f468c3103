"""The consumer group of the workers that share one sink: which of them has which topics.

The group subscribes to `{name}.__shares`, a topic without records: each of its partitions stands for a share of the
pipeline's topics (`TopicBegin.share`). So a topic goes to one worker whole, whatever its number of partitions, and a
new topic needs no rebalance. What a worker holds is only a claim: it counts once the worker owns the topics' positions
in the target and the group's coordinator has confirmed the claim since (`confirm`).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from contextlib import closing

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from tailrace.errors import OwnershipLostError, TailraceError
from tailrace.logs import logger
from tailrace.stream import Partition
from tailrace_kafka.cluster import Cluster
from tailrace_kafka.faults import STALL_SECONDS, Faults, error_of, explain
from tailrace_kafka.ledger import Ledger, TopicBegin
from tailrace_kafka.properties import Properties

#: Of a pipeline: no more workers of one sink have work at a time. So many divide evenly among 2, 3, 4, 6, 8 and 12.
SHARES = 24
_POLL_SECONDS = 0.1
#: Where the coordinator moves to another broker, librdkafka looks for it meanwhile.
_CONFIRM_SECONDS = 10.0
#: A broker that does not answer keeps librdkafka from leaving for a minute; the group gives the member up before.
_LEAVE_SECONDS = 5.0
#: A session lasts so long before it ends for topics that are new.
_MORE_SECONDS = 1.0
#: The coordinator's answers to a member that it has given up, or not heard of since it began a new generation.
_NOT_A_MEMBER = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._STATE,
    }
)

log = logger()


class KafkaMembership:
    """One worker's place in the group; outlives the worker's sessions (`tailrace.stream.Membership`).

    Args:
        consumer: the sink's name, which names the group.
        replication_factor: of the topic of shares, where it is made.
    """

    def __init__(self, properties: Properties, consumer: str, replication_factor: int) -> None:
        self._properties = properties
        self._where = properties.where
        self._topic = Ledger(properties.pipeline).shares
        with closing(Cluster(properties)) as cluster:
            cluster.connect()
            self._count = cluster.create([self._topic], SHARES, replication_factor)[self._topic].partitions
        self._faults = Faults(properties.where)
        self._news = threading.Condition()
        # None: not known, or lost. A rebalance that is under way (`_unsettled`) leaves it until the next is there.
        self._assigned: frozenset[int] | None = None
        self._unsettled = True
        self._doubt_at = time.monotonic() + STALL_SECONDS
        self._taken: frozenset[int] | None = None
        self._taken_at = 0.0
        self._more = False
        self._failure: TailraceError | None = None
        # By the number of the question: what the coordinator has answered, None: yes.
        self._questions = 0
        self._answers: dict[int, KafkaError | None] = {}
        self._to_commit: queue.SimpleQueue[list[TopicPartition]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._consumer: Consumer = properties.member(self._faults, f"{properties.prefix}.{consumer}", self._on_commit)
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        # A thread of its own: a target that takes long must not cost the worker its place. It alone calls the consumer:
        # a call from another thread waits for a moment between two polls, and may miss it for ever.
        self._thread = threading.Thread(target=self._follow, name="membership", daemon=True)
        self._thread.start()

    # ---- the protocol

    def await_share(self, seconds: float) -> bool:
        with self._news:
            if self._news.wait_for(lambda: self._failure or not self._unsettled, seconds):
                if self._failure is not None:
                    raise self._failure
                self._taken = self._assigned
                self._taken_at = time.monotonic()
                self._doubt_at = self._taken_at + STALL_SECONDS
                self._more = False
                return True
        self._faults.raise_refusal()
        self._doubt()
        return False

    def changed(self) -> bool:
        with self._news:
            if self._assigned != self._taken:
                return True
            # While tables are created one after the other, not each of them is worth a new session.
            return self._more and not self._unsettled and time.monotonic() - self._taken_at > _MORE_SECONDS

    def confirm(self) -> None:
        with self._news:
            self._questions += 1
            number = self._questions
            # An offset that nobody reads; the question's number comes back with the answer.
            place = TopicPartition(self._topic, min(self._taken or (), default=0), 0, str(number))
            self._to_commit.put([place])
            if not self._news.wait_for(lambda: self._failure or number in self._answers, _CONFIRM_SECONDS):
                raise self._faults.unreachable(_CONFIRM_SECONDS)
            if self._failure is not None:
                raise self._failure
            error = self._answers[number]
            self._answers.clear()
            if error is not None:
                raise self._lost() if error.code() in _NOT_A_MEMBER else explain(error, self._where)
            # A generation ends for us with the callback: none has come, so it was this share that was confirmed.
            if self._unsettled or self._assigned != self._taken:
                raise self._lost()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(_LEAVE_SECONDS)

    # ---- for the reader

    def takes(self, topic: str, begin: TopicBegin) -> bool:
        """Whether the topic is of the share in hand."""
        return begin.share(topic, self._count) in (self._taken or ())

    def note_more(self) -> None:
        """There are topics of the share that the session has not begun with."""
        with self._news:
            self._more = True

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """The group's offsets, for tools that show its lag; only a member may store them."""
        self._to_commit.put([TopicPartition(*partition, offset) for partition, offset in positions.items()])

    # ---- the group

    def _follow(self) -> None:
        try:
            while not self._closing.is_set():
                while not self._to_commit.empty():
                    self._commit(self._to_commit.get())
                message = self._consumer.poll(_POLL_SECONDS)
                error = message.error() if message is not None else None
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    self._faults.note(error)
            self._consumer.close()
        except Exception as exception:
            known = exception if isinstance(exception, KafkaException) else None
            failure = explain(error_of(known), self._where) if known else self._faults.unreachable()
            log.warning("the group cannot be followed any more", exc_info=exception)
            with self._news:
                self._assigned, self._unsettled, self._failure = None, True, failure
                self._news.notify_all()

    def _doubt(self) -> None:
        """No share for long: tells a group that takes its time from a cluster that is out of reach."""
        if time.monotonic() < self._doubt_at:
            return
        self._doubt_at = time.monotonic() + STALL_SECONDS
        with closing(Cluster(self._properties)) as cluster:
            if not cluster.answers(2.0):
                raise self._faults.unreachable(STALL_SECONDS)

    def _commit(self, offsets: list[TopicPartition]) -> None:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as exception:
            self._on_commit(error_of(exception), offsets)

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        error = error or next((place.error for place in places if place.error is not None), None)
        if places[0].topic == self._topic:
            with self._news:
                self._answers[int(places[0].metadata or 0)] = error
                self._news.notify_all()
        elif error is not None:
            log.debug("group offsets not committed", error=str(explain(error, self._where)))

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is ever read of these: at their end there is no offset to look up, and no need to fetch.
        places = [TopicPartition(place.topic, place.partition, OFFSET_END) for place in partitions]
        consumer.assign(places)
        if places:
            consumer.pause(places)
        self._faults.clear()
        log.info("share of the topics assigned", shares=len(places), of=self._count)
        with self._news:
            self._assigned = frozenset(place.partition for place in partitions)
            self._unsettled = False
            self._news.notify_all()

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self._news:
            self._unsettled = True

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning("the group has given this worker up; it joins anew")
        with self._news:
            self._unsettled = True
            self._assigned = None

    def _lost(self) -> OwnershipLostError:
        return OwnershipLostError("the topics are shared out anew among the workers", where=self._where)
