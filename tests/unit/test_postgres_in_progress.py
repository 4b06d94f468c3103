"""Transactions that come in blocks before their commit leave as those that come whole."""

from __future__ import annotations

import contextlib
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import Emitter
from tailrace.errors import LogFormatError, RefusedError, TailraceError, UnreachableError
from tailrace.sequence import lsn_mark
from tailrace_postgres.inprogress import InProgress
from tailrace_postgres.pgoutput import Decoder
from tests.unit.test_postgres_decoder import (
    OID,
    OTHER,
    UNCHANGED,
    FakeRelations,
    begin,
    commit,
    data,
    delete,
    insert,
    keepalive,
    outcome,
    relation,
    truncate,
    update,
    values,
)

TOP, SUB, LEAF = 700, 701, 702
ALL = 1 << 40

# ---- messages


def stream_start(xid: int = TOP, first: bool = True) -> bytes:
    return b"S" + struct.pack("!IB", xid, first)


STREAM_STOP = b"E"


def stream_commit(xid: int = TOP, lsn: int = 0x6000, end: int = 0x6100) -> bytes:
    return b"c" + struct.pack("!IBQQq", xid, 0, lsn, end, 1_000_000)


def stream_abort(sub: int, xid: int = TOP, parallel: bool = False) -> bytes:
    return b"A" + struct.pack("!II", xid, sub) + (struct.pack("!Qq", 0x5500, 1_000_000) if parallel else b"")


def of(xid: int, payload: bytes) -> bytes:
    """A change as it stands in a block."""
    return payload[:1] + struct.pack("!I", xid) + payload[1:]


def block(*payloads: bytes, xid: int = TOP, first: bool = True) -> list[bytes]:
    return [stream_start(xid, first), *payloads, STREAM_STOP]


# ---- what comes out


@dataclass
class Reader:
    """A decoder, and what it makes of messages."""

    bound: int = 1 << 20
    folder: Path | None = None
    relations: FakeRelations = field(default_factory=FakeRelations)

    def __post_init__(self) -> None:
        self.emitter = Emitter(1, "0/5000", mark=lsn_mark(0x5000))
        self.in_progress = InProgress(self.bound, self.folder)
        self.decoder = Decoder(self.emitter, self.relations, 0x5000, {"p.public.t": 1}, self.in_progress)

    def feed(self, *payloads: bytes) -> None:
        for number, payload in enumerate(payloads):
            message = payload if payload[:1] == b"k" else data(payload, 0x5000 + number)
            self.decoder.feed(message, 0, len(message))
            while self.decoder.replaying:
                self.decoder.replay(ALL, ALL)

    def events(self, *payloads: bytes) -> list[dict[str, Any]]:
        """All that these messages bring, but for when it was made."""
        self.feed(*payloads)
        found = [orjson.loads(value) for run in self.emitter.take().runs for _, value in run if value is not None]
        for event in found:
            del event["ts_ms"]
        return found

    def ids(self, *payloads: bytes) -> list[int]:
        return [(event["after"] or event["before"])["id"] for event in self.events(*payloads)]


def test_a_transaction_in_blocks_is_the_one_that_comes_whole() -> None:
    changes = [
        relation(),
        relation(OTHER),
        insert(b"1", b'a"\\'),
        insert(b"9", b"x", oid=OTHER),
        update(values(b"2", UNCHANGED), b"K" + values(b"1", None)),
        delete(b"K" + values(b"2", None)),
        truncate(OTHER, OID),
    ]
    # Each message has the place in the log that it would have had.
    whole = Reader().events(begin(), *changes, commit())
    inside = [of(TOP, change) for change in changes]
    one = Reader().events(*block(*inside), stream_commit())
    assert [event["op"] for event in whole] == ["c", "d", "u", "d", "t"]
    assert one == whole
    several = Reader()
    several.feed(*block(*inside[:3]), *block(first=False), keepalive(0x5800))
    assert several.emitter.take().events == 0
    assert several.decoder.idle == 0x5800
    several.feed(*block(*inside[3:], first=False))
    found = several.events(stream_commit())
    assert [(event["op"], event["after"], event["source"]["txId"]) for event in found] == [
        (event["op"], event["after"], event["source"]["txId"]) for event in whole
    ]
    assert [event["source"]["tailrace_seq"] for event in found] == [event["source"]["tailrace_seq"] for event in whole]
    assert [event["source"]["tx_end"] for event in found] == [False] * 4 + [True]
    assert several.decoder.restart() == "0/6100"


