"""Indexes, foreign keys and numbering: read from each kind of source, and made in a target of the same kind."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.apply.targets import target_of
from tailrace.connectors import Context
from tailrace.sink import Sink, TargetTable
from tailrace.source import Source
from tailrace.structure import FAILED, LEFT_OUT, MADE, PRESENT, TO_MAKE, LeftOut, Outcome, TableStructure
from tailrace_mysql.settings import MySQLSinkSettings, MySQLSourceSettings
from tailrace_mysql.sink import MySQLSink
from tailrace_mysql.source import MySQLSource
from tailrace_postgres.settings import PostgresSinkSettings, PostgresSourceSettings
from tailrace_postgres.sink import PostgresSink
from tailrace_postgres.source import PostgresSource
from tests.servers import Database

CONTEXT = Context("shop", "full-load-and-cdc", Path("/nonexistent"))


def source_of(database: Database, context: Context = CONTEXT) -> Source:
    given = {"connector": "postgres", "url": database.url}
    if database.url.startswith("postgresql"):
        return PostgresSource(PostgresSourceSettings.model_validate(given), context)
    return MySQLSource(MySQLSourceSettings.model_validate({**given, "connector": "mysql"}), context)


def sink_of(database: Database, context: Context = CONTEXT) -> Sink:
    given = {"name": "s", "connector": "postgres", "url": database.url}
    if database.url.startswith("postgresql"):
        return PostgresSink(PostgresSinkSettings.model_validate(given), context)
    return MySQLSink(MySQLSinkSettings.model_validate({**given, "connector": "mysql"}), context)


@dataclass
class Read:
    """The tables of a database, by name."""

    targets: dict[str, TargetTable]
    structures: dict[str, TableStructure]

    @property
    def all(self) -> list[tuple[TargetTable, TableStructure]]:
        return [(self.targets[name], structure) for name, structure in self.structures.items()]


def read(database: Database, context: Context = CONTEXT) -> Read:
    with closing(source_of(database, context)) as source, closing(source.snapshot()) as reader:
        targets = {schema.name.table: target_of([schema]) for schema in source.schemas()}
        tables = [table for table in source.tables() if not table.name.table.startswith("_")]
        return Read(targets, {table.name.table: reader.structure(table.topic) for table in tables})


def completed(database: Database, found: Read, dry_run: bool = False, context: Context = CONTEXT) -> list[Outcome]:
    with closing(sink_of(database, context)) as sink:
        return list(sink.complete(found.all, dry_run))


def made(database: Database, found: Read) -> list[Outcome]:
    """Tables, and all they had."""
    with closing(sink_of(database)) as sink:
        sink.open("stream")
        for table in found.targets.values():
            sink.ensure(table, None)
        sink.commit({})
    return completed(database, found)


def states(outcomes: list[Outcome]) -> set[str]:
    return {outcome.state for outcome in outcomes}


def of_the_table(structure: TableStructure, database: Database) -> TableStructure:
    """Without what is called after its database."""
    keys = tuple(
        replace(key, references=key.references.rpartition(".")[2], topic=key.topic.rpartition(".")[2])
        for key in structure.foreign_keys
    )
    return replace(structure, foreign_keys=keys)


POSTGRES = (
    "CREATE TABLE teams (id int GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 5) PRIMARY KEY,"
    " code text, part int, UNIQUE (code, part))",
    "CREATE SEQUENCE numbers START WITH 100",
    "CREATE TABLE users (id serial PRIMARY KEY, email text, tags jsonb, code text, part int, n bigint DEFAULT"
    " nextval('numbers'), team int REFERENCES teams ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,"
    " boss int CONSTRAINT boss REFERENCES users ON DELETE SET NULL, m bigint DEFAULT nextval('numbers'),"
    " FOREIGN KEY (code, part) REFERENCES teams (code, part) MATCH FULL,"
    " UNIQUE NULLS NOT DISTINCT (email, n), CONSTRAINT late UNIQUE (m) DEFERRABLE)",
    "CREATE INDEX by_order ON users (email DESC, n NULLS FIRST) INCLUDE (part)",
    "CREATE UNIQUE INDEX by_lower ON users (lower(email), (n + 1)) WHERE n > 3 AND part IS NOT NULL",
    "CREATE INDEX by_tags ON users USING gin (tags jsonb_path_ops)",
    'CREATE INDEX by_pattern ON users (code COLLATE "C" text_pattern_ops)',
    "CREATE INDEX by_hash ON users USING hash (code)",
    "CREATE INDEX by_block ON users USING brin (n)",
    "INSERT INTO teams (code, part) VALUES ('a', 1), ('b', 2)",
    "INSERT INTO users (email) VALUES ('x'), ('y')",
)


@pytest.mark.parametrize("kind", ["postgres15", "postgres18"])
def test_postgresql_to_postgresql(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    with server.database("from") as origin, server.database("into") as target:
        origin.script(*POSTGRES)
        found = read(origin)
        users = found.structures["users"]
        assert {numbering.column: numbering.next for numbering in users.numberings} == {"id": 3, "n": 104, "m": 104}
        assert [numbering.next for numbering in found.structures["teams"].numberings] == [15]
        assert {key.name for key in users.foreign_keys} == {"users_team_fkey", "boss", "users_code_part_fkey"}

        outcomes = made(target, found)
        assert states(outcomes) == {MADE}, [o for o in outcomes if o.state != MADE]
        again = read(target)
        for name, structure in found.structures.items():
            now = again.structures[name]
            assert now.indexes == structure.indexes
            assert now.foreign_keys == structure.foreign_keys
            for had, has in zip(structure.numberings, now.numberings, strict=True):
                assert has == replace(had, always=False), "BY DEFAULT, so that the sink may write"
        assert states(completed(target, found)) == {PRESENT}
        target.execute("INSERT INTO teams (code, part) VALUES ('c', 3)")
        assert target.value("SELECT id FROM teams") == 15


MYSQL = (
    "CREATE TABLE teams (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, code VARCHAR(30), UNIQUE KEY code (code))",
    "CREATE TABLE users (id INT PRIMARY KEY, n INT NOT NULL AUTO_INCREMENT, email VARCHAR(200), bio TEXT,"
    " team BIGINT UNSIGNED, boss INT, code VARCHAR(30), KEY n (n), UNIQUE KEY email (email, n),"
    " KEY bio (bio(20), n DESC), UNIQUE KEY start (bio(50)), FULLTEXT KEY words (bio, email),"
    " CONSTRAINT team FOREIGN KEY (team) REFERENCES teams (id) ON DELETE CASCADE ON UPDATE SET NULL,"
    " CONSTRAINT boss FOREIGN KEY (boss) REFERENCES users (id) ON DELETE SET NULL,"
    " CONSTRAINT code FOREIGN KEY (code) REFERENCES teams (code))",
    "INSERT INTO teams (code) VALUES ('a'), ('b')",
    "INSERT INTO users (id, email) VALUES (7, 'x'), (9, 'y')",
)
ONLY_MYSQL = (
    "CREATE INDEX lowered ON users ((concat(lower(email), 'ab', code)), n)",
    "CREATE INDEX hidden ON users (team, n) INVISIBLE",
)
ONLY_MARIADB = ("CREATE INDEX hidden ON users (team, n) IGNORED",)


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_mysqls_family(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    with server.database("from") as origin, server.database("into") as target:
        origin.script(*MYSQL, *(ONLY_MYSQL if kind == "mysql" else ONLY_MARIADB))
        found = read(origin)
        assert [numbering.next for numbering in found.structures["users"].numberings] == [3]
        outcomes = made(target, found)
        assert states(outcomes) == {MADE}, [o for o in outcomes if o.state != MADE]
        again = read(target)
        for name, structure in found.structures.items():
            now = of_the_table(again.structures[name], target)
            had = of_the_table(structure, origin)
            assert now.indexes == had.indexes
            assert now.foreign_keys == had.foreign_keys
            assert now.numberings == had.numberings
        assert states(completed(target, found)) == {PRESENT}
        target.execute("INSERT INTO users (id, email) VALUES (1, 'z')")
        assert target.value("SELECT n FROM users WHERE id = 1") == 3


@pytest.mark.parametrize("kind", ["postgres15", "mysql", "mariadb"])
def test_what_cannot_be_made_is_told_with_its_statement_and_the_others_go_on(
    kind: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(kind)
    with server.database("from") as origin, server.database("into") as target:
        origin.script(
            "CREATE TABLE teams (id int PRIMARY KEY)",
            "CREATE TABLE users (id int PRIMARY KEY, email varchar(50), team int, other int,"
            " CONSTRAINT team_fk FOREIGN KEY (team) REFERENCES teams (id),"
            " CONSTRAINT other_fk FOREIGN KEY (other) REFERENCES teams (id))",
            "CREATE UNIQUE INDEX users_email ON users (email)",
        )
        found = read(origin)
        with closing(sink_of(target)) as sink:
            sink.open("stream")
            for table in found.targets.values():
                sink.ensure(table, None)
            sink.commit({})
        target.execute("INSERT INTO users (id, email, team) VALUES (1, 'secret', 4), (2, 'secret', 5)")

        planned = completed(target, found, dry_run=True)
        assert {o.state for o in planned if "fk" in o.name and o.kind != "index"} == {TO_MAKE}
        by_name = {(o.kind, o.name): o for o in completed(target, found)}
        email, broken = by_name["index", "users_email"], by_name["foreign key", "team_fk"]
        assert (email.state, broken.state) == (FAILED, FAILED)
        assert "UNIQUE" in email.statement
        assert "2 rows refer to no row of teams: SELECT * FROM" in broken.detail
        assert "FOREIGN KEY" in broken.statement
        assert not any("secret" in text for o in by_name.values() for text in (o.detail, o.statement))
        assert by_name["foreign key", "other_fk"].state == MADE

        query = broken.detail.partition(": SELECT")[2]
        assert len(target.query(f"SELECT {query}")) == 2
        target.script("DELETE FROM users")
        assert {o.state for o in completed(target, found)} == {MADE, PRESENT}


def test_numbers_go_on_beyond_the_targets_own_rows(postgres15: Any, mariadb: Any) -> None:
    for server, insert in ((postgres15, "INSERT INTO t (v) VALUES (1)"), (mariadb, "INSERT INTO t (v) VALUES (1)")):
        with server.database("from") as origin, server.database("into") as target:
            number = "serial" if server is postgres15 else "int AUTO_INCREMENT"
            origin.script(f"CREATE TABLE t (id {number} PRIMARY KEY, v int)", insert)
            found = read(origin)
            made(target, found)
            target.execute("INSERT INTO t (id, v) VALUES (40, 1)")
            [outcome] = [o for o in completed(target, found) if o.kind == "sequence"]
            if server is postgres15:
                assert (outcome.state, outcome.detail) == (MADE, "next 41")
            else:
                assert (outcome.state, outcome.detail) == (PRESENT, "next 41"), "InnoDB has counted on by itself"
            target.execute(insert)
            assert target.value("SELECT max(id) FROM t") == 41


def test_names_that_a_target_has_already(postgres15: Any, mysql: Any) -> None:
    """An index's name is a table's in MySQL, a schema's in PostgreSQL; a foreign key's is a schema's in MySQL."""
    with mysql.database("from") as origin, postgres15.database("into") as target:
        for table in ("one", "two"):
            origin.execute(f"CREATE TABLE {table} (id INT PRIMARY KEY, n INT, KEY n (n))")
        assert states(made(target, read(origin))) == {MADE}
        names = target.query("SELECT indexname FROM pg_indexes WHERE indexname LIKE '%\\_n' ORDER BY 1")
        assert names == [("one_n",), ("two_n",)]
    with postgres15.database("from") as origin, mysql.database("into") as target:
        origin.execute("CREATE TABLE teams (id int PRIMARY KEY)")
        for table in ("one", "two"):
            origin.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, n int CONSTRAINT fk REFERENCES teams)")
        assert states(made(target, read(origin))) == {MADE}
        assert states(completed(target, read(origin))) == {PRESENT}


