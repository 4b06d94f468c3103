"""Rows of tables with and without a key in MySQL and MariaDB."""

from __future__ import annotations

import random

import pytest

from tailrace.errors import StuckError, TransactionConflictError
from tailrace.schema import Kind
from tailrace.sink import TableWork
from tests.servers.sql import Database
from tests.sinks import Applied, change, column, deletes, integer, rows, seq, target, text, upserts
from tests.sinks.mysql import USERS, MakeSink


def test_upserts_updates_and_deletes_twice_leave_what_once_leaves(applied: Applied) -> None:
    applied.ensure(USERS)
    first = [{"id": number, "name": f"n{number}", "age": number} for number in range(5)]
    for _ in range(2):
        applied(upserts(USERS, *first))
        work = TableWork(
            USERS,
            upserts=rows([{"id": 1, "name": "one", "age": None}, {"id": 9, "name": "nine", "age": 9}], 2),
            updates=rows([{"id": 2, "age": 22}, {"id": 77, "age": 7}], 2),
            deletes=rows([{"id": 0}, {"id": 88}], 2),
        )
        applied(work)
        assert applied.rows(USERS) == [
            {"id": 1, "name": "one", "age": None},
            {"id": 2, "name": "n2", "age": 22},
            {"id": 3, "name": "n3", "age": 3},
            {"id": 4, "name": "n4", "age": 4},
            {"id": 9, "name": "nine", "age": 9},
        ]


@pytest.mark.parametrize("taken", [2, 9], ids=["a row that is there", "a new row"])
def test_a_unique_index_that_the_sink_does_not_know_of_overwrites_no_other_row(
    applied: Applied, database: Database, taken: int
) -> None:
    """ON DUPLICATE KEY UPDATE goes by any unique index."""
    table = applied.ensure(target("users", [integer(1, "id", key=1), integer(2, "place"), integer(3, "age")]))
    applied(upserts(table, *({"id": number, "place": number, "age": number} for number in range(1, 4))))
    database.execute("CREATE UNIQUE INDEX place ON users (place)")
    work = TableWork(table, upserts=rows([{"id": taken, "place": 1, "age": 22}, {"id": 1, "place": 8, "age": 11}], 2))
    with pytest.raises(TransactionConflictError):
        applied(work)
    applied.sink.rollback()
    applied(work)
    found = {row["id"]: (row["place"], row["age"]) for row in applied.rows(table)}
    assert found == {2: (2, 2), 3: (3, 3)} | {1: (8, 11), taken: (1, 22)}


def test_many_rows_take_many_statements(applied: Applied) -> None:
    table = applied.ensure(target("big", [integer(1, "a", key=1), text(2, "b", key=2, size=40), text(3, "c")]))
    rng = random.Random(3)
    data = {
        (number, f"k'{number}\\"): {"a": number, "b": f"k'{number}\\", "c": rng.choice(["x", "é𝄞", "'"]) * 400}
        for number in range(6000)
    }
    applied(upserts(table, *data.values()))
    gone = [key for key in data if key[0] % 3 == 0]
    changed = [key for key in data if key[0] % 3 == 1]
    for key in changed:
        data[key]["c"] = f"changed {key}"
    applied(
        TableWork(
            table,
            deletes=rows([{"a": a, "b": b} for a, b in gone], 2),
            updates=rows([{"a": a, "b": b, "c": data[a, b]["c"]} for a, b in changed], 2),
        )
    )
    for key in gone:
        del data[key]
    found = {(row["a"], row["b"]): row for row in applied.sink.rows(table)}
    assert found == data