def test_a_rolled_back_sub_transaction_takes_its_messages_with_it_and_no_others() -> None:
    reader = Reader()
    reader.feed(
        *block(
            of(TOP, relation()),
            of(TOP, insert(b"1", None)),
            of(SUB, insert(b"2", None)),
            of(LEAF, insert(b"3", None)),
            of(SUB, insert(b"4", None)),
        ),
        stream_abort(LEAF),
        stream_abort(SUB),
        *block(of(TOP, relation()), of(TOP, insert(b"5", None)), of(703, insert(b"6", None)), first=False),
    )
    events = reader.events(stream_commit())
    assert [event["after"]["id"] for event in events] == [1, 5, 6]
    ordinals = [int(event["source"]["tailrace_seq"].rpartition("-")[2], 16) >> 2 for event in events]
    assert ordinals == [1, 2, 3]


@pytest.mark.parametrize("parallel", [False, True])
def test_a_transaction_that_is_rolled_back_leaves_nothing_and_others_stay(parallel: bool) -> None:
    reader = Reader()
    other = 900
    reader.feed(
        *block(of(TOP, relation()), of(TOP, insert(b"1", None))),
        *block(of(other, relation()), of(other, insert(b"2", None)), xid=other),
        stream_abort(TOP, parallel=parallel),
        stream_abort(TOP, parallel=parallel),  # of which nothing is known any more
        stream_abort(SUB, xid=5, parallel=parallel),
    )
    assert reader.decoder.restart() == "0/5000"
    assert reader.emitter.mark == lsn_mark(0x5000)
    assert reader.ids(stream_commit(other)) == [2]
    assert reader.ids(*block(of(TOP, relation()), of(TOP, insert(b"3", None))), stream_commit()) == [3]


def test_a_transaction_of_which_nothing_is_left_moves_the_position_alone() -> None:
    reader = Reader()
    reader.feed(*block(of(SUB, relation()), of(SUB, insert(b"1", None))), stream_abort(SUB), stream_commit())
    batch = reader.emitter.take()
    assert (batch.events, batch.restart, batch.mark) == (0, "0/6100", lsn_mark(0x6100))
    assert not reader.decoder.in_transaction
    # As if it had not been: PostgreSQL does not send it where it comes whole.
    (event,) = reader.events(begin(0x7000), relation(), insert(b"2", None), commit(0x7000, 0x7100))
    assert orjson.loads(event["source"]["sequence"])[0] == str(0x5000)


def test_transactions_commit_between_blocks_of_another() -> None:
    reader = Reader()
    reader.feed(*block(of(TOP, relation()), of(TOP, insert(b"1", None))))
    assert reader.ids(begin(0x5100, 800), relation(), insert(b"2", None), commit(0x5100, 0x5180)) == [2]
    reader.feed(*block(of(TOP, insert(b"3", None)), first=False))
    assert reader.ids(stream_commit()) == [1, 3]


def test_a_description_holds_from_its_own_place_on() -> None:
    """A relation of a transaction in progress is described to its own changes, not to others before its commit."""
    reader = Reader()
    reader.feed(*block(of(TOP, relation(identity=b"f")), of(TOP, insert(b"1", None))))
    assert reader.relations.described == []
    reader.feed(begin(0x5100, 800), relation(), insert(b"2", None), commit(0x5100, 0x5180), stream_commit())
    assert [(found.identity, xid) for found, xid in reader.relations.described] == [("d", 800), ("f", TOP)]


def test_what_describes_nothing_is_passed_over_in_blocks_too() -> None:
    reader = Reader()
    reader.feed(
        *block(
            b"O" + struct.pack("!Q", 5) + b"origin\0",
            of(TOP, b"Y" + struct.pack("!I", 77) + b"public\0mood\0"),
            of(TOP, relation()),
            of(TOP, b"M" + struct.pack("!BQ", 1, 5) + b"prefix\0" + struct.pack("!I", 3) + b"abc"),
            of(TOP, insert(b"1", None)),
        )
    )
    assert reader.ids(stream_commit()) == [1]


def test_a_keepalive_inside_a_block_is_no_position() -> None:
    reader = Reader()
    reader.feed(stream_start(), of(TOP, relation()), keepalive(0x5900, reply=True))
    assert (reader.decoder.idle, reader.decoder.received) == (0, 0x5900)
    assert reader.decoder.reply_requested


# ---- bounds


def rows(count: int, size: int, xid: int = TOP, first: int = 0) -> list[bytes]:
    return [of(xid, insert(b"%d" % (first + number), b"x" * size)) for number in range(count)]


