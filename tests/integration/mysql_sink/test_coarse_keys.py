"""Tables whose key's collation takes texts that differ for equal, as keys of MySQL and MariaDB often do."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import StuckError
from tailrace.load_mark import END, LoadMark
from tailrace.schema import Kind
from tailrace.sink import TableWork
from tests.servers.sql import Database
from tests.sinks import Applied, change, column, deletes, integer, rows, seq, target, text, upserts

CODES = target("codes", [column(1, "code", Kind.TEXT, "varchar(20)", key=1, size=20), integer(2, "n", size=32)])
PAIRS = target(
    "pairs",
    [
        column(1, "code", Kind.TEXT, "varchar(20)", key=1, size=20),
        integer(2, "line", key=2, size=32),
        integer(3, "n", size=32),
    ],
)
NOTES = target("notes", [text(1, "note"), integer(2, "n", size=32)])


@pytest.fixture(autouse=True)
def tables(database: Database) -> None:
    database.script(
        "CREATE TABLE codes (code VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY, n INT)",
        "CREATE TABLE pairs (code VARCHAR(20) COLLATE utf8mb4_unicode_ci, line INT, n INT, PRIMARY KEY (code, line))",
        "CREATE TABLE notes (note LONGTEXT COLLATE utf8mb4_general_ci, n INT)",
    )


def code(text_: str, n: int) -> dict[str, Any]:
    return {"code": text_, "n": n}


def test_one_spelling_follows_another(applied: Applied) -> None:
    applied.ensure(CODES)
    applied(upserts(CODES, code("straße", 1), code("b", 2)))
    moved = TableWork(CODES, deletes=rows([code("straße", 1)], 2), upserts=rows([code("Straße", 3), code("B ", 4)], 2))
    moved.deletes.extend(rows([code("b", 2)], 2))
    applied(moved)
    assert applied.rows(CODES) == [code("B ", 4), code("Straße", 3)]
    applied(TableWork(CODES, updates=rows([code("Straße", 5), code("b ", 6)], 3)))
    assert applied.rows(CODES) == [code("B ", 4), code("Straße", 5)]


def test_another_spelling_is_another_row(applied: Applied) -> None:
    applied.ensure(PAIRS)
    there = {"code": "a", "line": 1, "n": 1}
    applied(upserts(PAIRS, there, {"code": "a", "line": 2, "n": 2}))
    applied(deletes(PAIRS, {"code": "A", "line": 1, "n": 1}, {"code": "á", "line": 2, "n": 2}, number=2))
    applied(TableWork(PAIRS, updates=rows([{"code": "A", "line": 1, "n": 9}], 3)))
    assert [row["n"] for row in applied.rows(PAIRS)] == [1, 2]
    applied(deletes(PAIRS, {"code": "a", "line": 2, "n": 2}, number=4))
    assert applied.rows(PAIRS) == [there]


@pytest.mark.parametrize("other", ["A", "a "])
def test_a_row_that_the_target_takes_for_another_is_refused(applied: Applied, other: str) -> None:
    applied.ensure(CODES)
    applied(upserts(CODES, code("a", 1), code("ä", 7)))  # in Swedish a letter of its own
    with pytest.raises(StuckError, match=r"two rows meet in the target's unique index.*PRIMARY"):
        applied(upserts(CODES, code(other, 2), number=2))
    applied.sink.rollback()
    assert applied.rows(CODES) == [code("a", 1), code("ä", 7)]


def test_a_keyless_change_finds_the_very_texts(applied: Applied) -> None:
    applied.ensure(NOTES)
    one, two, none = {"note": "x", "n": 1}, {"note": "X", "n": 1}, {"note": None, "n": 1}
    applied(TableWork(NOTES, sequential=[change("c", None, row) for row in (one, two, none)]))
    new = {"note": "x ", "n": 2}
    applied(TableWork(NOTES, sequential=[change("u", two, new), change("d", none, None)]))
    assert sorted(map(repr, applied.sink.rows(NOTES))) == sorted(map(repr, [one, new]))


def test_rows_that_a_load_has_not_seen_in_this_spelling_go(applied: Applied) -> None:
    applied.ensure(PAIRS)
    seen = target("pairs_keys", PAIRS.columns[:2])
    applied.ensure(seen)
    applied(upserts(PAIRS, *({"code": text_, "line": 1, "n": 1} for text_ in ("a", "b", "c"))))
    applied(upserts(seen, *({"code": text_, "line": 1} for text_ in ("a", "B", "d")), number=2))
    load = LoadMark(END, load=1, since=seq(10), resync=True, rows=3)
    assert applied.sink.remove_others(PAIRS, load, seen) == 2
    applied.commit()
    assert [row["code"] for row in applied.rows(PAIRS)] == ["a"]


def test_a_source_whose_keys_compare_exactly_wants_such_a_key(applied: Applied) -> None:
    of_postgres = target("codes", CODES.columns, schema="public")
    with pytest.raises(StuckError, match="texts that differ may be equal there"):
        applied.sink.ensure(of_postgres, None)
