"""How the stream is read: when a backlog is waited for, and when not."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable
from typing import cast

import pytest

from tailrace.emitter import Emitter
from tailrace.sequence import lsn_mark
from tailrace_postgres.pgoutput import Decoder
from tailrace_postgres.replication import ReplicationStream
from tailrace_postgres.streaming import Streaming
from tests.unit.test_postgres_decoder import OTHER, FakeRelations, begin, commit, insert, keepalive, relation
from tests.unit.test_postgres_in_progress import STREAM_STOP, block, of, rows, stream_commit

LIMIT = 1 << 20
LONG_AGO_US = 10_000_000


def sent(payload: bytes, after_us: int, lsn: int = 0x5000) -> bytes:
    """XLogData that the server sent so long after the commit, which `begin` has at 1 s."""
    return b"w" + struct.pack("!QQq", lsn, lsn, 1_000_000 + after_us) + payload


def transaction(number: int, after_us: int, text: bytes = b"a") -> list[bytes]:
    lsn = 0x6000 + number * 0x100
    payloads = [begin(lsn), relation(), insert(b"%d" % number, text), commit(lsn, lsn + 0x80)]
    return [sent(payload, after_us) for payload in payloads]


class Wire:
    """A server that has sent some messages already and sends others while it is waited for."""

    def __init__(self, here: Iterable[bytes], *later: Iterable[bytes]) -> None:
        self.here = list(here)
        self.later = [list(messages) for messages in later]
        self.heard_at = self.reported_at = 0.0
        self.waits = 0

    def feed(self, decoder: Decoder, emitter: Emitter, size: int, limit: int) -> int:
        fed = 0
        while self.here and fed < limit and emitter.size < size:
            message = self.here.pop(0)
            decoder.feed(message, 0, len(message))
            fed += len(message)
            if decoder.replaying:
                break
        return fed

    def wait_for_many(self) -> None:
        self.waits += 1
        if self.later:
            self.here += self.later.pop(0)

    def wait(self, seconds: float) -> None:
        raise AssertionError("there was something to return")

    def report(self, received: int, flushed: int, ask: bool) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace_postgres.streaming.time.monotonic", lambda: 0.0)


def streaming(wire: Wire) -> Streaming:
    emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
    decoder = Decoder(emitter, FakeRelations(), 0x5000, {"p.public.t": 1})
    never: Callable[[], bool] = lambda: False  # noqa: E731
    return Streaming(cast(ReplicationStream, wire), decoder, emitter, 0x5000, 10, never, never)


def read(wire: Wire, limit: int = LIMIT) -> int:
    """Events of one `read`."""
    batch = streaming(wire).read(1, limit)
    assert batch is not None
    return batch.events


def test_a_server_that_keeps_up_is_not_waited_for() -> None:
    wire = Wire(transaction(1, after_us=2_000), transaction(2, after_us=2_000))
    assert read(wire) == 1
    assert wire.waits == 0


def test_a_backlog_is_waited_for_until_little_comes() -> None:
    much = [message for number in range(2, 200) for message in transaction(number, LONG_AGO_US)]
    wire = Wire(transaction(1, LONG_AGO_US), much, transaction(200, LONG_AGO_US), transaction(201, LONG_AGO_US))
    assert read(wire) == 200
    assert wire.waits == 2


def test_a_backlog_is_not_waited_for_once_the_batch_is_full() -> None:
    wire = Wire(transaction(1, LONG_AGO_US, b"x" * 5000), transaction(2, LONG_AGO_US))
    assert read(wire, limit=5000) == 1
    assert wire.waits == 0


def test_a_batch_ends_where_it_is_full() -> None:
    wire = Wire([message for number in range(1, 100) for message in transaction(number, 0, b"x" * 1000)])
    assert read(wire, limit=10_000) < 20


def test_keepalives_after_a_backlog_are_not_taken_for_one() -> None:
    """A server that sends nothing more is waited for once."""
    wire = Wire([*transaction(1, LONG_AGO_US), keepalive(0x7000)], [keepalive(0x7000)])
    assert read(wire) == 1
    assert wire.waits == 1


# ---- transactions in progress


def large(*parts: bytes) -> list[bytes]:
    return [sent(payload, 0) for payload in block(of(700, relation()), *parts)]


def test_what_has_gathered_does_not_wait_for_a_block_of_another_transaction() -> None:
    wire = Wire([*transaction(1, 0), *large(*rows(5_000, 100))[:-1]])
    assert read(wire) == 1
    assert wire.here
    assert wire.waits == 0


def test_a_block_is_waited_for_in_large_pieces() -> None:
    """The server sends each of its messages by itself; there is nothing to publish before it ends."""
    pieces = [[sent(payload, 0) for payload in rows(10, 100)] for _ in range(3)]
    wire = Wire(large()[:-1], *pieces, [sent(STREAM_STOP, 0), *transaction(1, 0)])
    assert read(wire) == 1
    assert wire.waits == 4


def test_a_large_transaction_leaves_in_bounded_batches_before_what_follows_is_read() -> None:
    wire = Wire([*large(*rows(1_000, 100)), sent(stream_commit(), 0), *transaction(1, 0)])
    session = streaming(wire)
    sizes = []
    while wire.here:
        batch = session.read(1, 10_000)
        assert batch is not None
        assert batch.bytes < 11_000
        sizes.append(batch.events)
    assert sum(sizes) in (1_000, 1_001)
    assert len(sizes) > 20


def test_a_transaction_of_which_nothing_is_captured_is_replayed_without_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes longer than one read gathers."""
    unseen = [of(700, insert(b"1", b"x" * 1000, oid=OTHER)) for _ in range(500)]
    wire = Wire([*large(of(700, relation(OTHER)), *unseen), sent(stream_commit(), 0), *transaction(1, 0)])
    session = streaming(wire)
    clock = itertools.count(0.0, 0.2)
    monkeypatch.setattr("tailrace_postgres.streaming.time.monotonic", lambda: next(clock))
    batch = session.read(1_000, LIMIT)
    assert batch is not None
    assert batch.events == 1