@pytest.mark.parametrize("bound", [0, 100, 5_000, 1 << 20])
@pytest.mark.parametrize("size", [10, 3_000, 400_000])
def test_what_does_not_fit_into_memory_comes_back_from_files(bound: int, size: int, tmp_path: Path) -> None:
    reader = Reader(bound, tmp_path)
    other = 900
    count = 3_000_000 // size if size > 10 else 300
    for part in range(3):
        reader.feed(*block(of(TOP, relation()), *rows(count, size, first=part * count), first=part == 0))
        reader.feed(*block(of(other, relation()), *rows(2, size, other, part * 2), xid=other, first=part == 0))
    assert reader.in_progress.held <= bound
    assert reader.ids(stream_commit(other)) == list(range(6))
    assert reader.ids(stream_commit()) == list(range(3 * count))
    assert reader.in_progress.held == 0
    assert list(tmp_path.iterdir()) == []


def open_files(folder: Path) -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith(str(folder)) for link in links if link.is_symlink())


def test_files_are_gone_with_their_transactions(tmp_path: Path) -> None:
    reader = Reader(0, tmp_path)
    for xid in (1, 2, 3):
        reader.feed(*block(of(xid, relation()), *rows(10, 10, xid), xid=xid))
    assert open_files(tmp_path) == 3
    assert list(tmp_path.iterdir()) == []  # nor would a crash leave any
    reader.feed(stream_commit(1))
    assert open_files(tmp_path) == 2
    reader.feed(stream_abort(2, xid=2))
    assert open_files(tmp_path) == 1
    reader.in_progress.close()
    assert open_files(tmp_path) == 0


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    reader = Reader(0, tmp_path / "gone")
    with pytest.raises(UnreachableError, match=rf"{tmp_path}/gone: .*No such file.*streaming = false"):
        reader.feed(*block(of(TOP, relation())))


def test_a_replay_ends_where_the_batch_is_full_and_goes_on_there(tmp_path: Path) -> None:
    reader = Reader(5_000, tmp_path)
    message = data(stream_commit())
    reader.feed(*block(of(TOP, relation()), *rows(200, 100)))
    reader.decoder.feed(message, 0, len(message))
    found, batches = [], 0
    while reader.decoder.replaying:
        reader.decoder.replay(2_000, ALL)
        batch = reader.emitter.take()
        assert batch.bytes < 3_000
        found += [orjson.loads(value)["after"]["id"] for run in batch.runs for _, value in run if value is not None]
        batches += 1
        if reader.decoder.replaying:
            assert batch.restart == "0/5000"
    assert found == list(range(200))
    assert batches > 20
    reader.feed(*block(of(TOP, relation()), *rows(200, 100)))
    reader.decoder.feed(message, 0, len(message))
    reader.decoder.replay(ALL, 1_000)
    assert reader.decoder.replaying
    assert reader.emitter.take().events < 20
    reader.in_progress.close()
    assert open_files(tmp_path) == 0


# ---- what is no log


@pytest.mark.parametrize(
    ("payloads", "text"),
    [
        ([stream_start(first=False)], "does not follow on the ones before"),
        ([*block(), stream_start()], "does not follow on the ones before"),
        ([stream_commit()], "commit of a transaction that was not sent"),
        ([begin(), stream_start()], "inside another transaction"),
        ([*block(), begin(), stream_commit()], "commits inside another"),
        ([begin(), stream_abort(SUB)], "rolled back inside another"),
        ([stream_start(), stream_start(900)], "unknown message 'S' of pgoutput in a transaction in progress"),
        ([stream_start(), begin()], "unknown message 'B'"),
        ([stream_start(), stream_commit()], "unknown message 'c'"),
        ([STREAM_STOP], "unknown message 'E'"),
        ([stream_start() + b"\0"], "length"),
        ([stream_start()[:-1]], "cut short"),
        ([*block(), stream_commit()[:-1]], "cut short"),
        ([stream_abort(SUB) + b"\0\0"], "cut short"),
        ([stream_abort(SUB)[:-1]], "cut short"),
        ([stream_abort(SUB, parallel=True) + b"\0"], "length"),
        ([stream_start(), of(TOP, insert(b"1", None))[:4]], "cut short"),
        ([*block(of(TOP, insert(b"1", None))), stream_commit()], "not described before"),
        ([*block(of(TOP, relation()), of(TOP, insert(b"1", None))[:-1]), stream_commit()], "cut short"),
        ([*block(of(TOP, relation()), of(TOP, insert(b"1", None)) + b"\0"), stream_commit()], "length"),
    ],
)
def test_what_does_not_fit_together_is_an_error_with_its_position(payloads: list[bytes], text: str) -> None:
    with pytest.raises(LogFormatError, match=text) as caught:
        Reader().feed(*payloads)
    assert "log position 0/50" in str(caught.value)


@pytest.mark.parametrize("kind", [b"b", b"P", b"K", b"r", b"p"])
def test_prepared_transactions_are_refused_by_name(kind: bytes) -> None:
    with pytest.raises(RefusedError, match=r"prepared transaction.*two_phase"):
        Reader().feed(kind + bytes(40))


# ---- any transaction


