"""Scripts become catalogs: every statement is in it, or among what was skipped, with its line."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Skipped
from tailrace.conversion.script import read
from tailrace.conversion.script.splitting import Statement, split
from tailrace.conversion.script.tokens import Script

SAMPLES = Path(__file__).parents[2] / "integration/schema"
DIALECTS = (Dialect.ORACLE, Dialect.TSQL, Dialect.POSTGRESQL, Dialect.MYSQL)


def sample(dialect: Dialect) -> str:
    return (SAMPLES / f"{dialect}.sql").read_text()


def lines(catalog: Catalog) -> set[int]:
    found = {line for _, _, _, line in catalog.count()}
    for entry in catalog.skipped:
        found |= set(range(entry.line, entry.last + 1))
    return found


@pytest.mark.parametrize("dialect", [Dialect.ORACLE, Dialect.TSQL])
def test_no_statement_of_a_script_disappears(dialect: Dialect) -> None:
    """One that has no line of its own in the catalog has changed it: without it the catalog is another one."""
    text = sample(dialect)
    catalog = read(text, dialect, "sample")
    known = lines(catalog)
    checked = 0
    for piece in split(Script(text, dialect)):
        assert isinstance(piece, Statement | Skipped)
        if piece.line in known:
            continue
        assert isinstance(piece, Statement)
        if "CREATE SCHEMA" in piece.text:
            # A schema that is named is there without its statement as well.
            assert any(schema in piece.text for schema in catalog.schemas)
            continue
        start, end = piece.tokens[0].start, piece.tokens[-1].end
        blank = re.sub(r"[^\n]", " ", text[start:end])
        assert read(text[:start] + blank + text[end:], dialect, "sample") != catalog, piece.text
        checked += 1
    assert checked >= 5


@pytest.mark.parametrize(("dialect", "objects", "tables"), [(Dialect.ORACLE, 60, 20), (Dialect.TSQL, 60, 20)])
def test_the_samples_are_as_large_as_is_said(dialect: Dialect, objects: int, tables: int) -> None:
    catalog = read(sample(dialect), dialect, "sample")
    own = [kind for kind, _, _, _ in catalog.count() if kind not in (ObjectKind.COLUMN, ObjectKind.COMMENT)]
    assert len(own) >= objects
    assert len(catalog.tables) >= tables
    assert {ObjectKind.VIEW, ObjectKind.SEQUENCE, ObjectKind.PROCEDURE, ObjectKind.FUNCTION} <= set(own)
    assert {ObjectKind.TRIGGER, ObjectKind.SYNONYM, ObjectKind.PARTITION, ObjectKind.FOREIGN_KEY} <= set(own)


@pytest.mark.parametrize("dialect", [Dialect.ORACLE, Dialect.TSQL])
def test_lines_are_those_of_the_script(dialect: Dialect) -> None:
    text = sample(dialect).split("\n")
    catalog = read("\n".join(text), dialect, "sample")
    for table in catalog.tables:
        assert table.name.name.lower() in text[table.line - 1].lower()
        for column in table.columns:
            assert column.name.lower() in text[column.line - 1].lower(), (table.name, column)
        for check in table.checks:
            assert "check" in text[check.line - 1].lower()
        for key in table.foreign_keys:
            assert re.search("foreign key|references", text[key.line - 1].lower()), key
        for index in table.indexes:
            at = text[table.lines[index.name] - 1].lower()
            assert index.name.lower() in at or re.search(r"primary key|unique|fulltext|index", at), index
    programs = [(one.name, one.line) for one in catalog.routines] + [(one.name, one.line) for one in catalog.triggers]
    programs += [(one.name, one.line) for one in catalog.views] + [(one.name, one.line) for one in catalog.sequences]
    for name, line in programs:
        assert name.name.lower() in text[line - 1].lower()
    for other in catalog.others:
        head = other.definition.split("\n")[0].split()[0].strip("([").lower()
        assert head in text[other.line - 1].lower(), other


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_script_that_is_cut_off_or_damaged_is_read_all_the_same(dialect: Dialect) -> None:
    text = sample(dialect) if (SAMPLES / f"{dialect}.sql").exists() else sample(Dialect.ORACLE)
    chance = random.Random(7)
    for _ in range(60):
        start = chance.randrange(len(text))
        piece = text[start : start + chance.randrange(1500)]
        read(piece, dialect, "a piece")
    words = re.split(r"(\s+)", text)
    for _ in range(10):
        at = chance.randrange(len(words) - 600)
        damaged = words[at : at + 600]
        for _ in range(20):
            damaged[chance.randrange(600)] = chance.choice(
                ["", "(", ")", "'", ",", "NULL", "[", '"', ";", "\nGO\n", "/*"]
            )
        read("".join(damaged), dialect, "damaged")


def test_what_is_not_understood_is_said_with_its_line_and_the_reason() -> None:
    catalog = read(
        "CREATE TABLE t (a NUMBER);\n\nCREATE TABLE u (\n  a ???\n);\nFLASHBACK TABLE t;\n", Dialect.ORACLE, ""
    )
    assert [table.name.name for table in catalog.tables] == ["T"]
    (unread, unknown) = catalog.others
    assert (unread.kind, unread.name, unread.line) == (ObjectKind.TABLE, ObjectName("", "U"), 3)
    assert "a type was expected" in unread.reason
    assert (unknown.line, unknown.definition) == (6, "FLASHBACK TABLE t")
    assert "FLASHBACK" in unknown.reason


def test_a_string_without_an_end_takes_the_rest_and_says_where_it_begins() -> None:
    catalog = read("CREATE TABLE t (a int);\nCREATE TABLE u (a varchar(5) DEFAULT 'x);\n", Dialect.POSTGRESQL, "")
    assert [table.name.name for table in catalog.tables] == ["t"]
    (other,) = catalog.others
    assert other.line == 2
    assert "line 2" in other.reason


def test_only_dialects_with_scripts_are_read() -> None:
    with pytest.raises(ValueError, match="sqlite"):
        read("", Dialect.SQLITE, "")


@pytest.mark.parametrize(
    ("statement", "start", "minimum", "maximum"),
    [
        ("CREATE SEQUENCE s", -(1 << 63), -(1 << 63), None),
        ("CREATE SEQUENCE s AS int START WITH 5", 5, None, None),
        ("CREATE SEQUENCE s AS int START WITH 5 CYCLE", 5, -(1 << 31), None),
        ("CREATE SEQUENCE s AS smallint START WITH 10 INCREMENT BY -1", 10, None, 10),
    ],
)
def test_a_sequence_of_sql_server_begins_where_its_type_does(
    statement: str, start: int, minimum: int | None, maximum: int | None
) -> None:
    counter = read(statement, Dialect.TSQL, "").sequences[0].counter
    assert (counter.start, counter.minimum, counter.maximum) == (start, minimum, maximum)


@pytest.mark.parametrize(
    ("dialect", "text", "reason"),
    [
        (Dialect.TSQL, "CREATE TABLE a (b int) INSERT INTO a VALUES (1)", "another statement"),
        (Dialect.TSQL, "SELECT * INTO b FROM c", "rows of a query"),
        (Dialect.TSQL, "EXEC ('CREATE TABLE a (' + @columns + ')')", "when it runs"),
        (Dialect.TSQL, "IF @@SERVERNAME = 'x' CREATE TABLE a (b int)", "depends on"),
        (Dialect.POSTGRESQL, "SELECT format('CREATE TABLE %I ()', x) FROM y \\gexec\nCREATE TABLE a (b int);", "gexec"),
        (Dialect.POSTGRESQL, "CREATE TABLE a AS SELECT 1;", "query"),
        (Dialect.POSTGRESQL, "\\ir tables.sql", "another file"),
        (Dialect.ORACLE, "BEGIN\n  EXECUTE IMMEDIATE 'CREATE TABLE a' || x;\nEND;\n/\n", "when it runs"),
        (Dialect.ORACLE, "BEGIN\n  make_tables(1);\nEND;\n/\n", "runs once"),
        (Dialect.ORACLE, "EXEC make_tables\n", "runs once"),
        (Dialect.ORACLE, "RENAME a TO b;", "not known"),
        (Dialect.MYSQL, "RENAME TABLE a TO b;", "not followed"),
        (Dialect.MYSQL, "CREATE TABLE a LIKE b;", "no columns of its own"),
    ],
)
def test_what_may_make_an_object_is_never_skipped(dialect: Dialect, text: str, reason: str) -> None:
    catalog = read(text, dialect, "")
    assert any(reason in other.reason for other in catalog.others), catalog.others
    assert all(entry.line > 1 or "CREATE" not in entry.text for entry in catalog.skipped)


def test_a_table_that_is_made_again_replaces_the_first_or_is_left_out_as_the_statement_says() -> None:
    first = "CREATE TABLE a (b int);"
    replaced = read(f"{first}CREATE OR REPLACE TABLE a (c int);", Dialect.MARIADB, "")
    assert [column.name for column in replaced.tables[0].columns] == ["c"]
    kept = read(f"{first}CREATE TABLE IF NOT EXISTS a (c int);", Dialect.MYSQL, "")
    assert [column.name for column in kept.tables[0].columns] == ["b"]
    twice = read(f"{first}CREATE TABLE a (c int);", Dialect.POSTGRESQL, "")
    assert [other.line for other in twice.others] == [1]


def test_altered_tables_are_what_the_statements_leave() -> None:
    text = """CREATE TABLE t (a NUMBER(4), b VARCHAR2(5) DEFAULT 'x', c DATE);
ALTER TABLE t MODIFY (a NOT NULL, b VARCHAR2(9));
ALTER TABLE t ADD (d NUMBER(1) DEFAULT 0 NOT NULL, CONSTRAINT ck CHECK (d IN (0, 1)));
ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY (a) USING INDEX TABLESPACE x ENABLE ADD CONSTRAINT uk UNIQUE (b) DISABLE;
ALTER TABLE t RENAME COLUMN c TO e;
ALTER TABLE t DROP COLUMN d;
"""
    catalog = read(text, Dialect.ORACLE, "")
    (table,) = catalog.tables
    assert [(c.name, c.sql_type, c.nullable, c.default) for c in table.columns] == [
        ("A", "NUMBER(4)", False, ""),
        ("B", "VARCHAR2(9)", True, "'x'"),
        ("E", "DATE", True, ""),
    ]
    assert [(index.name, index.primary) for index in table.indexes] == [("PK", True)]
    assert not table.checks
    assert [other.reason for other in catalog.others] == ["the key is disabled: the source does not hold to it"]
