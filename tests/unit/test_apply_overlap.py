"""A sink that overlaps: the next batch is read while the target works, and positions never run ahead of rows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pytest

from tailrace.apply import worker
from tailrace.apply.session import SMALLEST_BATCH
from tailrace.apply.writing import Writing
from tailrace.dead_letters import DeadLetterStore
from tailrace.errors import RefusedError, StuckError, TransactionConflictError
from tailrace.load_mark import LoadMark
from tailrace.report import Control
from tailrace.sink import Preview, TableWork, TargetTable
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import Outcome, TableStructure
from tailrace.testing import MemoryReader, MemoryStream, Script
from tests.doubles.mirror import ID, NAME, Reports, row
from tests.doubles.thread import working
from tests.servers import wait_until

ROWS = 3000
#: An event of these has more than 400 bytes.
MOST_IN_A_BATCH = SMALLEST_BATCH // 400


class Target:
    """What is committed, whoever wrote it."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.positions: dict[Partition, int] = {}
        self.commits: list[tuple[int, int]] = []
        #: Closed: `apply` waits.
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Event()
        #: Raised by the next `commit`, one each.
        self.failures: list[Exception] = []


class SlowSink:
    """Writes inserts of one table into a `Target`."""

    transactional = True
    transactional_ddl = True
    overlaps = True

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open: list[int] = []
        self._busy = threading.Lock()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        assert self._busy.acquire(blocking=False), "two threads in the sink"
        try:
            yield
        finally:
            self._busy.release()

    @property
    def dead_letters(self) -> DeadLetterStore:
        raise AssertionError("nothing is to be parked")

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        raise AssertionError("nothing was refused")

    def check(self) -> list[Finding]:
        return []

    def preview(self, table: TargetTable) -> Preview:
        return Preview(table.name, ())

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        return dict(self._target.positions)

    def fold(self, name: str) -> str:
        return name

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        with self._alone():
            pass

    def drop(self, table: TargetTable) -> None:
        raise AssertionError("nothing is to be dropped")

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        raise AssertionError("nothing is to be removed")

    def apply(self, work: Sequence[TableWork]) -> None:
        with self._alone():
            self._target.waiting.set()
            assert self._target.gate.wait(10)
            self._open += [row.values["id"] for part in work for row in part.upserts]

    def commit(self, positions: Mapping[Partition, int]) -> None:
        with self._alone():
            if self._target.failures:
                raise self._target.failures.pop(0)
            self._target.keys += self._open
            self._target.positions.update(positions)
            self._target.commits.append((len(self._target.keys), max(positions.values())))
            self._open = []

    def rollback(self) -> None:
        with self._alone():
            self._open = []

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        raise AssertionError("no index is to be made")

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        raise AssertionError("nobody cuts over")

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        raise NotImplementedError

    def teardown(self, dry_run: bool) -> list[str]:
        return []

    def close(self) -> None:
        with self._alone():
            pass


class Overlapping:
    def __init__(self) -> None:
        self.target = Target()
        self.stream = MemoryStream()
        self.script = Script(self.stream)
        self.readers: list[MemoryReader] = []

    def supervise(self, control: Control) -> None:
        worker.supervise("slow", self._reader, lambda: SlowSink(self.target), lambda _: True, control, Reports(), 1)

    def _reader(self) -> MemoryReader:
        self.readers.append(self.stream.reader("slow"))
        return self.readers[-1]

    def catch_up(self) -> None:
        control = Control()
        control.finish.set()
        self.supervise(control)

    def fill(self) -> None:
        """Much more than a batch of the smallest memory, each row a transaction of its own."""
        users = self.script.table("public.users", [ID, NAME])
        for key in range(ROWS):
            users.insert(row(key, "x" * 100))

    def assert_whole(self) -> None:
        assert self.target.keys == list(range(ROWS))
        # A position is that of the rows committed with it, never of what was read meanwhile.
        assert all(position == keys for keys, position in self.target.commits)
        assert len(self.target.commits) > 3


@pytest.fixture
def overlapping() -> Overlapping:
    made = Overlapping()
    made.fill()
    return made


def test_one_more_batch_is_read_while_the_target_works(
    overlapping: Overlapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, waits = overlapping.target, threading.Event()
    original = Writing.wait

    def wait(writing: Writing) -> None:
        if target.waiting.is_set():
            waits.set()
        original(writing)

    monkeypatch.setattr(Writing, "wait", wait)
    target.gate.clear()
    with working(overlapping.supervise, 20):
        assert target.waiting.wait(10)
        assert waits.wait(10)
        assert MOST_IN_A_BATCH < overlapping.readers[0].positions()[Partition("", 0)] <= 3 * MOST_IN_A_BATCH
        assert target.commits == []
        target.gate.set()
        wait_until(lambda: len(target.keys) == ROWS, 10, "all is written")
    overlapping.assert_whole()


def test_a_commit_that_fails_in_the_background_ends_the_session_and_nothing_is_lost(overlapping: Overlapping) -> None:
    overlapping.target.failures.append(RefusedError("no"))
    with pytest.raises(RefusedError):
        overlapping.catch_up()
    assert overlapping.target.keys == []
    overlapping.catch_up()
    overlapping.assert_whole()


def test_a_conflict_in_the_background_is_tried_again_from_what_the_target_holds(overlapping: Overlapping) -> None:
    target = overlapping.target
    target.failures += [TransactionConflictError("deadlock"), TransactionConflictError("deadlock")]
    overlapping.catch_up()
    assert not target.failures
    overlapping.assert_whole()


def test_a_stop_waits_for_what_is_under_way_and_stores_its_position(overlapping: Overlapping) -> None:
    target = overlapping.target
    target.gate.clear()
    with working(overlapping.supervise, 20) as control:
        assert target.waiting.wait(10)
        control.stop.set()
        target.gate.set()
    assert target.commits
    assert target.positions[Partition("", 0)] == len(target.keys)
    overlapping.catch_up()
    overlapping.assert_whole()


def test_a_table_is_changed_only_when_nothing_is_under_way(overlapping: Overlapping) -> None:
    other = overlapping.script.table("public.others", [ID, NAME])
    for key in range(ROWS, ROWS + 10):
        other.insert(row(key))
    overlapping.catch_up()  # the sink asserts that it is called once at a time
    assert overlapping.target.keys == list(range(ROWS + 10))
