"""Tables whose key's collation takes texts that differ for equal, as keys of MySQL and MariaDB often do."""

from __future__ import annotations

from typing import Any

import pytest

from tailrace.errors import StuckError, ValueRefusedError
from tailrace.load_mark import END, LoadMark
from tailrace.schema import Column, Kind
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


def _code(size: int, charset: str) -> Column:
    """The key as the stream says it."""
    named = "" if charset == "utf8mb4" else f" character set {charset}"
    return column(1, "code", Kind.TEXT, f"varchar({size}){named}", key=1, size=size)


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


def test_two_spellings_at_once_are_refused_by_their_index(applied: Applied) -> None:
    applied.ensure(CODES)
    with pytest.raises(StuckError, match=r"two rows meet in the target's unique index") as raised:
        applied(upserts(CODES, code("a", 1), code("A", 2)))
    assert not isinstance(raised.value, ValueRefusedError)  # it is no single row's matter: nothing is parked for it


def test_blanks_at_the_end_of_ascii_texts_make_another_row(applied: Applied, database: Database) -> None:
    database.execute("ALTER TABLE codes MODIFY code VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin")
    ascii_codes = target("codes", [_code(20, "ascii"), CODES.columns[1]])
    applied.ensure(ascii_codes)
    applied(upserts(ascii_codes, code("a", 1)))
    applied(deletes(ascii_codes, code("a ", 1), number=2))
    assert applied.rows(ascii_codes) == [code("a", 1)]
    with pytest.raises(StuckError, match="two rows meet in the target's unique index"):
        applied(upserts(ascii_codes, code("a ", 2), number=3))


@pytest.mark.parametrize("collation", ["ascii_general_ci", "latin1_swedish_ci", "utf8mb4_general_ci"])
def test_a_key_that_grows_keeps_its_collation(applied: Applied, database: Database, collation: str) -> None:
    charset = collation.partition("_")[0]
    declared = f"VARCHAR(20) CHARACTER SET {charset} COLLATE {collation}"
    database.execute(f"ALTER TABLE codes MODIFY code {declared}")
    database.execute(f"CREATE TABLE parts (code {declared}, FOREIGN KEY (code) REFERENCES codes (code))")
    before = applied.ensure(target("codes", [_code(20, charset), CODES.columns[1]]))
    of = "SELECT column_type, collation_name FROM information_schema.columns WHERE table_schema = DATABASE()"
    of += " AND table_name = 'codes' AND column_name = 'code'"
    assert database.query(of) == [("varchar(20)", collation)]
    database.execute("DROP TABLE parts")
    applied.ensure(target("codes", [_code(40, charset), CODES.columns[1]], version=2), before)
    assert database.query(of) == [("varchar(40)", collation)]


@pytest.mark.parametrize(
    "collation", ["latin1_german2_ci", "latin1_bin", "cp1251_general_ci", "sjis_japanese_ci", "utf16_bin"]
)
def test_a_text_within_a_key_is_found_in_any_character_set(
    applied: Applied, database: Database, collation: str
) -> None:
    charset = collation.partition("_")[0]
    database.execute(f"ALTER TABLE pairs MODIFY code VARCHAR(20) CHARACTER SET {charset} COLLATE {collation}")
    pairs = target("pairs", [_code(20, charset), *PAIRS.columns[1:]])
    applied.ensure(pairs)
    word = {"latin1": "é€", "cp1251": "жа", "sjis": "あ"}.get(charset, "é")
    one, two, three = ({"code": word, "line": line, "n": line} for line in (1, 2, 3))
    applied(upserts(pairs, one, two, three))
    applied(deletes(pairs, one, three, number=2))
    assert applied.rows(pairs) == [two]
