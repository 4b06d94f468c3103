"""What every sink must do whose topics are shared out among workers: the same on each target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tailrace.errors import OwnershipLostError, TransactionConflictError, UnreachableError
from tailrace.sink import Sink, TableWork
from tailrace.stream import Partition
from tests.servers import wait_until
from tests.sinks import STREAM, integer, target, text, upserts

A, B, C = Partition("p.shop.a", 0), Partition("p.shop.b", 0), Partition("p.shop.c", 1)


def workers_own_their_topics(make_sink: Callable[[], Sink]) -> None:
    """Each moves its own, loses what another takes, and nothing goes back."""
    first, second = make_sink(), make_sink()
    assert first.open(STREAM, {A.topic, B.topic}) == {}
    assert second.open(STREAM, {C.topic}) == {}
    first.commit({A: 3, B: 2, Partition(A.topic, -3): 9})
    second.commit({C: 5})
    first.commit({A: 4})
    first.commit({})

    # The second one takes a topic that has positions, and one that nobody has read yet.
    new = Partition("p.shop.new", 0)
    again = make_sink()
    assert again.open(STREAM, {A.topic, C.topic, new.topic}) == {A: 4, C: 5, Partition(A.topic, -3): 9}
    for lost in ({A: 5}, {A: 5, B: 3}, {}):
        with pytest.raises(OwnershipLostError):
            first.commit(lost)
    with pytest.raises(OwnershipLostError):
        second.commit({C: 6})
    again.commit({A: 6, C: 6})
    first.rollback()
    first.commit({B: 3})  # what nobody has taken is still its own

    # A topic belongs to whoever took it before anything of it was read.
    later = make_sink()
    later.open(STREAM, {new.topic})
    with pytest.raises(OwnershipLostError):
        again.commit({new: 1})
    later.commit({new: 2})

    # Nothing to do is no reason to fail.
    idle = make_sink()
    assert idle.open(STREAM, set()) == {}
    idle.commit({})

    # A worker that takes the whole sink takes all of it, and loses it to the first that shares it.
    whole = make_sink()
    positions = {A: 6, B: 3, C: 6, new: 2, Partition(A.topic, -3): 9}
    assert {p: offset for p, offset in whole.open(STREAM).items() if p.number != -1} == positions
    for worker, moved in ((later, {new: 3}), (again, {A: 7}), (first, {B: 4})):
        with pytest.raises(OwnershipLostError):
            worker.commit(moved)
    whole.commit({A: 7})
    sharing = make_sink()
    assert sharing.open(STREAM, {B.topic}) == {B: 3}
    with pytest.raises(OwnershipLostError):
        whole.commit({A: 8})
    sharing.commit({B: 4})


USERS, ORDERS = (target(name, [integer(1, "id", key=1), text(2, "name")]) for name in ("users", "orders"))


def every_table_that_was_written_must_be_its_worker_s(make_sink: Callable[[], Sink]) -> None:
    """Also where the positions of another topic alone move with it."""
    place = Partition(ORDERS.topic, 0)

    def written(sink: Sink) -> None:
        sink.apply([upserts(USERS, {"id": 1, "name": "late"})])

    def brought_up_to_date(sink: Sink) -> None:
        sink.ensure(USERS, None)

    for change in (written, brought_up_to_date):
        worker = make_sink()
        offset = worker.open(STREAM, {USERS.topic, ORDERS.topic}).get(place, 0)
        worker.ensure(USERS, None)
        worker.commit({place: offset + 1})
        change(worker)
        worker.commit({place: offset + 2})
        make_sink().open(STREAM, {USERS.topic})
        if change is written or worker.transactional_ddl:
            change(worker)
            with pytest.raises(OwnershipLostError):
                worker.commit({place: offset + 3})


def a_worker_that_sleeps_in_a_transaction_gives_way(make_sink: Callable[[], Sink]) -> None:
    """Its successor writes the same rows, though the sleeper has them locked."""
    place = Partition(USERS.topic, 0)
    sleeper, successor = make_sink(), make_sink()
    sleeper.open(STREAM, {USERS.topic})
    sleeper.ensure(USERS, None)
    sleeper.apply([upserts(USERS, {"id": 1, "name": "first"})])
    sleeper.commit({place: 1})
    sleeper.apply([upserts(USERS, {"id": 1, "name": "late"})])
    assert successor.open(STREAM, {USERS.topic}) == {place: 1}
    successor.ensure(USERS, None)

    def applied(*work: TableWork) -> bool:
        try:
            successor.apply(work)
            successor.commit({place: 2})
        except TransactionConflictError:
            successor.rollback()
            return False
        return True

    wait_until(lambda: applied(upserts(USERS, {"id": 1, "name": "second"})), 20, "the successor gets at the row")
    with pytest.raises((OwnershipLostError, UnreachableError)):
        sleeper.commit({place: 2})
    assert list(successor.rows(USERS)) == [{"id": 1, "name": "second"}]
