"""The decoder and transactions prepared by XA, on bytes made by hand: held, spilled, found again after a restart."""

from __future__ import annotations

import struct
from pathlib import Path

import orjson
import pytest

from tailrace.emitter import Emitter
from tailrace.errors import DataLossError, UnreachableError
from tailrace.sequence import binlog_mark
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog import events
from tailrace_mysql.binlog.decoder import Decoder
from tailrace_mysql.binlog.held import Changes, Room
from tailrace_mysql.gtid import DomainPosition
from tailrace_mysql.restart import Restart
from tests.unit.test_mysql_decoder import FILE, Log, OneTable, image

START = Restart(FILE, 4, "", 1)


class XaLog(Log):
    """Keeps what was written, so that it can be read again."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.written: list[tuple[int, bytes]] = []

    def event(self, kind: int, body: bytes, flags: int = 0, end_pos: int | None = None) -> bytes:
        at = self.pos
        packet = super().event(kind, body, flags, end_pos)
        self.written.append((at, packet))
        return packet

    def begin(self, flags: int = 0) -> int:
        """The place of the group."""
        self.number += 1
        at = self.pos
        self.gtid(self.number, flags)
        return at

    def insert(self, *keys: int) -> None:
        self.table_map()
        self.rows(types.WRITE_ROWS_V1, b"".join(image(key, key) for key in keys))

    def ordinary(self, *keys: int) -> int:
        at = self.begin()
        self.insert(*keys)
        self.xid()
        return at

    def prepare(self, name: bytes, *keys: int, one_phase: bool = False, table: bytes = b"t") -> int:
        at = self.begin(events.PREPARED_XA)
        self.query(b"XA START X'%b',X'',1" % name.hex().encode())
        for key in keys:
            self.table_map(table=table)
            self.rows(types.WRITE_ROWS_V1, image(key, key))
        self.query(b"XA END X'%b',X'',1" % name.hex().encode())
        self.event(types.XA_PREPARE, struct.pack("<BIII", one_phase, 1, len(name), 0) + name)
        return at

    def outcome(self, word: bytes, name: bytes) -> int:
        at = self.begin(events.COMPLETED_XA)
        self.query(b"XA %b X'%b',X'',1" % (word, name.hex().encode()))
        return at

    def after(self, pos: int) -> bytes:
        return b"".join(packet for at, packet in self.written if at >= pos)


class Reader:
    """Reads a log from a position on."""

    def __init__(self, log: XaLog, restart: Restart = START, delivered: str = "", room: Room | None = None) -> None:
        self.log = log
        self.tables = OneTable()
        self.emitter = Emitter(1, restart.to_text(), delivered, restart.mark)
        self.decoder = Decoder(
            self.emitter,
            self.tables,
            restart,
            DomainPosition(restart.gtid),
            mariadb=True,
            checksum=True,
            room=room,
        )
        self.read = restart.begin.pos
        self.feed(log.format())

    def feed(self, data: bytes) -> None:
        self.decoder.feed(data, 0, len(data))

    def catch_up(self) -> tuple[list[tuple[int, str]], Restart]:
        """(key, mark) of each event since the last call, and where a re-read begins."""
        self.feed(self.log.after(self.read))
        self.read = self.log.pos
        while self.decoder.pending:
            self.feed(b"")
        return self.taken()

    def taken(self) -> tuple[list[tuple[int, str]], Restart]:
        batch = self.emitter.take()
        self.delivered = batch.delivered
        values = [orjson.loads(value) for run in batch.runs for value in run.values if value is not None]
        found = [(value["after"]["id"], value["source"]["tailrace_seq"].split("-")[1]) for value in values]
        return found, Restart.from_text(batch.restart)


def place(pos: int) -> str:
    return binlog_mark(7, pos)


def test_changes_come_with_the_outcome_and_in_its_order() -> None:
    log = XaLog()
    reader = Reader(log)
    one = log.prepare(b"one", 1, 2)
    two = log.prepare(b"two", 3)
    three = log.prepare(b"three", 4)
    between = log.ordinary(5)
    found, restart = reader.catch_up()
    assert found == [(5, place(between))]
    assert (restart.pos, restart.gtid) == (log.pos, "0-1-4")
    assert restart.held == Restart(FILE, one, "", 1)
    log.outcome(b"ROLLBACK", b"one")
    decided = log.outcome(b"COMMIT", b"three")
    found, restart = reader.catch_up()
    assert found == [(4, place(decided))]
    assert three > two
    assert restart.held == Restart(FILE, two, "0-1-1", 1)
    decided = log.outcome(b"COMMIT", b"two")
    found, restart = reader.catch_up()
    assert found == [(3, place(decided))]
    assert restart == Restart(FILE, log.pos, "0-1-7", 1)


def test_the_events_are_those_of_the_outcome() -> None:
    log = XaLog()
    reader = Reader(log)
    log.prepare(b"x", 1, 2)
    at = log.outcome(b"COMMIT", b"x")
    reader.feed(log.after(4))
    (run,) = reader.emitter.take().runs
    sources = [orjson.loads(value or b"")["source"] for value in run.values]
    assert [source["tailrace_seq"] for source in sources] == [
        f"0001-{place(at)}-{(number << 24 | 1) << 2 | 1:016x}" for number in (1, 2)
    ]
    assert [source["tx_end"] for source in sources] == [False, True]
    assert {source["gtid"] for source in sources} == {"0-1-2"}
    assert {source["pos"] for source in sources} == {log.written[-1][0]}


def test_one_phase_is_its_own_outcome() -> None:
    log = XaLog()
    reader = Reader(log)
    at = log.prepare(b"x", 1, 2, one_phase=True)
    found, restart = reader.catch_up()
    assert found == [(1, place(at)), (2, place(at))]
    assert restart.held is None


def test_a_restart_reads_again_from_the_earliest_and_repeats_nothing() -> None:
    log = XaLog()
    first = Reader(log)
    log.ordinary(10)
    log.prepare(b"early", 1)
    log.ordinary(11)
    log.prepare(b"gone", 2)
    log.prepare(b"done", 3)
    log.begin(events.STANDALONE)
    log.query(b"ALTER TABLE t ADD x INT")
    log.outcome(b"ROLLBACK", b"gone")
    log.outcome(b"COMMIT", b"done")
    log.prepare(b"other", 9, table=b"u")
    found, restart = first.catch_up()
    assert [key for key, _ in found] == [10, 11, 3]
    assert len(first.tables.statements) == 1
    second = Reader(log, restart, first.delivered)
    found, again = second.catch_up()
    assert (found, again, second.tables.statements) == ([], restart, [])
    log.ordinary(12)
    decided = log.outcome(b"COMMIT", b"early")
    log.outcome(b"COMMIT", b"other")
    last = log.ordinary(13)
    found, restart = second.catch_up()
    assert found[1:] == [(1, place(decided)), (13, place(last))]
    assert restart == Restart(FILE, log.pos, f"0-1-{log.number}", 1)


@pytest.mark.parametrize("limit", [0, 1000])
def test_held_changes_leave_memory_and_come_back_in_parts(limit: int, tmp_path: Path) -> None:
    """Nothing behind the outcome overtakes it, wherever a batch ends; a restart in the middle goes on there."""
    log = XaLog()
    room = Room(limit, tmp_path)
    reader = Reader(log, room=room)
    log.prepare(b"big", *range(2000))
    log.prepare(b"small", 5000)
    log.ordinary(5001)
    found, before = reader.catch_up()
    assert [key for key, _ in found] == [5001]
    assert room.used <= limit
    log.outcome(b"COMMIT", b"big")
    log.ordinary(5002)
    log.outcome(b"COMMIT", b"small")
    log.ordinary(5003)
    reader.feed(log.after(reader.read))
    keys: list[int] = []
    resumed: list[list[int]] = []
    while reader.decoder.pending:
        reader.feed(b"")
        found, restart = reader.taken()
        keys += [key for key, _ in found]
        if len(keys) < 2000:
            assert restart == before
        if len(resumed) < 2:
            rest, _ = Reader(log, restart, reader.delivered, Room(limit, tmp_path)).catch_up()
            resumed.append(keys + [key for key, _ in rest])
    assert keys == [*range(2000), 5002, 5000, 5003]
    assert resumed == [keys, keys]
    assert room.used == 0


def test_another_server_is_told_by_transaction_ids() -> None:
    """There places mean nothing, and the order may be another one."""
    log = XaLog()
    log.ordinary(10)  # 0-1-1
    log.prepare(b"x", 1)  # 0-1-2
    log.ordinary(11)  # 0-1-3
    log.ordinary(12)  # 0-1-4: not read yet
    log.outcome(b"COMMIT", b"x")
    restart = Restart(FILE, 4, "0-1-3", held=Restart(FILE, 4, "0-1-1"))
    found, after = Reader(log, restart).catch_up()
    assert [key for key, _ in found] == [12, 1]
    assert after.held == Restart(FILE, 4, "0-1-1")  # until the next start


def test_an_unknown_outcome_is_an_error_only_where_it_may_be_ours() -> None:
    for word in (b"ROLLBACK", b"COMMIT"):
        log = XaLog()
        log.outcome(word, b"before")
        assert Reader(log).catch_up()[0] == []
    log = XaLog()
    reader = Reader(log, Restart(FILE, 4, "", 1, blind=True))
    log.prepare(b"other", 1, table=b"u")
    _, restart = reader.catch_up()
    assert restart.blind
    assert restart.held is not None
    reader = Reader(log, restart)
    log.outcome(b"COMMIT", b"other")
    assert reader.catch_up()[1].held is None
    log.outcome(b"COMMIT", b"before")
    with pytest.raises(DataLossError, match=r"X'6265666f7265',X'',1.*XA_RECOVER_ADMIN"):
        reader.catch_up()


def test_positions_of_earlier_releases_are_read() -> None:
    text = '{"file":"binlog.000007","pos":4,"gtid":"0-1-1","created":9}'
    assert Restart.from_text(text) == Restart(FILE, 4, "0-1-1", 9)
    assert Restart(FILE, 4, "0-1-1", 9).to_text() == text
    held = Restart(FILE, 400, "0-1-9", 9, Restart(FILE, 40, "0-1-1", 9), True)
    assert Restart.from_text(held.to_text()) == held


def test_changes_are_cut_back_in_memory_and_in_the_file(tmp_path: Path) -> None:
    binding = OneTable().binding
    for limit in (0, 120, 1 << 20):
        room = Room(limit, tmp_path)
        changes = Changes(room)
        marks = []
        for number in range(10):
            marks.append(changes.mark)
            changes.add(binding, number, 4, b"event %d" % number)
        assert [change.number for change in changes] == list(range(10))
        assert [change.number for change in changes.cut(marks[7])] == [7]
        assert [change.number for change in changes.cut(marks[3])] == [3]
        changes.add(binding, 20, 4, b"more")
        assert [(change.number, change.event) for change in changes] == [
            *((number, b"event %d" % number) for number in range(3)),
            (20, b"more"),
        ]
        assert changes.cut(changes.mark) == []
        changes.close()
        assert room.used == 0


def test_a_full_disk_is_an_error_with_its_folder() -> None:
    changes = Changes(Room(0, Path("/nonexistent")))
    with pytest.raises(UnreachableError, match=r"/nonexistent.*make room"):
        changes.add(OneTable().binding, 1, 4, b"event")