@pytest.mark.parametrize("kind", ["postgres15", "mysql"])
def test_an_index_that_somebody_has_made_is_left_as_it_is(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    with server.database("from") as origin, server.database("into") as target:
        create = "CREATE TABLE t (id int PRIMARY KEY, a int, b int)"
        origin.script(create, "CREATE INDEX one ON t (a)", "CREATE INDEX two ON t (b DESC)")
        target.script(create, "CREATE UNIQUE INDEX own ON t (a)", "CREATE INDEX two ON t (a, b)")
        outcomes = {o.name: (o.state, o.detail) for o in completed(target, read(origin))}
        assert outcomes == {
            "one": (PRESENT, "as own"),
            "two": (PRESENT, "an index of that name is there, with another definition"),
        }


def test_what_is_no_structure_of_the_stream_is_left_out_by_name(postgres15: Any) -> None:
    with postgres15.database("from") as origin:
        origin.script(
            "CREATE SEQUENCE s",
            "CREATE TABLE t (id int PRIMARY KEY, a int, n int DEFAULT nextval('s') + 1, EXCLUDE (a WITH =))",
        )
        left_out = read(origin).structures["t"].left_out
        assert {(entry.kind, entry.name) for entry in left_out} == {("index", "t_a_excl"), ("sequence", "n")}
        assert all(isinstance(entry, LeftOut) and entry.reason for entry in left_out)


def test_a_full_text_index_with_a_parser_of_its_own_is_left_out_by_name(mysql: Any) -> None:
    with mysql.database("from") as origin:
        origin.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a text, FULLTEXT KEY `pl``ain` (a),"
            " FULLTEXT KEY grams (a) WITH PARSER ngram)"
        )
        found = read(origin).structures["t"]
        assert [index.name for index in found.indexes if not index.primary] == ["pl`ain"]
        assert [(entry.name, "ngram" in entry.reason) for entry in found.left_out] == [("grams", True)]


def test_without_indexes_nothing_but_keys_and_numbers(postgres15: Any) -> None:
    context = replace(CONTEXT, indexes="none")
    with postgres15.database("from") as origin, postgres15.database("into") as target:
        origin.script(
            "CREATE TABLE teams (id int PRIMARY KEY, code int UNIQUE)",
            "CREATE TABLE t (id serial PRIMARY KEY, a int REFERENCES teams, b int REFERENCES teams (code))",
            "CREATE INDEX a ON t (a)",
        )
        found = read(origin)
        with closing(sink_of(target, context)) as sink:
            sink.open("stream")
            for table in found.targets.values():
                sink.ensure(table, None)
            sink.commit({})
        outcomes = {o.name: (o.kind, o.state) for o in completed(target, found, context=context)}
        assert outcomes == {
            "id": ("sequence", MADE),
            "t_a_fkey": ("foreign key", MADE),
            "t_b_fkey": ("foreign key", LEFT_OUT),
        }
