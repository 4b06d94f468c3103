"""Tables in MySQL and MariaDB, and their columns' versions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailrace.completion import Structured
from tailrace.errors import StuckError
from tailrace.schema import Kind
from tailrace.sink import TableWork, TargetTable
from tailrace.structure import MADE, MYSQL, Numbering, TableStructure
from tailrace_mysql.sink_tables import without_mark
from tests.servers.sql import Database
from tests.sinks import Applied, change, column, integer, rows, target, text, upserts
from tests.sinks.mysql import USERS, is_mariadb
from tests.sinks.values import MYSQL_VALUES


def column_types(database: Database, table: str) -> dict[str, str]:
    found = database.query(
        "SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
        (database.name, table),
    )
    plain = {name: kind.decode() if isinstance(kind, bytes) else kind for name, kind in found}
    for name, kind in plain.items():  # MariaDB still prints display widths
        for word in ("tinyint", "smallint", "mediumint", "bigint", "int", "year"):
            if kind.startswith(word + "(") and not kind.startswith("tinyint(1)"):
                plain[name] = word + kind.partition(")")[2]
                break
    return plain


def test_a_missing_table_gets_the_source_s_types(applied: Applied, database: Database) -> None:
    columns = [integer(100, "id", key=1), *(entry[0] for entry in MYSQL_VALUES.values())]
    applied.ensure(target("zoo", columns))
    found = column_types(database, "zoo")
    assert found["bu"] == "bigint unsigned"
    assert found["de"] == "decimal(65,30)"
    assert found["d3"] == "datetime(3)"
    assert found["ts"] == "timestamp(6)"
    assert found["se"] == "set('x','y','z')"
    assert found["bt"] == "bit(9)"
    assert found["ye"] == "year"
    assert found["tx"] == "text"
    assert found["bn"] == "binary(4)"
    assert found["ch"] == "char(3)"
    assert found["js"] == ("longtext" if is_mariadb(database) else "json")
    head = database.query(
        "SELECT engine, table_collation FROM information_schema.tables WHERE table_schema = %s AND table_name = 'zoo'",
        (database.name,),
    )
    assert head == [("InnoDB", "utf8mb4_nopad_bin" if is_mariadb(database) else "utf8mb4_0900_bin")]


def evolved(applied: Applied, before: TargetTable, after: TargetTable) -> None:
    """Goes to a version, and once more as after a crash that lost the knowledge that it was done."""
    applied.ensure(before)
    applied.ensure(after, before)
    again = Applied(applied.sink)
    again.ensure(after, before)
    applied.offset = again.offset


def test_added_columns_get_what_the_source_s_rows_got(applied: Applied) -> None:
    applied.ensure(USERS)
    applied(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    initials: dict[str, tuple[Kind, dict[str, Any], Any]] = {
        "n": (Kind.INTEGER, {"size": 32}, 5),
        "t": (Kind.TEXT, {}, "it's \\ ok"),
        "v": (Kind.TEXT, {"size": 20}, "x'y\\"),
        "d": (Kind.DECIMAL, {"size": 5, "scale": 2}, "1.50"),
        "b": (Kind.BYTES, {}, "AP8nXA=="),
        "f": (Kind.FLOAT, {"size": 64}, 0.1),
        "ts": (Kind.TIMESTAMPTZ, {"size": 6}, "2024-01-31T12:34:56.5Z"),
        "bo": (Kind.BOOLEAN, {}, True),
        "j": (Kind.JSON, {}, '{"a": 1.5}'),
        "bi": (Kind.BITS, {"size": 4, "fixed": True}, "0101"),
        "da": (Kind.DATE, {}, "2024-01-31"),
        "none": (Kind.TEXT, {}, None),
    }
    added = [
        column(10 + number, name, kind, initial=initial, **fields)
        for number, (name, (kind, fields, initial)) in enumerate(initials.items())
    ]
    for schema in ("public", None):
        table = f"users_{schema}"
        before = target(table, USERS.columns, schema=schema)
        applied.ensure(before)
        applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
        if schema is None:
            late = next(c for c in added if c.name == "ts")
            added[added.index(late)] = replace(late, initial="2024-01-31T12:34:56.500000Z")
        after = target(table, [*before.columns, *added], schema=schema, version=2)
        evolved(applied, before, after)
        (row,) = applied.sink.rows(after)
        assert row == {"id": 1, "name": "a", "age": 1, **{c.name: c.initial for c in added}}
        # The default has done its work: other writers' rows do not get it.
        applied(upserts(after, {"id": 2, "name": "b", "age": 2, **dict.fromkeys(initials)}))
        assert applied.rows(after)[1]["n"] is None


def test_renamed_dropped_and_swapped_columns(applied: Applied) -> None:
    a, b, c = integer(1, "id", key=1), text(2, "b"), text(3, "c")
    before = applied.ensure(target("t", [a, b, c]))
    applied(upserts(before, {"id": 1, "b": "B", "c": "C"}))
    swapped = target("t", [a, text(2, "c"), text(3, "b")], version=2)
    evolved(applied, before, swapped)
    assert list(applied.sink.rows(swapped)) == [{"id": 1, "c": "B", "b": "C"}]
    chained = target("t", [integer(1, "key", key=1), text(2, "d"), text(3, "c")], version=3)
    evolved(applied, swapped, chained)
    assert list(applied.sink.rows(chained)) == [{"key": 1, "d": "B", "c": "C"}]
    dropped = target("t", [integer(1, "key", key=1), text(2, "d")], version=4, retained=[text(3, "c")])
    evolved(applied, chained, dropped)
    applied(upserts(dropped, {"key": 2, "d": "D"}))
    assert list(applied.sink.rows(dropped)) == [{"key": 1, "d": "B"}, {"key": 2, "d": "D"}]
    anew = target(
        "t",
        [integer(1, "key", key=1), text(2, "d"), integer(9, "c", initial=7)],
        version=5,
        retained=[text(3, "c_dropped_3")],
    )
    evolved(applied, dropped, anew)
    assert list(applied.sink.rows(anew)) == [{"key": 1, "d": "B", "c": 7}, {"key": 2, "d": "D", "c": 7}]
    old = target("t", [integer(1, "key", key=1), text(3, "c_dropped_3")])
    assert [row["c_dropped_3"] for row in applied.sink.rows(old)] == ["C", None]


def test_rows_keep_values_of_dropped_columns(applied: Applied) -> None:
    before = applied.ensure(USERS)
    applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
    after = target("users", USERS.columns[:2], version=2, retained=[USERS.columns[2]])
    applied.ensure(after, before)
    applied(upserts(after, {"id": 1, "name": "b"}))
    assert list(applied.sink.rows(USERS)) == [{"id": 1, "name": "b", "age": 1}]


def test_a_widened_type_is_followed_and_another_one_refused(applied: Applied, database: Database) -> None:
    key = integer(1, "id", key=1)
    before = applied.ensure(
        target(
            "t",
            [
                key,
                integer(2, "n", size=16),
                column(3, "v", Kind.TEXT, "varchar(5)", size=5),
                column(4, "d", Kind.DECIMAL, "decimal(5,1)", size=5, scale=1),
                column(5, "e", Kind.ENUM, "enum('a')", labels=("a",)),
                column(6, "ts", Kind.TIMESTAMP, "datetime(1)", size=1),
            ],
        )
    )
    applied(upserts(before, {"id": 1, "n": 5, "v": "abcde", "d": "1.5", "e": "a", "ts": "2024-01-31T12:34:56.1"}))
    after = target(
        "t",
        [
            key,
            integer(2, "n", size=64),
            column(3, "v", Kind.TEXT, "varchar(50)", size=50),
            column(4, "d", Kind.DECIMAL, "decimal(9,3)", size=9, scale=3),
            column(5, "e", Kind.ENUM, "enum('a','b')", labels=("a", "b")),
            column(6, "ts", Kind.TIMESTAMP, "datetime(3)", size=3),
        ],
        version=2,
    )
    evolved(applied, before, after)
    row = {"id": 2, "n": 2**40, "v": "x" * 50, "d": "1.125", "e": "b", "ts": "2024-01-31T12:34:56.123"}
    applied(upserts(after, row))
    first = {"id": 1, "n": 5, "v": "abcde", "d": "1.500", "e": "a", "ts": "2024-01-31T12:34:56.100"}
    assert applied.rows(after) == [first, row]
    # Back again: what is there holds the narrower type's values too, where they print alike.
    narrower = target("t", [key, integer(2, "n", size=16), *after.columns[2:]], version=3)
    applied.ensure(narrower, after)
    assert column_types(database, "t")["n"] == "bigint"
    other = target("t", [key, column(2, "n", Kind.DATE, "date"), *after.columns[2:]], version=4)
    with pytest.raises(StuckError, match=r"table t: the column n is bigint.*MODIFY COLUMN `n` DATE"):
        applied.sink.ensure(other, narrower)


def test_a_changed_key(applied: Applied) -> None:
    before = applied.ensure(USERS)
    applied(upserts(before, {"id": 1, "name": "a", "age": 1}))
    after = target("users", [integer(1, "id"), text(2, "name", key=1), integer(3, "age", size=32)], version=2)
    evolved(applied, before, after)
    applied(upserts(after, {"id": None, "name": "b", "age": 2}, {"id": 1, "name": "a", "age": 3}))
    assert applied.rows(after) == [{"id": 1, "name": "a", "age": 3}, {"id": None, "name": "b", "age": 2}]
    keyless = target("users", [integer(1, "id"), text(2, "name"), integer(3, "age", size=32)], version=3)
    evolved(applied, after, keyless)
    applied(TableWork(keyless, sequential=[change("c", None, {"id": 5, "name": None, "age": 1})]))


def test_tables_that_a_person_made(applied: Applied, database: Database) -> None:
    database.script(
        "CREATE TABLE users (surrogate BIGINT AUTO_INCREMENT UNIQUE, id BIGINT PRIMARY KEY, "
        "name VARCHAR(10) DEFAULT 'so, so' COMMENT 'a, it''s', age INT NOT NULL DEFAULT 7, twice INT AS (age * 2))",
        "CREATE TABLE ci (k VARCHAR(10) COLLATE utf8mb4_general_ci PRIMARY KEY)",
        "CREATE TABLE other_key (a INT PRIMARY KEY, b INT NOT NULL)",
        "CREATE TABLE engine (id BIGINT PRIMARY KEY) ENGINE = MyISAM",
        "CREATE VIEW looks AS SELECT 1 AS id",
        "CREATE TABLE loses (id BIGINT PRIMARY KEY, d DECIMAL(5,1))",
    )
    applied.ensure(USERS)  # name is widened, age may be NULL as at the source
    applied(upserts(USERS, {"id": 1, "name": "x" * 100, "age": None}))
    assert applied.rows(USERS) == [{"id": 1, "name": "x" * 100, "age": None}]
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO users (id) VALUES (9)")
        cursor.execute("SELECT name, age FROM users WHERE id = 9")
        assert cursor.fetchone() == ("so, so", 7)
        cursor.execute("DELETE FROM users WHERE id = 9")
    assert "COMMENT 'a, it''s'" in database.query("SHOW CREATE TABLE users")[0][1]
    generated = target("users", [*USERS.columns, integer(4, "twice", size=32)], version=2)
    applied.ensure(generated, USERS)
    applied(upserts(generated, {"id": 2, "name": "", "age": 4, "twice": 8}))
    assert applied.rows(generated)[1] == {"id": 2, "name": "", "age": 4, "twice": 8}
    for table, said in [
        (
            target("ci", [column(1, "k", Kind.TEXT, "varchar(10)", key=1, size=10)], schema="public"),
            "texts that differ",
        ),
        (target("other_key", [integer(1, "a", size=32), integer(2, "b", key=1, size=32)]), "primary key is \\(a\\)"),
        (target("engine", [integer(1, "id", key=1)]), "MyISAM"),
        (target("looks", [integer(1, "id", key=1)]), "view"),
        (
            target("loses", [integer(1, "id", key=1), column(2, "d", Kind.DECIMAL, "decimal(5,2)", size=5, scale=2)]),
            "decimal\\(5,1\\)",
        ),
    ]:
        with pytest.raises(StuckError, match=said):
            applied.sink.ensure(table, None)


def test_what_a_person_says_of_a_table_and_its_columns_stays(applied: Applied, database: Database) -> None:
    """Comments, defaults, collations and what is invisible, with quotes and backslashes in them."""
    said = r"COMMENT 'it''s \\ and \n'"
    database.script(
        "CREATE TABLE users (id BIGINT NOT NULL COMMENT 'a key', name VARCHAR(10) CHARACTER SET utf8mb4"
        rf" COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT 'b\\c' {said}, age INT NOT NULL DEFAULT 7 INVISIBLE {said},"
        rf" PRIMARY KEY (id)) {said}"
    )
    longer = target("users", [USERS.columns[0], text(2, "name"), USERS.columns[2]], version=2)
    applied.ensure(longer)
    renamed = replace(longer, version=3, columns=(longer.columns[0], text(2, "called"), longer.columns[2]))
    evolved(applied, longer, renamed)
    # Names are swapped, which a mark in the comment tells.
    swapped = replace(renamed, version=4, columns=(renamed.columns[0], text(2, "age"), integer(3, "called", size=32)))
    applied(upserts(renamed, {"id": 1, "called": "x", "age": 2}))
    evolved(applied, renamed, swapped)
    assert applied.rows(swapped) == [{"id": 1, "age": "x", "called": 2}]
    source = Structured(swapped, TableStructure(MYSQL, numberings=(Numbering("id", 5),)))
    assert [outcome.state for outcome in applied.sink.complete([source], False)] == [MADE]
    columns = database.query(
        "SELECT COLUMN_NAME, COLUMN_COMMENT, COALESCE(COLLATION_NAME, ''), UPPER(EXTRA) FROM information_schema.COLUMNS"
        " WHERE TABLE_NAME = 'users' AND TABLE_SCHEMA = DATABASE() ORDER BY ORDINAL_POSITION"
    )
    plain = "it's \\ and \n"
    assert [tuple(map(str, row[:3])) for row in columns] == [
        ("id", "a key", ""),
        ("age", plain, "utf8mb4_unicode_ci"),
        ("called", plain, ""),
    ]
    assert ["AUTO_INCREMENT" in columns[0][3], "INVISIBLE" in columns[2][3]] == [True, True]
    database.execute("INSERT INTO users (id) VALUES (9)")
    assert database.query("SELECT age, called FROM users WHERE id = 9") == [("b\\c", 7)]
    comment = database.value(
        "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_NAME = 'users' AND TABLE_SCHEMA = DATABASE()"
    )
    assert without_mark(comment) == plain


def test_checks_and_indexes_of_expressions_follow_renamed_columns(applied: Applied, database: Database) -> None:
    index = "" if is_mariadb(database) else ", UNIQUE KEY low ((concat(lower(`name`), 'name`x')), `age` DESC)"
    loose = "" if is_mariadb(database) else ", CONSTRAINT loose CHECK (`age` > 5) NOT ENFORCED"
    database.execute(
        "CREATE TABLE users (id BIGINT PRIMARY KEY, name VARCHAR(20), age INT,"
        f" CONSTRAINT firm CHECK (`name` <> concat('it', 's `name`')){loose}{index})"
    )
    before = target("users", [USERS.columns[0], column(2, "name", Kind.TEXT, "varchar(20)", size=20), USERS.columns[2]])
    after = target(
        "users",
        [USERS.columns[0], replace(before.columns[1], name="ca`lled"), integer(3, "years", size=32)],
        version=2,
    )
    evolved(applied, before, after)
    applied(upserts(after, {"id": 1, "ca`lled": "x", "years": 2}))
    assert applied.rows(after) == [{"id": 1, "ca`lled": "x", "years": 2}]
    with pytest.raises(Exception, match="firm"):
        database.execute("INSERT INTO users VALUES (2, 'its `name`', 9)")
    if index:
        with pytest.raises(Exception, match="low"):
            database.execute("INSERT INTO users VALUES (2, 'X', 2)")
        assert "years` DESC" in database.query("SHOW CREATE TABLE users")[0][1]


def test_ddl_needs_nothing_from_the_open_transaction(applied: Applied, database: Database) -> None:
    applied.ensure(USERS)
    applied.sink.apply([upserts(USERS, {"id": 1, "name": "a", "age": 1})])
    applied.sink.ensure(target("other", [integer(1, "id", key=1)]), None)
    applied.sink.rollback()
    assert list(applied.sink.rows(USERS)) == []


def test_names_that_need_quoting(applied: Applied, database: Database) -> None:
    odd = ["a b", "per%cent %s", "back`tick", "quo'te\"", "semi;colon", "select", "ünï", "x" * 63]
    columns = [column(1, "k`; %s", Kind.INTEGER, key=1, size=64), *(text(n, name) for n, name in enumerate(odd, 2))]
    table = applied.ensure(target("we`ird %s ; tâble", columns))
    data = [{"k`; %s": n, **{name: f"{name};{n}'" for name in odd}} for n in range(3)]
    applied(upserts(table, *data))
    applied(TableWork(table, updates=rows([{"k`; %s": 1, "select": "new"}], 2), deletes=rows([{"k`; %s": 0}], 2)))
    assert list(applied.sink.rows(table)) == [{**data[1], "select": "new"}, data[2]]
    later = target(
        "we`ird %s ; tâble", [columns[0], text(2, "re`named"), *columns[2:], integer(20, "a;d`d")], version=2
    )
    evolved(applied, table, later)
    assert [row["re`named"] for row in applied.sink.rows(later)] == ["a b;1'", "a b;2'"]
    keyless = applied.ensure(target("key`less", columns[1:]))
    applied(TableWork(keyless, sequential=[change("c", None, {name: name for name in odd})]))
    applied(TableWork(keyless, sequential=[change("d", {name: name for name in odd}, None)]))
    assert list(applied.sink.rows(keyless)) == []
