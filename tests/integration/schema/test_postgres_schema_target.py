"""What a PostgreSQL target makes of a converted catalog, refuses, and keeps back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.config.interpolation import Interpolated
from tailrace.connectors import Context, find_source
from tailrace.conversion.catalog import (
    Argument,
    Catalog,
    Check,
    Column,
    Comment,
    Counter,
    Dialect,
    Enum,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Partition,
    Partitioning,
    Routine,
    Sequence,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Stage, Statement
from tailrace.errors import RefusedError
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_postgres.schema import changing
from tailrace_postgres.schema.renaming import objects
from tailrace_postgres.schema.target import PostgresSchemaTarget
from tailrace_postgres.settings import PostgresSinkSettings
from tests import servers

_NUMBER, _TEXT = Type(Kind.INTEGER, size=64), Type(Kind.TEXT)


def bare(name: str) -> ObjectName:
    return ObjectName("", name)


def index(name: str, *columns: str, **given: Any) -> Index:
    return Index(name, tuple(Part(column) for column in columns), **given)


#: As a conversion has it: names of the target's own schema stand alone, the source's enum is in its own schema.
MEANT = Catalog(
    Dialect.POSTGRESQL,
    schemas=("public",),
    tables=(
        Table(
            bare("orders"),
            (
                Column("id", _NUMBER, "bigint", False, identity=Identity(Counter(next=42))),
                Column("customer_id", _NUMBER, "bigint", False, comment="who"),
                Column("state", _TEXT, "text", default="'new'"),
                Column("mood", Type(Kind.ENUM, "public.mood"), "public.mood", default="'sad'"),
                Column("label", _TEXT, "text", generated="upper(state) || '!'"),
                Column("number", _NUMBER, "bigint", default="next_number()"),
            ),
            (index("orders_pkey", "id", unique=True, primary=True), index("by_state", "state", "customer_id")),
            (Check("orders_state", "state IN ('new','done')"), Check("", "customer_id > 0")),
            (ForeignKey("orders_customer", ("customer_id",), bare("customers"), ("id",), on_delete="CASCADE"),),
            comment="All of them",
        ),
        Table(
            bare("customers"),
            (Column("id", _NUMBER, "bigint", False), Column("name", _TEXT, "varchar(20)", collation="C")),
            (
                index("customers_pkey", "id", unique=True, primary=True),
                index("customers_name", "name", unique=True, constraint=True),
            ),
        ),
        Table(
            bare("events"),
            (Column("id", _NUMBER, "bigint", False), Column("day", Type(Kind.DATE), "date", False)),
            partitioning=Partitioning(
                "range",
                ("day",),
                (Partition("events_0", None, ("'2024-01-01'",)), Partition("events_1", ("'2024-01-01'",), None)),
            ),
        ),
        Table(
            bare("spread"),
            (Column("id", _NUMBER, "bigint", False),),
            partitioning=Partitioning("hash", ("id",), count=3),
        ),
    ),
    sequences=(Sequence(bare("numbers"), Counter(start=7)), Sequence(bare("free"), Counter(next=12))),
    enums=(Enum(ObjectName("public", "mood"), ("sad", "happy")),),
    views=(
        View(bare("a_view"), "SELECT orders.id, z_view.name FROM orders JOIN z_view ON z_view.id = orders.customer_id"),
        View(bare("z_view"), "WITH a_view AS (SELECT id, name FROM customers) SELECT id, name FROM a_view"),
        View(bare("contents"), "SELECT count(*) AS n FROM a_view", materialized=True),
    ),
    routines=(
        Routine(
            bare("next_number"),
            ObjectKind.FUNCTION,
            (),
            "bigint",
            "sql",
            "SELECT nextval('numbers'::regclass)",
            "CREATE FUNCTION next_number() RETURNS bigint LANGUAGE sql AS $$SELECT nextval('numbers'::regclass)$$",
        ),
        Routine(
            bare("orders_touch"),
            ObjectKind.FUNCTION,
            (),
            "trigger",
            "plpgsql",
            "BEGIN RETURN NEW; END",
            "CREATE FUNCTION orders_touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;",
        ),
        Routine(
            bare("total"),
            ObjectKind.FUNCTION,
            (Argument("o", "orders"),),
            "bigint",
            "sql",
            "SELECT o.id",
            "CREATE FUNCTION total(o orders) RETURNS bigint LANGUAGE sql AS $$SELECT o.id$$",
        ),
    ),
    triggers=(
        Trigger(
            bare("touch"),
            bare("orders"),
            "BEFORE",
            ("UPDATE",),
            True,
            "CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION orders_touch()",
            function=bare("orders_touch"),
        ),
    ),
    comments=(Comment(ObjectKind.INDEX, bare("orders"), "Often asked", "by_state"),),
)


def target_settings(url: str, **keys: Any) -> PostgresSinkSettings:
    return PostgresSinkSettings.model_validate({"name": "t", "connector": "postgres", "url": url, **keys})


@contextmanager
def target_of(url: str, **keys: Any) -> Iterator[PostgresSchemaTarget]:
    with closing(PostgresSchemaTarget(target_settings(url, **keys))) as target:
        yield target


@pytest.mark.parametrize("schema", ["", "shop", "Odd one"])
def test_a_converted_catalog_is_read_back_as_it_was_meant(schema: str, postgres18: servers.Postgres) -> None:
    keys = {"schema": schema} if schema else {}
    with postgres18.database("dst") as database, target_of(database.url, **keys) as target:
        names = objects(MEANT)
        before = database.query("SELECT oid FROM pg_class UNION SELECT oid FROM pg_namespace ORDER BY 1")
        meant = target.canonical(MEANT)
        assert database.query("SELECT oid FROM pg_class UNION SELECT oid FROM pg_namespace ORDER BY 1") == before
        assert {table.name for table in meant.tables} == {
            ObjectName(schema, name) for name in ("customers", "events", "orders", "spread")
        }
        target.apply(target.render(MEANT))
        found = target.read(names)
        assert set(meant.schemas) <= set(found.schemas)
        server: dict[str, Any] = {"version": "", "origin": "", "schemas": ()}
        assert replace(found, **server) == replace(meant, **server)
        assert target.canonical(MEANT) == meant
        place = f'"{schema or "public"}"'
        assert database.value(f"SELECT nextval(pg_get_serial_sequence('{place}.orders', 'id'))") == 42
        assert database.value(f"SELECT nextval('{place}.free')") == 12


def test_what_acts_on_rows_waits_for_the_cut_over_unless_it_can_be_switched_off(postgres18: servers.Postgres) -> None:
    acting = {("foreign key", "orders_customer"), ("trigger", "touch")}
    always = {("materialized view", "")}
    with postgres18.database("dst") as database:
        role = servers.unique_name("plain")
        database.script(
            f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
            f"GRANT ALL ON SCHEMA public TO {role}",
        )
        with (
            target_of(database.url_as(role, "x")) as target,
            pytest.raises(RefusedError, match=r"permission denied for database .* grant .* CREATE on the database"),
        ):
            target.canonical(MEANT)
        database.execute(f"GRANT CREATE ON DATABASE {database.name} TO {role}")
        for url, waiting in ((database.url, always), (database.url_as(role, "x"), always | acting)):
            with target_of(url) as target:
                target.read([])
                statements = target.render(MEANT)
                late = {(str(s.kind), s.member) for s in statements if s.stage is Stage.CUTOVER}
                assert late == waiting
                first = [s for s in statements if s.stage is Stage.TABLES]
                assert {s.name.name for s in first if s.kind is ObjectKind.FUNCTION} == {"next_number"}
                assert {s.name.name for s in first if s.kind is ObjectKind.SEQUENCE} == {"numbers", "free"}
        # Stages are run one after the other.
        with target_of(database.url_as(role, "x")) as target:
            statements = target.render(MEANT)
            for stage in Stage:
                target.apply([statement for statement in statements if statement.stage is stage])
            assert target.read(objects(MEANT)).views
        database.script(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_refused_statement_is_named_and_nothing_is_made(
    postgres18: servers.Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(MEANT, views=(*MEANT.views, View(bare("wrong"), "SELECT nothing FROM orders")))
    with postgres18.database("dst") as database, target_of(database.url) as target:
        for what in (lambda: target.canonical(wrong), lambda: target.apply(target.render(wrong))):
            with pytest.raises(RefusedError) as refused:
                what()
            assert 'view wrong: column "nothing" does not exist [42703]' in str(refused.value)
            assert "CREATE VIEW wrong AS SELECT nothing FROM orders" in str(refused.value)
            assert "tailrace_meant" not in str(refused.value)
        assert not database.query("SELECT FROM pg_class WHERE relname = 'orders'")
        database.execute("CREATE TABLE locked (a int)")
        monkeypatch.setattr(changing, "LOCK_SECONDS", 1)
        with closing(database.connect(autocommit=False)) as holder:
            holder.cursor().execute("LOCK TABLE locked")
            statement = Statement(ObjectKind.COMMENT, bare("locked"), "COMMENT ON TABLE locked IS 'x'")
            with pytest.raises(RefusedError, match="comment locked: canceling statement due to lock timeout"):
                target.apply([statement])
        target.apply([statement])


def test_a_full_table_of_locks_says_what_to_raise(postgres18: servers.Postgres) -> None:
    full = "RAISE EXCEPTION USING ERRCODE = '53200', MESSAGE = 'out of shared memory'"
    with postgres18.database("dst") as database, target_of(database.url) as target:
        statement = Statement(ObjectKind.TABLE, bare("t"), f"DO $$ BEGIN {full}; END $$")
        with pytest.raises(RefusedError, match=r"table t: .*locks is full: out of shared memory .*max_locks_per_trans"):
            target.apply([statement])
        database.script(f"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN {full}; END $$")
        with (
            closing(changing.Changing(target_settings(database.url))) as connection,
            pytest.raises(RefusedError, match=r"reading tables: .*locks is full.*some 5 for each table"),
        ):
            connection.query("SELECT public.f()", doing="reading tables")


def test_the_source_reads_the_schemas_of_the_selected_tables(postgres18: servers.Postgres) -> None:
    with postgres18.database("src") as database:
        database.script(
            "CREATE SCHEMA one",
            "CREATE SCHEMA two",
            "CREATE TYPE two.size AS ENUM ('s', 'l')",
            "CREATE TABLE one.a (id int PRIMARY KEY, size two.size)",
            "CREATE TABLE one.b (id serial)",
            "CREATE TABLE one._tailrace_positions (id int PRIMARY KEY)",
            "CREATE TABLE two.c (id int)",
            "CREATE FUNCTION two.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "CREATE TRIGGER t BEFORE INSERT ON one.a FOR EACH ROW EXECUTE FUNCTION two.f()",
        )
        connector = find_source("postgres")
        assert connector.catalog is not None
        settings = connector.config.model_validate(
            {"connector": "postgres", "url": database.url, "tables": ["one.*"], "exclude": ["one.b"]}
        )
        context = Context("p", "cdc", Path())
        found = connector.catalog(settings, context)
        assert [str(table.name) for table in found.tables] == ["one.a", "one.b"]
        assert [str(enum.name) for enum in found.enums] == ["two.size"]
        assert [str(routine.name) for routine in found.routines] == ["two.f"]
        assert found.schemas == ("one",)
        assert found.tables[0].columns[1].user_type == ObjectName("two", "size")
        # Catalogs are everybody's to read; a sequence's value is not.
        role = servers.unique_name("nobody")
        database.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        poor = connector.catalog(settings.model_copy(update={"url": Interpolated(database.url_as(role, "x"))}), context)
        database.execute(f"DROP ROLE {role}")
        assert found.sequences[0].counter.next == 1
        assert poor.sequences[0].counter.next is None
        assert replace(poor, tables=(), sequences=(), origin="") == replace(found, tables=(), sequences=(), origin="")


def test_types_are_those_of_the_sink() -> None:
    target = PostgresSchemaTarget(None)
    columns = tuple(
        Column(name, type_, "")
        for name, type_ in (
            ("u", Type(Kind.INTEGER, "bigint unsigned", 64, unsigned=True)),
            ("e", Type(Kind.ENUM, "enum('a')", labels=("a",))),
            ("t", Type(Kind.TEXT, "varchar(20)", 20)),
        )
    )
    made = target.types(Table(bare("t"), columns), Dialect.MYSQL)
    assert made == {"u": "numeric(20,0)", "e": "text", "t": "character varying(20)"}
    own = tuple(
        Column(name, Type(Kind.OTHER, name), name)
        for name in ("inet", "int4range", "text[]", "timestamp with time zone[]", "public.hstore", "hstore")
    )
    assert list(target.types(Table(bare("t"), own), Dialect.POSTGRESQL).values()) == [
        "inet",
        "int4range",
        "text[]",
        "timestamp with time zone[]",
        "text",
        "text",
    ]
    with pytest.raises(RefusedError, match="no target"):
        target.read()
