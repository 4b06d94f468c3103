"""Indexes that the marks of a load bring to a target, and a sink that leaves its target alone for a while."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tailrace.load_mark import BEGIN, END, LoadMark
from tailrace.report import Control
from tailrace.structure import POSTGRES, Index, Part, TableStructure
from tailrace.testing import MemoryStream
from tailrace.testing.script import ScriptTable
from tests.doubles.mirror import ID, NAME, Mirror, WatchedSink, row
from tests.servers import wait_until

STRUCTURE = TableStructure(
    POSTGRES,
    (
        Index("users_pkey", (Part("id"),), unique=True, primary=True),
        Index("name", (Part("name"),), unique=True),
        Index("both", (Part("name"), Part("id", descending=True))),
        Index("lower", (Part("", "lower(name)"),)),
    ),
)
INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = 'users' ORDER BY 1"
BOTH, LOWER, UNIQUE = ("users_both",), ("users_lower",), ("users_name",)


def mark(mirror: Mirror, table: ScriptTable, phase: str, structure: TableStructure | None = STRUCTURE) -> None:
    load = LoadMark(phase, since=mirror.script.emitter.between, structure=structure)
    mirror.script.emitter.load_mark(table.event_table, load)
    mirror.script.publish()


@pytest.mark.parametrize("phase", [BEGIN, END])
def test_indexes_are_made_at_the_mark_that_brings_them(tmp_path: Path, phase: str) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    mark(mirror, users, BEGIN, STRUCTURE if phase == BEGIN else None)
    users.load([row(1, "a")])
    mirror.catch_up()
    assert mirror.query(INDEXES) == ([BOTH, LOWER, UNIQUE] if phase == BEGIN else [])
    users.load([row(2, "b")])
    mark(mirror, users, END, STRUCTURE if phase == END else None)
    with mirror.script.transaction():
        for key, name in ((1, "x"), (2, "a"), (1, "b")):
            users.update(row(key), row(key, name))
    mirror.catch_up()
    assert mirror.query(INDEXES) == [BOTH, LOWER, UNIQUE]
    assert mirror.query("SELECT id, name FROM users ORDER BY id") == [(1, "b"), (2, "a")]


def test_a_unique_index_waits_where_a_tables_changes_come_in_no_single_order(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream(partitions=3, markers=True))
    users = mirror.script.table("public.users", [ID, NAME])
    mark(mirror, users, BEGIN, None)
    users.load([row(1, "a")])
    mark(mirror, users, END)
    mirror.catch_up()
    assert mirror.query(INDEXES) == [BOTH, LOWER]


def test_a_mark_that_is_met_again_makes_nothing_twice(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    mark(mirror, users, BEGIN, None)
    users.load([row(1, "a")])
    mark(mirror, users, END)
    mirror.catch_up()

    mark(mirror, users, END)
    mirror.catch_up()
    assert mirror.query(INDEXES) == [BOTH, LOWER, UNIQUE]


def test_a_sink_that_is_held_leaves_its_target_alone_until_the_hold_ends(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    count = "SELECT count(*) FROM users"
    with mirror.running() as control:
        users.insert(row(1))
        wait_until(mirror.has(count, [(1,)]), 10, "the row")
        control.held_until = time.monotonic() + 60
        wait_until(lambda: mirror.reports.last.state == "held", 10, "it rests")
        assert mirror.sinks[-1]._connection is None
        users.insert(row(2))
        sinks = len(mirror.sinks)
        time.sleep(0.3)
        assert mirror.query(count) == [(1,)]
        assert len(mirror.sinks) == sinks
        control.held_until = time.monotonic() + 0.2  # and is not renewed
        wait_until(mirror.has(count, [(2,)]), 10, "it goes on")
        assert mirror.reports.last.state == "streaming"


def test_a_sink_that_is_held_while_it_finishes_finishes_afterwards(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))

    def hold(sink: WatchedSink) -> None:
        if len(mirror.sinks) == 0:
            control.held_until = time.monotonic() + 0.3

    mirror.prepare = hold
    control = Control()
    control.finish.set()
    mirror.supervise(control)
    assert mirror.query("SELECT count(*) FROM users") == [(1,)]
    assert "held" in {report.state for report in mirror.reports.all}
    assert mirror.reports.last.state == "finished"
