"""What each kind of target makes of a source's indexes, foreign keys and numbering: the statements."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from tailrace.completion import Step, at_load, wanted_indexes
from tailrace.conversion.catalog import Dialect
from tailrace.conversion.indexes.stream import Made, StreamIndexes
from tailrace.schema import Kind
from tailrace.sink import TargetTable
from tailrace.structure import (
    MARIADB,
    MYSQL,
    POSTGRES,
    Collated,
    ForeignKey,
    Index,
    LeftOut,
    Numbering,
    Part,
    TableStructure,
)
from tailrace_mysql import sink_structure as my
from tailrace_mysql.sink_catalog import TableState, TargetColumn
from tailrace_mysql.sink_types import table_types
from tailrace_postgres import sink_structure as pg
from tailrace_postgres.sink_types import column_type
from tailrace_sqlite import sink_structure as lite
from tailrace_sqlite.sink_types import declared
from tests.sinks import column, integer, target, text

MYSQL_COLUMNS = (
    integer(1, "id", key=1),
    column(2, "email", Kind.TEXT, "varchar(100)", size=100),
    column(3, "bio", Kind.TEXT, "text", size=65535),
    column(4, "long", Kind.TEXT, "varchar(1000)", size=1000),
    column(5, "doc", Kind.JSON, "json"),
    integer(6, "team"),
)
POSTGRES_COLUMNS = (
    integer(1, "id", key=1),
    text(2, "email"),
    column(3, "code", Kind.TEXT, "character varying(30)", size=30),
    column(4, "doc", Kind.JSON, "jsonb"),
    integer(5, "team"),
)
FROM_MYSQL = target("users", MYSQL_COLUMNS)
FROM_POSTGRES = target("users", POSTGRES_COLUMNS, schema="public")


def index(*columns: str, name: str = "i", **more: Any) -> Index:
    return Index(name, tuple(Part(name) for name in columns), **more)


def state_of(table: TargetTable, mariadb: bool = False) -> TableState:
    columns = {
        name.lower(): TargetColumn(name, type_, True, True, False, type_.sql("x"))
        for name, type_ in table_types(table, mariadb).items()
    }
    return TableState(True, "InnoDB", "", columns, ("id",), ())


def decided(table: TargetTable, dialect: str, wanted: Index, target: Dialect, types: dict[str, str]) -> Made | LeftOut:
    compared = tuple(Collated(name, "utf8mb4", "utf8mb4_0900_bin") for name in ("email", "bio", "long"))
    structure = TableStructure(dialect, (wanted,), collations=compared if dialect != POSTGRES else ())
    return StreamIndexes(table, structure, target, types).of(wanted)


def in_postgres(table: TargetTable, dialect: str, wanted: Index, version: int = 150000) -> str:
    types = {c.name: column_type(c.type, dialect == POSTGRES, lambda name: True) for c in table.columns}
    made = decided(table, dialect, wanted, Dialect.POSTGRESQL, types)
    step = made if isinstance(made, LeftOut) else pg.index_step("s", table, made, "n", version)
    return step.statement if isinstance(step, Step) else f"left out: {step.reason}"


def in_mysql(table: TargetTable, dialect: str, wanted: Index, mariadb: bool = False) -> str:
    types = {name: type_.sql("utf8mb4_0900_bin") for name, type_ in table_types(table, mariadb).items()}
    made = decided(table, dialect, wanted, Dialect.MARIADB if mariadb else Dialect.MYSQL, types)
    return f"left out: {made.reason}" if isinstance(made, LeftOut) else my.index_step(table, made, mariadb).statement


def in_sqlite(table: TargetTable, wanted: Index) -> str:
    made = decided(table, MYSQL, wanted, Dialect.SQLITE, {c.name: declared(c.type) for c in table.columns})
    return f"left out: {made.reason}" if isinstance(made, LeftOut) else lite.index_step(table, made).statement


LOWER = Index("i", (Part("", "lower(email)"),), unique=True, where="(team > 3)")


@pytest.mark.parametrize(
    ("wanted", "statement"),
    [
        (index("email", "team"), 'CREATE INDEX "n" ON "s"."users" USING btree ("email", "team")'),
        (LOWER, 'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree ((lower(email))) WHERE (team > 3)'),
        (
            Index("i", (Part("doc", operators="pg_catalog.jsonb_path_ops"),), method="gin"),
            'CREATE INDEX "n" ON "s"."users" USING gin ("doc" pg_catalog.jsonb_path_ops)',
        ),
        (
            Index(
                "i",
                (Part("email", descending=True, nulls_first=False, collation='pg_catalog."C"'),),
                unique=True,
                nulls_distinct=False,
                include=("team",),
            ),
            'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree ("email" COLLATE pg_catalog."C" DESC NULLS LAST)'
            ' INCLUDE ("team") NULLS NOT DISTINCT',
        ),
        (
            index("code", unique=True, constraint=True, deferrable="deferred"),
            'ALTER TABLE "s"."users" ADD CONSTRAINT "n" UNIQUE ("code") DEFERRABLE INITIALLY DEFERRED',
        ),
        (index("gone"), "left out: the column gone is not in the target"),
    ],
)
def test_postgresql_gets_postgresqls_indexes_as_they_are(wanted: Index, statement: str) -> None:
    assert in_postgres(FROM_POSTGRES, POSTGRES, wanted) == statement


def test_an_older_postgresql_lacks_nulls_not_distinct() -> None:
    wanted = index("email", unique=True, nulls_distinct=False)
    assert in_postgres(FROM_POSTGRES, POSTGRES, wanted, 140000).startswith("left out: NULLS NOT DISTINCT")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (index("email", unique=True), 'ALTER TABLE "s"."users" ADD CONSTRAINT "n" UNIQUE ("email")'),
        (
            Index("i", (Part("email", descending=True),), unique=True),
            'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree ("email" DESC)',
        ),
        (index("email", method="hash"), 'CREATE INDEX "n" ON "s"."users" USING btree ("email")'),
        (
            Index("i", (Part("email", prefix=10), Part("team", descending=True))),
            'CREATE INDEX "n" ON "s"."users" USING btree ("email", "team" DESC)',
        ),
        (
            Index("i", (Part("email", prefix=10),), unique=True),
            'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree (("left"("email", 10)))',
        ),
        (Index("i", (Part("bio", prefix=10),)), "left out: values of bio may be longer than an index"),
        (Index("i", (Part("long", prefix=10),)), "left out: values of long may be longer than an index"),
        (index("bio", unique=True, method="hash"), "left out: values of bio may be longer"),
        (index("bio", method="fulltext"), "left out: a full-text search of PostgreSQL's is another"),
        (index("bio", method="spatial"), "left out: the target keeps geometries as bytes"),
        (index("doc"), "left out: PostgreSQL does not order json (doc)"),
        (index("team", invisible=True), "left out: the source does not use it for queries"),
        (index("team", invisible=True, unique=True), 'ALTER TABLE "s"."users" ADD CONSTRAINT "n" UNIQUE ("team")'),
        (replace(LOWER, where=""), 'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree ((LOWER("email")))'),
        (Index("i", (Part("", "soundex(`email`)"),)), "left out: "),
        (
            Index("i", (Part("", "(`team` + 1)"), Part("id")), unique=True),
            'CREATE UNIQUE INDEX "n" ON "s"."users" USING btree ((CAST("team" AS bigint) + 1), "id")',
        ),
    ],
)
def test_postgresql_gets_what_it_can_of_mysqls_indexes(wanted: Index, found: str) -> None:
    assert in_postgres(FROM_MYSQL, MYSQL, wanted).startswith(found)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (index("code", "team", unique=True), "ADD UNIQUE INDEX `i` (`code`, `team`)"),
        (index("code", method="hash", include=("team",)), "ADD INDEX `i` (`code`)"),
        (index("email"), "ADD INDEX `i` (`email`(768))"),
        (Index("i", (Part("email"), Part("team", descending=True))), "ADD INDEX `i` (`email`(766), `team` DESC)"),
        (index("email", unique=True), "left out: its columns have more than the 3072 bytes"),
        (index("doc"), "ADD INDEX `i` (`doc`(768))"),
        (index("doc", method="gin"), "left out: MySQL has no gin index"),
        (index("code", where="(team > 1)"), "ADD INDEX `i` (`code`)"),
        (
            index("code", unique=True, where="(team > 1)"),
            "ADD UNIQUE INDEX `i` ((CASE WHEN `team` > 1 THEN `code` END))",
        ),
        (index("team", method="brin"), "ADD INDEX `i` (`team`)"),
        (index("code", unique=True, nulls_distinct=False), "ADD UNIQUE INDEX `i` (`code`)"),
        (Index("i", (Part("", "lower(code)"),)), "ADD INDEX `i` ((LOWER(`code`)))"),
    ],
)
def test_mysql_gets_what_it_can_of_postgresqls_indexes(wanted: Index, found: str) -> None:
    assert in_mysql(FROM_POSTGRES, POSTGRES, wanted).startswith(found)


@pytest.mark.parametrize(
    ("wanted", "mariadb", "found"),
    [
        (Index("i", (Part("bio", prefix=20), Part("team"))), False, "ADD INDEX `i` (`bio`(20), `team`)"),
        (Index("i", (Part("bio", prefix=20),), unique=True), False, "ADD UNIQUE INDEX `i` (`bio`(20))"),
        (index("long", unique=True), False, "left out: its columns have more than the 3072 bytes"),
        (index("long"), False, "ADD INDEX `i` (`long`(768))"),
        (index("bio", method="fulltext"), True, "ADD FULLTEXT INDEX `i` (`bio`)"),
        (index("team", method="fulltext"), True, "left out: the target's column team is no text"),
        (index("bio", method="spatial"), True, "left out: the target keeps geometries as bytes"),
        (Index("i", (Part("", "lower(`email`)"),)), False, "ADD INDEX `i` ((lower(`email`)))"),
        (Index("i", (Part("", r"concat(`email`,'\'')"),)), False, "ADD INDEX `i` ((concat(`email`,(CONVERT(0x27 USING"),
        (Index("i", (Part("", "lower(`email`)"),)), True, "left out: MariaDB has no index of an expression"),
        (index("team", invisible=True), False, "ADD INDEX `i` (`team`) INVISIBLE"),
        (index("team", invisible=True), True, "ADD INDEX `i` (`team`) IGNORED"),
        (index("doc"), False, "left out: doc is JSON"),
    ],
)
def test_mysqls_family_gets_mysqls_indexes(wanted: Index, mariadb: bool, found: str) -> None:
    assert in_mysql(FROM_MYSQL, MYSQL, wanted, mariadb).startswith(found)


def test_the_sources_primary_key_is_a_unique_index_where_the_key_is_another() -> None:
    wanted = Index("PRIMARY", (Part("team"),), unique=True, primary=True)
    assert in_mysql(FROM_MYSQL, MYSQL, wanted) == "ADD UNIQUE INDEX `users_primary` (`team`)"
    assert pg.index_names(FROM_MYSQL, TableStructure(MYSQL), wanted)[0] == "users_primary"
    structure = TableStructure(MYSQL, (wanted, Index("own", (Part("id"),), unique=True)))
    assert list(wanted_indexes(FROM_MYSQL, structure)) == [wanted], "the key's is there"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (
            Index("i", (Part("email", prefix=10), Part("team", descending=True))),
            'CREATE INDEX "users_i" ON "users" ("email", "team" DESC)',
        ),
        (
            Index("i", (Part("email", prefix=10),), unique=True),
            'CREATE UNIQUE INDEX "users_i" ON "users" ((substr("email", 1, 10)))',
        ),
        (LOWER, 'CREATE UNIQUE INDEX "users_i" ON "users" ((LOWER("email"))) WHERE "team" > 3'),
        (Index("i", (Part("", "(`team` * 2)"),)), 'CREATE INDEX "users_i" ON "users" (("team" * 2))'),
        (index("email", method="gin"), "left out: SQLite has no gin index"),
    ],
)
def test_sqlite_gets_plain_indexes_and_expressions_that_are_sure(wanted: Index, found: str) -> None:
    assert in_sqlite(FROM_MYSQL, wanted).startswith(found)


def test_what_may_break_on_the_way_waits_for_cutover() -> None:
    assert at_load(index("email"), unique=False)
    assert at_load(index("email", unique=True), unique=True)
    assert not at_load(index("email", unique=True), unique=False)
    assert not at_load(index("email", unique=True, deferrable="deferred"), unique=True)


TEAMS = target("teams", (integer(1, "id", key=1), text(2, "name")), schema="public")
KEY = ForeignKey("fk", ("team",), TEAMS.topic, "public.teams", ("id",))


@pytest.mark.parametrize(
    ("key", "statement"),
    [
        (KEY, ""),
        (replace(KEY, on_delete="CASCADE", on_update="RESTRICT"), " ON UPDATE RESTRICT ON DELETE CASCADE"),
        (replace(KEY, on_delete="SET NULL", set_columns=("team",)), ' ON DELETE SET NULL ("team")'),
        (replace(KEY, full=True, deferrable="deferred"), " MATCH FULL DEFERRABLE INITIALLY DEFERRED"),
        (replace(KEY, validated=False), " NOT VALID"),
    ],
)
def test_postgresql_gets_foreign_keys(key: ForeignKey, statement: str) -> None:
    step = pg.foreign_key_step("s", FROM_POSTGRES, key, TEAMS, [frozenset({"id"})])
    assert isinstance(step, Step)
    start = 'ALTER TABLE "s"."users" ADD CONSTRAINT "fk" FOREIGN KEY ("team") REFERENCES "s"."teams" ("id")'
    assert step.statement == start + statement


def test_a_foreign_key_to_what_is_not_unique_in_the_target_is_left_out() -> None:
    assert isinstance(pg.foreign_key_step("s", FROM_POSTGRES, KEY, TEAMS, []), LeftOut)
    other = ("`d`.`teams`", state_of(TEAMS))
    assert isinstance(my.foreign_key_step(KEY, "fk", state_of(FROM_POSTGRES), other, []), LeftOut)


def test_mysql_gets_foreign_keys_between_columns_of_one_type() -> None:
    own, other, unique = state_of(FROM_POSTGRES), ("`d`.`teams`", state_of(TEAMS)), [frozenset({"id"})]

    def made(key: ForeignKey) -> str:
        step = my.foreign_key_step(key, key.name, own, other, unique)
        return step.statement if isinstance(step, Step) else f"left out: {step.reason}"

    start = "ADD CONSTRAINT `fk` FOREIGN KEY (`team`) REFERENCES `d`.`teams` (`id`)"
    assert made(KEY) == start
    assert (
        made(replace(KEY, on_delete="SET NULL", on_update="CASCADE")) == f"{start} ON UPDATE CASCADE ON DELETE SET NULL"
    )
    assert made(replace(KEY, on_delete="SET DEFAULT")).startswith("left out: InnoDB has neither")
    assert made(replace(KEY, columns=("email",))).startswith("left out: the target's column email is LONGTEXT")
    assert made(replace(KEY, columns=("code",))).startswith("left out: the target's columns are VARCHAR(30)")


def test_a_key_of_integers_becomes_an_identity_and_other_columns_get_a_sequence() -> None:
    def made(numbering: Numbering, type_: str, shared: bool = False) -> str:
        return pg.numbering_statement("s", FROM_POSTGRES, numbering, type_, 7, shared)

    identity = "ADD GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY 1 START WITH 7)"
    assert made(Numbering("id"), "bigint") == f'ALTER TABLE "s"."users" ALTER COLUMN "id" {identity}'
    unsigned = made(Numbering("id"), "numeric")
    assert 'CREATE SEQUENCE IF NOT EXISTS "s"."users_id_seq"' in unsigned
    assert 'OWNED BY "s"."users"."id"' in unsigned
    shared = made(Numbering("team", sequence="all_seq", step=5), "bigint", shared=True)
    assert 'SEQUENCE IF NOT EXISTS "s"."all_seq" INCREMENT BY 5 START WITH 7' in shared
    assert "OWNED BY" not in shared
    assert """SET DEFAULT nextval('"s"."all_seq"'::regclass)""" in shared


def test_mysql_numbers_one_column_that_an_index_begins_with() -> None:
    state = state_of(FROM_POSTGRES)

    def made(name: str, counted: str = "", leading: tuple[str, ...] = ("id", "team")) -> str:
        clause = my.numbering_clause(FROM_POSTGRES, Numbering(name), state, counted, leading)
        return clause if isinstance(clause, str) else f"left out: {clause.reason}"

    assert made("id") == "MODIFY COLUMN `id` BIGINT NOT NULL AUTO_INCREMENT"
    assert made("id", counted="id") == ""
    assert made("team", counted="id").startswith("left out: a table counts by one column")
    assert made("team", leading=("id",)).startswith("left out: no index of the target begins with it")
    assert made("email").startswith("left out: the target's column is LONGTEXT")


def test_dialects_of_mysqls_family() -> None:
    found = in_mysql(FROM_MYSQL, MARIADB, LOWER, mariadb=True)
    assert found.startswith("left out: MariaDB has no index of an expression")


def test_sinks_that_make_no_index_of_an_expression_load_no_parser_of_sql() -> None:
    sinks = "tailrace_mysql.sink, tailrace_postgres.sink, tailrace_sqlite.sink"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {sinks}; sys.exit('sqlglot' in sys.modules)"], check=False
    )
    assert done.returncode == 0