def test_truncate_empties_the_table_within_the_transaction(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    applied.sink.apply([TableWork(USERS, truncate=True, truncate_seq=seq(2))])
    applied.sink.rollback()
    assert len(applied.rows(USERS)) == 1
    new = {"id": 2, "name": "b", "age": 2}
    applied(TableWork(USERS, truncate=True, truncate_seq=seq(2), upserts=rows([new], 3)))
    assert applied.rows(USERS) == [new]


def test_a_table_of_key_columns_only(applied: Applied) -> None:
    table = applied.ensure(target("pairs", [integer(1, "a", key=1), integer(2, "b", key=2)]))
    for _ in range(2):
        applied(upserts(table, {"a": 1, "b": 2}, {"a": 1, "b": 3}))
    assert applied.rows(table) == [{"a": 1, "b": 2}, {"a": 1, "b": 3}]


def test_keys_that_differ_in_case_blanks_or_accents_are_different_rows(applied: Applied) -> None:
    table = applied.ensure(target("words", [text(1, "word", key=1), integer(2, "n")], schema="public"))
    words = ["a", "A", "a ", "á", "", " ", "a\t", "ａ", "ss", "ß", "a\0"]
    data = [{"word": word, "n": number} for number, word in enumerate(words)]
    applied(upserts(table, *data))
    assert sorted(applied.sink.rows(table), key=lambda row: row["n"]) == data
    applied(deletes(table, {"word": "A"}, {"word": "a "}, {"word": ""}))
    assert sorted(row["word"] for row in applied.sink.rows(table)) == sorted(set(words) - {"A", "a ", ""})


def test_rows_that_swap_a_unique_value(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    database.execute("ALTER TABLE users ADD UNIQUE KEY (age)")
    applied.sink.close()
    again = Applied(applied.sink)
    again.ensure(USERS)
    again(upserts(USERS, {"id": 1, "name": "a", "age": 1}, {"id": 2, "name": "b", "age": 2}))
    swapped = [{"id": 1, "name": "a", "age": 2}, {"id": 2, "name": "b", "age": 1}]
    again(upserts(USERS, *swapped, number=2))
    assert again.rows(USERS) == swapped
    # The value of a deleted row, taken over by a new one.
    moved = TableWork(USERS, deletes=rows([{"id": 1}], 3), upserts=rows([{"id": 3, "name": "c", "age": 2}], 3))
    again(moved)
    assert again.rows(USERS) == [swapped[1], {"id": 3, "name": "c", "age": 2}]
    with pytest.raises(StuckError, match="unique index"):
        again(upserts(USERS, {"id": 4, "name": "d", "age": 2}, number=4))


KEYLESS = target(
    "log", [text(1, "line"), column(2, "f", Kind.FLOAT, "float", size=32), column(3, "j", Kind.JSON, "json")]
)


def test_a_keyless_change_takes_exactly_one_row(applied: Applied) -> None:
    applied.ensure(KEYLESS)
    twin = {"line": "x", "f": 0.1, "j": '{"a": 1.10}'}
    other = {"line": None, "f": None, "j": None}
    moved = {"line": "y", "f": 3.4028235e38, "j": "[1, 2]"}
    inserts = [change("c", None, twin), change("c", None, twin), change("c", None, twin), change("c", None, other)]
    applied(TableWork(KEYLESS, sequential=[*inserts, change("u", twin, moved), change("d", twin, None)]))
    assert sorted(map(repr, applied.sink.rows(KEYLESS))) == sorted(map(repr, [twin, moved, other]))
    applied(TableWork(KEYLESS, sequential=[change("u", other, twin), change("d", moved, None)]))
    assert list(applied.sink.rows(KEYLESS)) == [twin, twin]


def test_a_keyless_change_without_its_row_is_an_error(applied: Applied) -> None:
    applied.ensure(KEYLESS)
    row = {"line": "x", "f": 1.5, "j": None}
    applied(TableWork(KEYLESS, sequential=[change("c", None, row)]))
    with pytest.raises(StuckError, match=r"table log.*no row of the target"):
        applied.sink.apply([TableWork(KEYLESS, sequential=[change("d", {**row, "line": "X"}, None)])])
    applied.sink.rollback()
    assert list(applied.sink.rows(KEYLESS)) == [row]


def test_a_keyless_change_without_its_row_where_no_load_ran(make_sink: MakeSink) -> None:
    applied = Applied(make_sink(mode="cdc"))
    applied.ensure(KEYLESS)
    old = {"line": "x", "f": 1.5, "j": None}
    new = {"line": "y", "f": 1.5, "j": None}
    newer = {"line": "z", "f": 1.5, "j": None}
    changes = [change("d", old, None), change("u", old, new), change("u", new, newer)]
    applied(TableWork(KEYLESS, sequential=changes))
    assert list(applied.sink.rows(KEYLESS)) == [newer]
