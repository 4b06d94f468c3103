"""Places beyond 4 GiB in a binlog file: event headers and commands have 32 bits for them."""

from __future__ import annotations

import struct

import orjson
import pytest

from tailrace.errors import RefusedError
from tailrace.sequence import binlog_mark
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.restart import Restart
from tailrace_mysql.scan import _Mentions
from tailrace_mysql.server import mariadb_position
from tests.unit.test_mysql_decoder import FILE, Bench, Log, image

GIB = 1 << 30


def transaction(log: Log, number: int) -> bytes:
    return log.gtid(number) + log.table_map() + log.rows(types.WRITE_ROWS_V1, image(number, number)) + log.xid()


def places(bench: Bench) -> list[tuple[int, int]]:
    """Key and place of each event."""
    events = [orjson.loads(value) for value in bench.values() if value is not None]
    return [(event["after"]["id"], event["source"]["pos"]) for event in events]


@pytest.mark.parametrize("far", [4 * GIB, 4 * GIB + 100, 6 * GIB - 1, 7 * GIB, 13 * GIB + 77])
def test_what_the_server_leaves_out_by_gtid_may_be_longer_than_headers_tell(far: int) -> None:
    """Of the file it sends the head, then nothing of what is done, then what follows."""
    bench = Bench(Restart(FILE, far, "0-1-5"))
    log = bench.log
    bench.feed(log.turn(), log.event(types.MARIADB_GTID_LIST, bytes(4)))
    for between in (GIB, 3 * GIB, far - GIB // 2):  # what stands between two transactions is sent all the same
        log.pos = between
        bench.feed(log.event(types.MARIADB_BINLOG_CHECKPOINT, struct.pack("<I", len(FILE)) + FILE.encode()))
        bench.feed(Log(between).event(types.HEARTBEAT, FILE.encode(), end_pos=between))
    assert bench.emitter.mark == binlog_mark(7, far), "no place was taken for a later one"
    log.pos = far
    bench.feed(transaction(log, 6))
    first = log.pos
    log.pos += 300  # an event that only replicas of the server's own kind get
    bench.feed(transaction(log, 7))
    batch = bench.emitter.take()
    found = [orjson.loads(value)["source"] for run in batch.runs for value in run.values if value]
    assert [far < source["pos"] < first + 900 for source in found] == [True, True]
    assert found[0]["tailrace_seq"][5:25] == binlog_mark(7, far)
    assert found[1]["tailrace_seq"][5:25] == binlog_mark(7, first + 300)
    assert batch.mark == binlog_mark(7, log.pos)
    assert Restart.from_text(batch.restart).pos == log.pos


def test_a_transaction_just_before_the_place_is_not_taken_for_one_4_gib_behind_it() -> None:
    """MySQL's set of executed transactions may be a moment behind the place that was noted with it."""
    far = 5 * GIB
    bench = Bench(Restart(FILE, far, "0-1-5"))
    bench.feed(bench.log.turn())
    bench.log.pos = far - 5000
    bench.feed(transaction(bench.log, 6))
    [(_, pos)] = places(bench)
    assert far - 5000 < pos < far


def test_the_next_file_has_places_of_its_own() -> None:
    far = 4 * GIB + 50
    bench = Bench(Restart(FILE, far, "0-1-5"))
    log = bench.log
    bench.feed(log.turn(), log.event(types.MARIADB_GTID_LIST, bytes(4)), log.turn("binlog.000008"))
    bench.feed(transaction(log, 6))
    assert bench.emitter.mark == binlog_mark(8, log.pos)
    assert log.pos < 1000


def test_by_place_the_file_is_read_from_its_start_and_what_is_done_left_out() -> None:
    far = 4 * GIB + 5000
    bench = Bench(Restart(FILE, far), skip_to=far)
    log = bench.log
    bench.feed(log.turn(), transaction(log, 1), transaction(log, 2))
    for end in (2 * GIB - 1, 4 * GIB - 2, far):  # of long transactions that lie between
        bench.feed(log.gtid(3), log.table_map())
        log.pos = end - (len(log.xid()) - 5)
        bench.feed(log.xid())
    log.pos = far
    bench.feed(transaction(log, 4), transaction(log, 5))
    found = places(bench)
    assert [key for key, _ in found] == [4, 5]
    assert far < found[0][1] < found[1][1] < far + 1000
    assert bench.emitter.mark == binlog_mark(7, log.pos)


@pytest.mark.parametrize("which", ["gtid", "table map", "rows", "xid"])
def test_an_event_that_ends_at_4_gib_is_one_like_others(which: str) -> None:
    """Its header says that it ends at 0, as the headers of events do that stand in no file."""
    log = Log()
    events = {"gtid": log.gtid(1), "table map": log.table_map()}
    events |= {"rows": log.rows(types.WRITE_ROWS_V1, image(1, 1)), "xid": log.xid()}
    names = list(events)
    start = 4 * GIB - sum(len(events[name]) - 5 for name in names[: names.index(which) + 1])
    bench = Bench(Restart(FILE, start))
    bench.feed(transaction(bench.log, 1))
    [(key, pos)] = places(bench)
    assert key == 1
    assert start < pos < bench.log.pos
    assert bench.emitter.mark == binlog_mark(7, bench.log.pos)


def test_a_scan_that_has_to_begin_at_the_files_start_counts_nothing_before_its_place() -> None:
    log = Log()
    data = b"".join([log.turn(), log.format(), log.query(b"ALTER TABLE t ADD x INT"), log.gtid(1)])
    log.pos = 3 * GIB
    data += log.xid()
    log.pos = start = 4 * GIB + 10
    for text, found in ((b"ALTER TABLE u ADD x INT", False), (b"ALTER TABLE t ADD y INT", True)):
        statements = _Mentions(["t"])
        statements.leave_out(FILE, start)
        log.pos = start
        fed = data + log.query(text)
        statements.feed(fed, 0, len(fed))
        assert statements.found is found
        counted = _Mentions(["t"])
        counted.feed(fed, 0, len(fed))
        assert counted.found, "without the place all of it counts"


def test_a_place_that_mariadbs_function_does_not_take_is_refused() -> None:
    class Session:
        address = "127.0.0.1:3306"

    with pytest.raises(RefusedError, match=r"4 GiB.*FLUSH BINARY LOGS"):
        mariadb_position(Session(), FILE, 4 * GIB)  # type: ignore[arg-type]
