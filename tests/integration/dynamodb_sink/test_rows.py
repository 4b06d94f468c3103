"""Rows in DynamoDB: newer writes win, whatever the order and however often."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from tailrace.sink import TableWork
from tests.servers import DynamoDB
from tests.sinks import Applied, deletes, rows, seq, upserts
from tests.sinks.dynamodb import USERS, MakeSink, item


def test_upserts_updates_and_deletes_twice_leave_what_once_leaves(applied: Applied) -> None:
    applied.ensure(USERS)
    first = [{"id": number, "name": f"n{number}", "age": number} for number in range(5)]
    second = TableWork(
        USERS,
        upserts=rows([{"id": 1, "name": "one", "age": None}, {"id": 9, "name": "nine", "age": 9}], 2),
        updates=rows([{"id": 2, "age": 22}, {"id": 3, "name": None}, {"id": 77, "age": 7}], 2),
        deletes=rows([{"id": 0}, {"id": 88}], 2),
    )
    for _ in range(2):  # the second time everything is older than what is there
        applied(upserts(USERS, *first))
        applied(second)
        assert applied.rows(USERS) == [
            {"id": 1, "name": "one", "age": None},
            {"id": 2, "name": "n2", "age": 22},
            {"id": 3, "name": None, "age": 3},
            {"id": 4, "name": "n4", "age": 4},
            {"id": 9, "name": "nine", "age": 9},
        ]


def test_an_older_write_never_wins(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "new", "age": 1}, number=5))
    applied(upserts(USERS, {"id": 1, "name": "old", "age": 1}, number=4))
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "older"}], 3)))
    applied(deletes(USERS, {"id": 1}, number=2))
    assert applied.rows(USERS) == [{"id": 1, "name": "new", "age": 1}]


def test_a_deleted_row_stays_deleted_until_something_newer_comes(
    applied: Applied, dynamodb: DynamoDB, prefix: str
) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}, number=1))
    applied(deletes(USERS, {"id": 1}, number=5))
    marker = item(dynamodb, prefix + "users", id={"N": "1"})
    assert marker is not None
    days = (int(marker.pop("_tailrace_expires")["N"]) - time.time()) / 86400
    assert 29.9 < days <= 30
    assert set(marker) == {"id", "_tailrace_seq", "_tailrace_stream", "_tailrace_deleted"}
    assert marker["_tailrace_seq"] == {"S": seq(5)}
    applied(upserts(USERS, {"id": 1, "name": "late", "age": 1}, number=4))
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "ghost"}], 6)))
    assert applied.rows(USERS) == []
    new = {"id": 1, "name": None, "age": 7}
    applied(upserts(USERS, new, number=7))
    assert applied.rows(USERS) == [new]
    assert "_tailrace_expires" not in (item(dynamodb, prefix + "users", id={"N": "1"}) or {})


def test_a_partial_update_makes_no_ghost(applied: Applied, dynamodb: DynamoDB, prefix: str) -> None:
    applied.ensure(USERS)
    applied(TableWork(USERS, updates=rows([{"id": 1, "name": "ghost"}], 2)))
    assert item(dynamodb, prefix + "users", id={"N": "1"}) is None
    applied(upserts(USERS, {"id": 1, "name": "loaded", "age": 1}, number=1))
    assert applied.rows(USERS) == [{"id": 1, "name": "loaded", "age": 1}]


def test_truncate_takes_what_is_older(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "x", "age": n} for n in range(100)), number=1))
    newer = {"id": 200, "name": "newer", "age": 1}
    applied(upserts(USERS, newer, number=9))
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(5)))
    assert applied.rows(USERS) == [newer]
    applied(upserts(USERS, {"id": 1, "name": "late", "age": 1}, number=4))
    assert applied.rows(USERS) == [newer]
    after = {"id": 2, "name": "after", "age": 2}
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(10), upserts=rows([after], 11)))
    assert applied.rows(USERS) == [after]


def test_workers_at_once_leave_the_newest_of_each_row(make_sink: MakeSink) -> None:
    """As when a worker that was replaced still has requests on their way."""
    workers = [Applied(make_sink()) for _ in range(3)]
    for worker in workers:
        worker.sink.ensure(USERS, None)
    newest: dict[int, tuple[int, str, dict[str, Any]]] = {}
    works: list[list[TableWork]] = [[] for _ in workers]
    rng = random.Random(4)
    numbers = list(range(1, 10))
    for key in range(40):
        rng.shuffle(numbers)
        for number in numbers[:6]:
            row = {"id": key, "name": f"{key}-{number}", "age": number}
            delete = rng.random() < 0.3
            works[rng.randrange(3)].append(
                deletes(USERS, {"id": key}, number=number) if delete else upserts(USERS, row, number=number)
            )
            if key not in newest or newest[key][0] < number:
                newest[key] = (number, "d" if delete else "u", row)
    threads = [
        threading.Thread(target=worker.sink.apply, args=(work,)) for worker, work in zip(workers, works, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [row for _, op, row in newest.values() if op == "u"]
    assert sorted(workers[0].sink.rows(USERS), key=lambda row: row["id"]) == expected


def test_rows_of_another_stream_are_no_fence(make_sink: MakeSink) -> None:
    """A table that a former pipeline filled, whose sequences were higher."""
    applied = Applied(make_sink())
    applied.ensure(USERS)
    applied(upserts(USERS, *({"id": n, "name": "former", "age": n} for n in range(4)), number=1000))
    assert applied.sink.teardown(dry_run=False)
    sink = make_sink()
    assert sink.open("stream-2") == {}
    sink.ensure(USERS, None)
    work = TableWork(
        USERS,
        upserts=rows([{"id": 0, "name": "anew", "age": 0}], 1),
        updates=rows([{"id": 1, "name": "updated"}], 1),
        deletes=rows([{"id": 2}], 1),
    )
    sink.apply([work])
    found = {row["id"]: row["name"] for row in sink.rows(USERS)}
    assert found == {0: "anew", 1: "updated", 3: "former"}
    sink.apply([TableWork(USERS, truncate=True, truncate_seq=seq(2))])
    assert list(sink.rows(USERS)) == []
