"""A worker that shares its sink: it writes what is its own for certain, and comes back for what is shared out anew."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tailrace.apply import worker
from tailrace.apply.worker import Sharing
from tailrace.errors import OwnershipLostError, RefusedError, StuckError, UnreachableError
from tailrace.report import Control
from tailrace.stream import Partition
from tailrace.testing import MemoryReader, MemoryStream
from tests.doubles.mirror import ID, NAME, Mirror, WatchedSink, row
from tests.doubles.thread import working
from tests.servers import wait_until

USERS = "SELECT id, name FROM users ORDER BY id"


class Membership:
    """A place in a group that does what the test says.

    Attributes:
        topics: the share that was given last; None: none is known.
        refusals: raised by the next calls of `confirm`.
    """

    def __init__(self, *topics: str) -> None:
        self.topics: frozenset[str] | None = frozenset(topics) if topics else None
        self.taken: frozenset[str] | None = None
        self.confirmed = 0
        self.failures: list[Exception] = []
        self.refusals: list[Exception | None] = []
        self.closed = False

    def await_share(self, seconds: float) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        wait = Control().stop.wait
        if self.topics is None:
            wait(0.01)
            return False
        self.taken = self.topics
        return True

    def changed(self) -> bool:
        return self.topics != self.taken

    def confirm(self) -> None:
        self.confirmed += 1
        if self.refusals and (error := self.refusals.pop(0)) is not None:
            raise error

    def close(self) -> None:
        self.closed = True


class ShareReader(MemoryReader):
    """Knows of the topics of a share alone."""

    def __init__(self, stream: MemoryStream, share: frozenset[str]) -> None:
        super().__init__(stream)
        self._share = share

    def partitions(self) -> dict[Partition, str]:
        return {p: identity for p, identity in super().partitions().items() if p.topic in self._share}

    def positions(self) -> dict[Partition, int]:
        return {p: at for p, at in super().positions().items() if p.topic in self._share}

    def ends(self) -> dict[Partition, int]:
        return {p: end for p, end in super().ends().items() if p.topic in self._share}

    def poll(self, timeout: float, limit_bytes: int) -> list:  # type: ignore[type-arg]
        self.hold = {p for p in self._stream._log if p.topic not in self._share}
        return super().poll(timeout, limit_bytes)


class SharedMirror(Mirror):
    def __init__(self, folder: Path, *memberships: Membership) -> None:
        super().__init__(folder, MemoryStream(partitions=1))
        self.memberships = list(memberships)

    def supervise(self, control: Control) -> None:
        joined: list[Membership] = []

        def join() -> Membership:
            joined.append(self.memberships.pop(0))
            return joined[-1]

        sharing = Sharing(join, lambda _: ShareReader(self.stream, joined[-1].taken or frozenset()))
        worker.supervise("m", self._reader, self._sink, self.selects, control, self.reports, self.memory, None, sharing)

    def running(self) -> contextlib.AbstractContextManager[Control]:
        return working(self.supervise, 10)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(worker, "LOST_SECONDS", 0.01)


def topic_of(mirror: Mirror, name: str) -> str:
    return next(topic for topic in mirror.stream._topics if topic.endswith(f".{name}"))


def test_a_worker_applies_its_share_and_what_it_is_given_later(tmp_path: Path) -> None:
    membership = Membership()
    mirror = SharedMirror(tmp_path, membership)
    users, orders = (mirror.script.table(f"public.{name}", [ID, NAME]) for name in ("users", "orders"))
    users.insert(row(1))
    orders.insert(row(1))
    with mirror.running():
        wait_until(lambda: mirror.reports.last.state == "joining", 5, "it waits for a share")
        assert mirror.sinks == []
        membership.topics = frozenset({topic_of(mirror, "users")})
        wait_until(mirror.has(USERS, [(1, "n")]), 5, "its own table")
        users.insert(row(2))
        wait_until(mirror.has(USERS, [(1, "n"), (2, "n")]), 5, "and on")
        assert mirror.query("SELECT name FROM sqlite_master WHERE name = 'orders'") == []
        assert membership.confirmed == 2, "before it takes over, and after"
        membership.topics = frozenset({topic_of(mirror, "orders")})
        wait_until(mirror.has("SELECT count(*) FROM orders", [(1,)]), 5, "the other one instead")
        users.insert(row(3))
        orders.insert(row(2))
        wait_until(mirror.has("SELECT count(*) FROM orders", [(2,)]), 5, "the other one alone")
        assert mirror.query("SELECT count(*) FROM users") == [(2,)]
        wait_until(
            lambda: [table.name for table in mirror.reports.last.tables] == ["public.orders"], 5, "it reports its own"
        )
        membership.topics = None
        wait_until(lambda: mirror.reports.last.state == "joining", 5, "it has none now")
        last = mirror.reports.last
        assert (last.tables, last.position, last.lag_seconds, last.lag_bytes) == ([], "", None, None)
    assert membership.closed


@pytest.mark.parametrize("before", [[], [None]], ids=["before it takes over", "after it took over"])
def test_what_the_group_does_not_confirm_is_not_written(tmp_path: Path, before: list[None]) -> None:
    membership = Membership()
    mirror = SharedMirror(tmp_path, membership)
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    membership.topics = frozenset({topic_of(mirror, "users")})
    membership.refusals = [*before, OwnershipLostError("shared out anew")]
    with mirror.running():
        wait_until(mirror.has(USERS, [(1, "n")]), 5, "it comes back for it")
    first, second = mirror.sinks
    assert first.calls == []
    assert second.calls


@pytest.mark.parametrize(
    "failures",
    [[], [StuckError("no row of the target is like the one that was deleted")]],
    ids=["found-at-the-commit", "found-at-rows-that-another-has-changed"],
)
def test_a_share_that_was_lost_is_no_end_and_looks_like_no_fault_of_the_rows(
    tmp_path: Path, failures: list[Exception]
) -> None:
    membership = Membership()
    mirror = SharedMirror(tmp_path, membership)
    users = mirror.script.table("public.users", [ID, NAME])
    users.insert(row(1))
    topic = topic_of(mirror, "users")
    membership.topics = frozenset({topic})
    with mirror.running():
        wait_until(mirror.has(USERS, [(1, "n")]), 5, "at work")
        other = WatchedSink(mirror.path)
        other.open(mirror.stream.stream_id, {topic})
        other.close()
        mirror.sinks[-1].failures += failures
        users.insert(row(2))
        wait_until(mirror.has(USERS, [(1, "n"), (2, "n")]), 5, "it takes it over again, for the group says so")
    assert "stuck" not in {report.state for report in mirror.reports.all}


def test_a_group_that_is_out_of_reach_is_joined_anew_and_one_that_refuses_ends_the_worker(tmp_path: Path) -> None:
    first, second = Membership(), Membership()
    mirror = SharedMirror(tmp_path, first, second)
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    first.failures = [UnreachableError("no answer")]
    second.topics = frozenset({topic_of(mirror, "users")})
    with mirror.running():
        wait_until(mirror.has(USERS, [(1, "n")]), 5, "it has joined again")
    assert first.closed
    assert second.closed
    refusing = Membership()
    refusing.failures = [RefusedError("no Read on the group")]
    mirror.memberships = [refusing]
    with pytest.raises(RefusedError):
        mirror.supervise(Control())
    assert refusing.closed


def test_tables_that_would_meet_in_the_target_are_refused_though_another_worker_has_one(tmp_path: Path) -> None:
    membership = Membership()
    mirror = SharedMirror(tmp_path, membership)
    for name in ("users", "Users"):
        mirror.script.table(f"public.{name}", [ID, NAME]).insert(row(1))
    membership.topics = frozenset({topic_of(mirror, "users")})
    with pytest.raises(StuckError, match="would both go to the table"):
        mirror.supervise(Control())


def test_a_share_without_topics_is_well(tmp_path: Path) -> None:
    membership = Membership("p.public.none")
    mirror = SharedMirror(tmp_path, membership)
    mirror.script.table("public.users", [ID, NAME]).insert(row(1))
    with mirror.running():
        wait_until(lambda: mirror.reports.last.state == "streaming", 5, "proven idle")
        assert mirror.reports.last.tables == []
        assert mirror.reports.last.lag_bytes == 0
