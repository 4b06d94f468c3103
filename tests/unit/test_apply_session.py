"""The apply loop between a stream in memory and a real SQLite file."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tailrace.apply import session as session_module
from tailrace.apply import worker, writing
from tailrace.apply.continuity import same_partitions
from tailrace.errors import (
    DataLossError,
    OwnershipLostError,
    RefusedError,
    StuckError,
    TransactionConflictError,
    UnreachableError,
)
from tailrace.position import POSITION_KEY, Position, schema_key
from tailrace.report import Control
from tailrace.schema import Column, Kind, Type
from tailrace.stream import Partition
from tailrace.testing import MemoryStream
from tests.doubles.mirror import ID, LOG, NAME, NOTE, Mirror, WatchedSink, row
from tests.servers import wait_until


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream())


USERS = "SELECT id, name FROM users ORDER BY id"


def test_rows_and_positions_reach_the_target(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1), row(2), row(3)])
    users.update(row(1), row(1, "x"))
    users.delete(row(2))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "x"), (3, "n")]
    assert mirror.positions() == {("", 0): 6}
    assert mirror.readers[-1].committed == {LOG: 6}


def test_a_later_start_reads_on_from_the_target_and_not_from_the_beginning(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    mirror.catch_up()
    mirror.stream.forget(LOG, before=1)
    users.insert(row(2))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n"), (2, "n")]


def test_a_stream_that_forgot_the_sinks_position_is_a_loss(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    mirror.catch_up()
    users.insert(row(2))
    mirror.stream.forget(LOG, before=2)
    with pytest.raises(DataLossError):
        mirror.catch_up()
    assert mirror.reports.last.state == "stuck"


def test_the_positions_of_another_stream_are_refused(mirror: Mirror) -> None:
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    mirror.catch_up()
    mirror.stream.stream_id = "another"
    with pytest.raises(DataLossError, match="belong to another stream"):
        mirror.catch_up()


def test_a_transaction_is_committed_at_its_end_only(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.running():
        with mirror.script.transaction():
            for key in range(10):
                users.insert(row(key))
            mirror.script.publish()  # nine of the ten
            wait_until(lambda: bool(mirror.readers) and mirror.readers[0].positions()[LOG] == 9, 5, "nine are read")
            assert mirror.calls == []
        wait_until(mirror.has("SELECT count(*) FROM users", [(10,)]), 5, "all ten are there")
    assert [call for call in mirror.calls if call.startswith("commit")][-1] == "commit [10]"


def test_a_transaction_beyond_the_bound_is_applied_in_parts_and_committed_once(mirror: Mirror) -> None:
    mirror.memory = 1  # the smallest batch
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        for key in range(2000):
            users.insert(row(key, "x" * 100))
    mirror.catch_up()
    applied = [call for call in mirror.calls if call != "ensure"]
    assert applied.count("apply") > 3
    assert applied[-1] == "commit [2000]"
    assert sum(call.startswith("commit") for call in applied) == 1
    assert mirror.query("SELECT count(*) FROM users") == [(2000,)]


def test_a_failure_inside_a_large_transaction_leaves_nothing_of_it(mirror: Mirror) -> None:
    mirror.memory = 1
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(-1))
    mirror.catch_up()
    with mirror.script.transaction():
        for key in range(2000):
            users.insert(row(key, "x" * 100))
    mirror.prepare = lambda sink: sink.failures.append(RefusedError("no"))
    with pytest.raises(RefusedError):
        mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(1,)]
    assert mirror.positions() == {("", 0): 1}
    mirror.prepare = lambda sink: None
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(2001,)]


@pytest.mark.parametrize("rows", [3, 2000], ids=["gathered", "applied in parts"])
def test_catching_up_leaves_a_transaction_of_which_the_stream_has_a_part_to_the_next_run(
    mirror: Mirror, rows: int
) -> None:
    mirror.memory = 1
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(-1))
    mirror.script.table("public.empty", [ID])
    with mirror.script.transaction():
        for key in range(rows):
            users.insert(row(key, "x" * 100))
        mirror.script.publish()  # all but one
        control = Control()
        control.finish.set()
        worker = threading.Thread(target=mirror.supervise, args=(control,))
        worker.start()
        worker.join(10)
        ended = not worker.is_alive()
        control.stop.set()
        worker.join(10)
        assert ended
        assert mirror.query(USERS) == [(-1, "n")]
        assert mirror.positions() == {("", 0): 1}
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(rows + 1,)]
    assert mirror.query("SELECT count(*) FROM empty") == [(0,)]


def test_a_transaction_that_ends_in_a_table_of_no_interest_is_committed(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    other = mirror.script.table("public.other", [ID, NAME])
    mirror.selects = lambda table: table.table == "users"
    with mirror.script.transaction():
        users.insert(row(1))
        other.insert(row(1))
    mirror.catch_up()
    assert mirror.query(USERS) == [(1, "n")]
    assert mirror.query("SELECT name FROM sqlite_master WHERE name = 'other'") == []
    assert mirror.positions() == {("", 0): 2}


def test_positions_move_past_records_of_no_interest(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "IDLE_STORE_SECONDS", 0.0)
    other = mirror.script.table("public.other", [ID, NAME])
    mirror.selects = lambda table: table.table == "users"
    with mirror.running():
        for key in range(5):
            other.insert(row(key))
        wait_until(lambda: mirror.positions() == {("", 0): 5}, 5, "the position moves")


def test_tables_without_rows_are_made_once_caught_up(mirror: Mirror) -> None:
    mirror.script.table("public.empty", [ID, NAME])
    with mirror.running():
        wait_until(mirror.has("SELECT count(*) FROM empty", [(0,)]), 5, "the table is there")
    assert [table.name for table in mirror.reports.last.tables] == ["public.empty"]


# ---- schema changes


def test_columns_come_go_and_change_names_in_mid_stream(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "old"))
    mirror.catch_up()
    users.alter([ID, replace(NAME, name="title"), replace(NOTE, initial="filled")])
    users.insert({"id": 2, "title": "t", "note": "n"})
    mirror.catch_up()
    assert mirror.query("SELECT id, title, note FROM users ORDER BY id") == [(1, "old", "filled"), (2, "t", "n")]
    users.alter([ID, NOTE])
    users.insert({"id": 3, "note": "n"})
    users.update({"id": 2, "note": "n"}, {"id": 2, "note": "m"})
    mirror.catch_up()
    expected = [(1, "old", "filled"), (2, "t", "m"), (3, None, "n")]
    assert mirror.query("SELECT id, title, note FROM users ORDER BY id") == expected
    users.alter([ID, NOTE, Column(9, "title", Type(Kind.INTEGER, "int", 32))])
    users.insert({"id": 4, "note": "n", "title": 7})
    mirror.catch_up()
    assert mirror.query("SELECT id, title, title_dropped_2 FROM users ORDER BY id") == [
        (1, None, "old"),
        (2, None, "t"),
        (3, None, None),
        (4, 7, None),
    ]


def test_all_versions_in_one_go_give_the_same(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        users.insert(row(1, "old"))
        users.alter([ID, replace(NAME, name="title"), NOTE])
        users.insert({"id": 2, "title": "t", "note": "n"})
        users.alter([ID, NOTE])
        users.insert({"id": 3, "note": "n"})
    mirror.catch_up()
    expected = [(1, "old", None), (2, "t", "n"), (3, None, "n")]
    assert mirror.query("SELECT id, title, note FROM users ORDER BY id") == expected
    assert sum(call.startswith("commit") for call in mirror.calls) == 1


def test_a_load_that_meets_a_new_version_first_renames_the_column_too(mirror: Mirror) -> None:
    """The sink begins anew between the versions, and has no memory of the older one."""
    users = mirror.script.table("public.users", [ID, NAME])
    users.load([row(1, "old")])
    mirror.catch_up()
    users.versions.append(replace(users.schema, id=2, columns=(ID, replace(NAME, name="title"))))
    users.load([{"id": 2, "title": "t"}])
    mirror.catch_up()
    assert mirror.query("SELECT * FROM users ORDER BY id") == [(1, "old"), (2, "t")]


def test_a_version_that_is_recorded_before_its_event_is_waited_for(mirror: Mirror) -> None:
    """As in a stream whose records become visible one after the other."""
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1, "old"))
    mirror.catch_up()
    later = replace(users.schema, id=2, columns=(ID, replace(NAME, name="title")), since=f"0001-{mirror.script.mark}-")
    mirror.stream.publish([], {schema_key(later.topic, 2): later.to_json()})
    mirror.catch_up()
    users.alter(later.columns)
    users.insert({"id": 2, "title": "t"})
    mirror.catch_up()
    assert mirror.query("SELECT * FROM users ORDER BY id") == [(1, "old"), (2, "t")]


def test_a_schema_change_alone_reaches_the_target(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    users.alter([ID, NAME, NOTE])
    mirror.catch_up()
    assert mirror.query("SELECT id, note FROM users") == [(1, None)]


def test_where_ddl_ends_the_transaction_positions_are_committed_before_it(mirror: Mirror) -> None:
    mirror.prepare = lambda sink: setattr(sink, "transactional_ddl", False)
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.script.transaction():
        users.insert(row(1))
        users.insert(row(2))
        users.alter([ID, NAME, NOTE])
        users.insert({"id": 3, "name": "n", "note": "m"})
    mirror.catch_up()
    assert mirror.calls == ["ensure", "apply", "commit [2]", "ensure", "apply", "commit [4]"]


# ---- several partitions


@pytest.fixture
def parted(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, MemoryStream(partitions=3, markers=True))


def test_rows_of_all_partitions_reach_the_target_and_positions_pass_markers(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    for key in range(30):
        users.insert(row(key))
    parted.catch_up()
    assert parted.query("SELECT count(*) FROM users") == [(30,)]
    ends = parted.stream.reader("").ends()
    assert parted.positions() == {(p.topic, p.number): offset for p, offset in ends.items()}


def test_a_truncate_waits_until_every_partition_has_arrived(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    for key in range(30):
        users.insert(row(key))
    users.truncate()
    for key in range(100, 130):
        users.insert(row(key))
    slow = Partition(users.schema.topic, 1)
    late = parted.stream.reader("mirror")
    late.hold.add(slow)
    parted._reader = lambda: late  # type: ignore[method-assign]
    with parted.running():
        wait_until(parted.has("SELECT max(id) < 100 AND count(*) > 0 FROM users", [(1,)]), 5, "rows before it")
        wait_until(lambda: len(late._paused) == 2, 5, "two partitions wait")
        held = parted.positions()
        assert held[slow.topic, 0] < late.positions()[Partition(slow.topic, 0)]
        late.hold.clear()
        wait_until(parted.has("SELECT min(id), count(*) FROM users", [(100, 30)]), 5, "only rows after it")
    assert not late._paused


def test_a_stop_at_the_barrier_resumes_there(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    for key in range(30):
        users.insert(row(key))
    users.alter([ID, NAME, NOTE])
    for key in range(100, 130):
        users.insert({"id": key, "name": "n", "note": "m"})
    users.truncate()
    users.insert({"id": 200, "name": "n", "note": "m"})
    late = parted.stream.reader("mirror")
    late.hold.add(Partition(users.schema.topic, 2))
    usual = parted._reader
    parted._reader = lambda: late  # type: ignore[method-assign]
    with parted.running():
        wait_until(lambda: len(late._paused) == 2, 5, "two partitions wait")
    parted._reader = usual  # type: ignore[method-assign]
    parted.catch_up()
    assert parted.query("SELECT id, note FROM users") == [(200, "m")]


def test_partitions_that_disagree_on_control_events_are_an_error(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    with parted.script.transaction() as emitter:
        emitter.truncate(users.event_table, 1)
    records = parted.stream._log[Partition(users.schema.topic, 1)]
    records.clear()
    with parted.script.transaction() as emitter:
        emitter.truncate(users.event_table, 1)
    with pytest.raises(StuckError, match="do not hold the same schema changes"):
        parted.catch_up()


@pytest.mark.parametrize("moved", [True, False], ids=["at-a-later-place", "at-the-same-place"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_truncate_of_a_load_that_a_crash_left_in_one_partition_holds_nothing(
    parted: Mirror, number: int, moved: bool
) -> None:
    """Without transactions; the next attempt's truncate is in all partitions."""
    users = parted.script.table("public.users", [ID, NAME])
    users.insert(row(40))
    parted.script.emitter.snapshot_truncate(users.event_table, parted.script.mark, b"")
    parted.script.publish()
    for other in {0, 1, 2} - {number}:
        parted.stream._log[Partition(users.schema.topic, other)].clear()
    if moved:
        users.insert(row(41))
    made = time.time_ns() // 1_000_000
    wait_until(lambda: time.time_ns() // 1_000_000 > made, 5, "another millisecond")
    parted.script.emitter.snapshot_truncate(users.event_table, parted.script.mark, b"")
    parted.script.publish()
    users.load([row(key) for key in range(30)])
    parted.catch_up()
    assert parted.query("SELECT count(*), max(id) FROM users") == [(30, 29)]


def repeat(parted: Mirror, topic: str, op: str) -> None:
    """What a crash without transactions leaves: a control event once more, in one partition alone."""
    records = parted.stream._log[Partition(topic, 0)]
    record = next(r for r in reversed(records) if r is not None and r[2] is not None and orjson.loads(r[2])["op"] == op)
    records.append(record)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_repeated_control_event_is_not_acted_on_again_and_holds_nothing(parted: Mirror, restarted: bool) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    users.truncate()
    users.insert(row(1))
    users.insert(row(2))
    if restarted:
        parted.catch_up()
    repeat(parted, users.schema.topic, "t")
    with parted.running():
        for key in range(10, 40):  # into all partitions
            users.insert(row(key))
        wait_until(parted.has("SELECT count(*) FROM users", [(32,)]), 5, "rows behind it, and those before it")
        users.alter([ID, NAME, NOTE])
        users.insert({"id": 50, "name": "n", "note": "m"})
        wait_until(parted.has("SELECT id FROM users WHERE note = 'm'", [(50,)]), 5, "the next schema change")


def test_a_control_event_that_was_repeated_before_a_restart_holds_nothing_while_others_are_idle(
    parted: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stored position says that all partitions had it: what they held it before is what they were read from."""
    monkeypatch.setattr(session_module, "HELD_SECONDS", 0.0)
    users = parted.script.table("public.users", [ID, NAME])
    users.truncate()
    users.insert(row(1))
    parted.catch_up()
    repeat(parted, users.schema.topic, "t")
    end = parted.stream.reader("").ends()[Partition(users.schema.topic, 0)]
    stored = Position(1, "", "", parted.script.emitter.take().delivered, parted.script.mark)
    with parted.running():
        wait_until(lambda: bool(parted.readers[-1]._paused), 5, "the partition waits")
        assert parted.positions()[users.schema.topic, 0] < end
        parted.stream.publish([], {POSITION_KEY: stored.to_json()})
        wait_until(lambda: parted.positions()[users.schema.topic, 0] == end, 5, "the partition goes on")
    assert parted.query("SELECT id FROM users") == [(1,)]


def test_another_number_of_partitions_stops_the_sink(parted: Mirror) -> None:
    users = parted.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    parted.catch_up()
    parted.stream._log[Partition(users.schema.topic, 3)] = []
    with pytest.raises(StuckError, match="had 3 partitions and now has 4"):
        parted.catch_up()


# ---- errors


def test_a_sink_that_has_nothing_to_do_finds_out_that_its_target_is_gone(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ASK_SECONDS", 0.05)
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    with mirror.running():
        wait_until(lambda: mirror.sinks and mirror.sinks[-1].calls.count("commit []") > 1, 5, "the target is asked")
        gone = UnreachableError("no answer", where="db.example", fix="start it")
        mirror.sinks[-1].fail_commit.append(gone)
        wait_until(lambda: any(report.error == str(gone) for report in mirror.reports.all), 5, "it says so")
        assert mirror.reports.last.state in ("retrying", "streaming")


def test_a_sink_of_twenty_thousand_topics_looks_at_each_once() -> None:
    present = {Partition(f"t{number}", 0): "id" for number in range(20_000)}
    began = time.process_time()
    same_partitions(dict.fromkeys(present, 1), present)
    assert time.process_time() - began < 2, "every topic was looked at for every other one"


def test_a_lost_deadlock_applies_the_transaction_again(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    users.alter([ID, NAME, NOTE])
    users.insert({"id": 2, "name": "n", "note": "m"})
    mirror.prepare = lambda sink: sink.failures.extend(
        [TransactionConflictError("deadlock"), TransactionConflictError("deadlock")]
    )
    mirror.catch_up()
    assert len(mirror.sinks) == 1
    assert mirror.query("SELECT id, note FROM users ORDER BY id") == [(1, None), (2, "m")]


def test_an_unreachable_target_is_tried_again_and_everything_reopened(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    failures = [UnreachableError("away", where="db"), UnreachableError("away", where="db")]
    mirror.prepare = lambda sink: sink.failures.extend(failures[:1]) or failures.clear()  # type: ignore[func-returns-value]
    users.insert(row(1))
    with mirror.running():
        wait_until(mirror.has(USERS, [(1, "n")]), 10, "it went on")
        wait_until(lambda: mirror.reports.last.state == "streaming", 5, "well again")
    states = [(report.state, report.error) for report in mirror.reports.all]
    assert ("retrying", "db: away") in states
    assert mirror.reports.last.error == ""
    assert len(mirror.sinks) == 2


def test_a_commit_whose_answer_was_lost_is_not_applied_twice(mirror: Mirror) -> None:
    log = mirror.script.table("public.log", [NAME, NOTE])
    for number in range(5):
        log.insert({"name": f"n{number}", "note": None})
    failures: list[Exception] = [UnreachableError("connection lost")]
    mirror.prepare = lambda sink: sink.fail_commit.extend(failures) or failures.clear()  # type: ignore[func-returns-value]
    with mirror.running():
        wait_until(mirror.has("SELECT count(*), count(DISTINCT name) FROM log", [(5, 5)]), 10, "each once")
        log.insert({"name": "last", "note": None})
        wait_until(mirror.has("SELECT count(*), count(DISTINCT name) FROM log", [(6, 6)]), 10, "and on")


def test_with_finish_an_unreachable_target_ends_the_worker(mirror: Mirror) -> None:
    class Away(WatchedSink):
        def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
            raise UnreachableError("away")

    mirror._sink = lambda: Away(mirror.path)  # type: ignore[method-assign]
    with pytest.raises(UnreachableError):
        mirror.catch_up()


def test_with_finish_a_target_that_was_reached_is_tried_again(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_BACKOFF_SECONDS", 0.01)
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    away = [UnreachableError("away")]

    class Away(WatchedSink):
        def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
            if away:
                raise away.pop()
            return super().open(stream_id, topics)

    mirror._sink = lambda: Away(mirror.path)  # type: ignore[method-assign]
    control = Control(settled=True)  # by an earlier process of the run's worker
    control.finish.set()
    mirror.supervise(control)
    assert mirror.query(USERS) == [(1, "n")]
    assert ("retrying", "away") in [(report.state, report.error) for report in mirror.reports.all]


def test_an_older_worker_yields_to_a_newer_one(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))

    def overtake() -> None:
        with mirror.running():
            wait_until(mirror.has(USERS, [(1, "n")]), 5, "the first is at work")
            second = WatchedSink(mirror.path)
            assert second.open(mirror.stream.stream_id) == {LOG: 1}
            second.close()
            users.insert(row(2))
            wait_until(lambda: mirror.reports.last.state == "stuck", 5, "the first has noticed")

    with pytest.raises(OwnershipLostError):
        overtake()
    assert mirror.query(USERS) == [(1, "n")]


def test_a_worker_stops_within_a_moment(mirror: Mirror) -> None:
    with mirror.running() as control:
        wait_until(lambda: mirror.reports.all[-1].state == "streaming", 5, "it runs")
        control.stop.set()
        wait_until(lambda: mirror.reports.last.state == "stopped", 2, "it stopped")


def test_progress_grows_while_idle_and_while_working_and_lag_is_told(mirror: Mirror) -> None:
    users = mirror.script.table("public.users", [ID, NAME])
    with mirror.running():
        wait_until(lambda: mirror.reports.last.lag_seconds == 0, 5, "caught up")
        before = mirror.reports.last.progress
        wait_until(lambda: mirror.reports.last.progress > before, 5, "idle is progress")
        users.insert(row(1))
        wait_until(lambda: mirror.reports.last.events == 1, 5, "an event is counted")
    last = mirror.reports.last
    assert last.position == "offset 1"
    assert [(table.name, table.rows) for table in last.tables] == [("public.users", 1)]