@st.composite
def transactions(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """A transaction with savepoints as it comes whole, and as it may come in blocks."""
    committed: list[bytes] = []
    blocks: list[bytes] = [stream_start()]
    used = iter(range(TOP + 1, TOP + 1000))
    number = 0

    def restream() -> None:
        blocks.extend([STREAM_STOP, stream_start(first=False)])

    def level(xid: int, depth: int, alive: list[bytes]) -> list[int]:
        """Returns the sub-transactions below that were released."""
        nonlocal number
        released: list[int] = []
        for action in draw(st.lists(st.sampled_from("cccuds>|"), max_size=6)):
            if action == "|":
                restream()
            elif action == ">" and depth < 3:
                sub = next(used)
                below: list[bytes] = []
                beneath = level(sub, depth + 1, below)
                if draw(st.booleans()):
                    alive.extend(below)
                    released += [sub, *beneath]
                else:
                    blocks.append(STREAM_STOP)
                    blocks.extend(stream_abort(gone) for gone in [*beneath, sub])
                    blocks.append(stream_start(first=False))
            elif action in "cuds":
                number += 1
                key = b"%d" % number
                change = {
                    "c": insert(key, b"v" * draw(st.sampled_from([1, 50, 3000]))),
                    "u": update(values(key, UNCHANGED), draw(st.sampled_from([b"", b"K" + values(b"0", None)]))),
                    "d": delete(b"K" + values(key, None)),
                    "s": truncate(OTHER, OID),
                }[action]
                # Described again and again: more often than a server does.
                described = [relation(), relation(OTHER)]
                for message in [*described, change]:
                    alive.append(message)
                    blocks.append(of(xid, message))
        return released

    level(TOP, 0, committed)
    blocks.append(STREAM_STOP)
    whole = [begin(), *committed, commit()] if committed else []
    return whole, [*blocks, stream_commit()]


def plain(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what the order of arrival alone decides in these hand-made messages."""
    for event in events:
        del event["source"]["lsn"]
        del event["source"]["sequence"]
    return events


@settings(max_examples=300, deadline=None)
@given(transactions(), st.sampled_from([0, 500, 1 << 20]))
def test_any_transaction_leaves_alike_whole_and_in_blocks(found: tuple[list[bytes], list[bytes]], bound: int) -> None:
    whole, blocks = found
    reader = Reader(bound)
    assert plain(reader.events(*blocks)) == plain(Reader().events(*whole))
    assert reader.in_progress.held == 0


VALID = [
    begin(0x5100, 800),
    relation(),
    insert(b"1", b"a"),
    commit(0x5100, 0x5180),
    *block(of(TOP, relation()), of(TOP, insert(b"1", b"a")), of(SUB, insert(b"2", b"b"))),
    *block(of(900, relation()), of(900, insert(b"3", b"c")), xid=900),
    stream_abort(SUB),
    *block(of(TOP, update(values(b"2", UNCHANGED), b"K" + values(b"1", None))), first=False),
    stream_abort(900, xid=900, parallel=True),
    stream_commit(),
]


@st.composite
def damaged(draw: st.DrawFn) -> list[bytes]:
    """These messages with some wrong bytes, cut short, left out, or twice."""
    messages = []
    for payload in VALID:
        message = bytearray(data(payload))
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            message[draw(st.integers(0, len(message) - 1))] = draw(st.integers(0, 255))
        cut = draw(st.integers(0, len(message))) if draw(st.sampled_from([False] * 7 + [True])) else len(message)
        messages += [bytes(message[:cut])] * draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2]))
    return messages


@settings(max_examples=300, deadline=None)
@given(damaged(), st.sampled_from([0, 60, 1 << 20]))
def test_damaged_blocks_give_events_or_a_named_error_within_bounds(messages: list[bytes], bound: int) -> None:
    reader = Reader(bound)
    with contextlib.closing(reader.in_progress), contextlib.suppress(TailraceError):
        for message in messages:
            reader.decoder.feed(message, 0, len(message))
            assert reader.in_progress.held <= bound
            while reader.decoder.replaying:
                reader.decoder.replay(ALL, ALL)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(b"SEcAIUDRTYMObPKrp"), st.binary(max_size=80), st.booleans())
def test_any_bytes_in_and_between_blocks_give_a_named_error_or_nothing(kind: int, content: bytes, inside: bool) -> None:
    reader = Reader()
    reader.feed(*block(of(TOP, relation())), *([stream_start(first=False)] if inside else []))
    message = data(bytes([kind]) + content)
    error = outcome(reader.decoder, message)
    if error is None:
        after = [data(STREAM_STOP)] * reader.decoder.in_block + [data(stream_commit())]
        error = outcome(reader.decoder, *after)
    assert error is None or "log position" in error
