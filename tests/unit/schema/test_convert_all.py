"""Whatever a source has: every object gets exactly one verdict, and what is not automatic an item."""

from __future__ import annotations

from collections import Counter as Counts
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Comment,
    Counter,
    Dialect,
    Domain,
    Enum,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Other,
    Partition,
    Partitioning,
    Routine,
    Sequence,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import Rules
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tests.unit.schema.catalogs import MYSQL_TYPES, POSTGRES_TYPES
from tests.unit.schema.targets import LIMITS, Target

pytestmark = pytest.mark.usefixtures("simple_sql")

_SOURCES = (Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL, Dialect.ORACLE, Dialect.TSQL)
_EXPRESSIONS = st.sampled_from(["a > 0", "b IS NOT NULL", "HARD(a)", "length(b) < 5"])
_NAMES = st.sampled_from(["a", "b", "c", "D", "d", "x" * 70])
_TABLE_NAMES = st.sampled_from(["orders", "Orders", "ORDERS", "item", "long_" + "y" * 70])


@st.composite
def _columns(draw: st.DrawFn, dialect: Dialect) -> tuple[Column, ...]:
    types = MYSQL_TYPES if dialect.mysql_like else POSTGRES_TYPES
    found = []
    for name in draw(st.lists(_NAMES, min_size=1, max_size=5, unique=True)):
        sql_type = draw(st.sampled_from(sorted(types)))
        whole = types[sql_type].kind is Kind.INTEGER
        found.append(
            Column(
                name,
                types[sql_type],
                sql_type,
                nullable=draw(st.booleans()),
                default=draw(st.sampled_from(["", "", "NULL", "1", "HARD()"])),
                on_update=draw(st.sampled_from(["", "", "CURRENT_TIMESTAMP"])),
                generated=draw(st.sampled_from(["", "", "", "a + 1", "HARD()"])),
                stored=draw(st.booleans()),
                identity=draw(st.sampled_from([None, None, Identity(Counter(increment=2, next=7), always=True)]))
                if whole
                else None,
                collation=draw(st.sampled_from(["", "utf8mb4_0900_ai_ci"])) if dialect.mysql_like else "",
                comment=draw(st.sampled_from(["", "said"])),
                invisible=draw(st.booleans()),
                user_type=draw(st.sampled_from([None, ObjectName("s", "mood"), ObjectName("s", "short")])),
            )
        )
    return tuple(found)


@st.composite
def _indexes(draw: st.DrawFn, columns: tuple[Column, ...]) -> tuple[Index, ...]:
    names = [column.name for column in columns]
    found = []
    if draw(st.booleans()):
        found.append(Index("pk", tuple(Part(name) for name in draw(_some(names))), unique=True, primary=True))
    for number in range(draw(st.integers(0, 3))):
        parts = [Part(name, prefix=draw(st.sampled_from([0, 0, 10]))) for name in draw(_some(names))]
        if draw(st.booleans()):
            parts[0] = Part("", draw(_EXPRESSIONS))
        found.append(
            Index(
                f"i{number}",
                tuple(parts),
                unique=draw(st.booleans()),
                method=draw(st.sampled_from(["btree", "btree", "hash", "gin", "fulltext", "spatial", "brin"])),
                constraint=draw(st.booleans()),
                deferrable=draw(st.sampled_from(["", "deferred"])),
                nulls_distinct=draw(st.booleans()),
                where=draw(st.sampled_from(["", "", "a > 0", "HARD"])),
                invisible=draw(st.booleans()),
            )
        )
    return tuple(found)


def _some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


@st.composite
def _partitioning(draw: st.DrawFn, columns: tuple[Column, ...]) -> Partitioning | None:
    if draw(st.booleans()):
        return None
    column = draw(st.sampled_from([column.name for column in columns]))
    expression = draw(st.sampled_from([column, f"year({column})", "HARD()"]))
    method = draw(st.sampled_from(["range", "list", "hash", "key", "system_time", "interval"]))
    partitions = (
        Partition("p0", upper=("10",), members=(("1",),), modulus=2),
        Partition("p1", lower=("10",), members=(("2",), ("NULL",)), modulus=2, remainder=1),
    )
    return Partitioning(method, (expression,), partitions, definition="PARTITION BY …")


@st.composite
def _catalogs(draw: st.DrawFn) -> Catalog:
    dialect = draw(st.sampled_from(_SOURCES))
    tables = []
    for name in draw(st.lists(_TABLE_NAMES, max_size=4, unique=True)):
        columns = draw(_columns(dialect))
        names = [column.name for column in columns]
        tables.append(
            Table(
                ObjectName(draw(st.sampled_from(["s", "other"])), name),
                columns,
                draw(_indexes(columns)),
                tuple(
                    Check(draw(st.sampled_from(["", "c"])), expression, draw(st.booleans()), draw(st.booleans()))
                    for expression in draw(st.lists(_EXPRESSIONS, max_size=3))
                ),
                tuple(
                    ForeignKey(
                        draw(st.sampled_from(["", "f"])),
                        tuple(own),
                        ObjectName("s", draw(_TABLE_NAMES)),
                        tuple(own),
                        on_delete=draw(st.sampled_from(["NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT"])),
                        deferrable=draw(st.sampled_from(["", "deferred"])),
                        enforced=draw(st.booleans()),
                    )
                    for own in draw(st.lists(_some(names), max_size=3))
                ),
                draw(_partitioning(columns)),
                draw(st.sampled_from(["", "of the table"])),
            )
        )
    thing = ObjectName("s", "thing")
    holder = tables[0].name if tables else thing
    said = draw(st.sampled_from(["SELECT 1", "HARD"]))
    return Catalog(
        dialect,
        default_schema="s",
        schemas=("s", "other"),
        tables=tuple(tables),
        sequences=(Sequence(ObjectName("s", "counts"), Counter(maximum=10**27)),),
        enums=(Enum(ObjectName("s", "mood"), ("sad", "ok")),),
        domains=(Domain(ObjectName("s", "short"), Type(Kind.TEXT, "text"), "text", False, "'x'", (Check("k", said),)),),
        views=(View(ObjectName("s", "seen"), said, materialized=draw(st.booleans()), indexes=(Index("v", ()),)),),
        routines=(Routine(thing, ObjectKind.FUNCTION, (), "int", "sql", said, said),),
        triggers=(Trigger(ObjectName("s", "fires"), holder, "BEFORE", ("INSERT",), True, said),),
        comments=(
            Comment(ObjectKind.INDEX, holder, "of an index", "i0"),
            Comment(ObjectKind.SCHEMA, ObjectName("", "s"), "of a schema"),
            Comment(ObjectKind.VIEW, ObjectName("s", "seen"), "of a view"),
        ),
        others=(
            Other(ObjectKind.EXTENSION, ObjectName("", "hstore"), "CREATE EXTENSION hstore"),
            Other(ObjectKind.POLICY, ObjectName("s", "mine"), "CREATE POLICY mine", holder),
            Other(ObjectKind.OTHER, ObjectName("s", "odd"), "CREATE ODD", reason="nobody knows"),
        ),
    )


def _converted(source: Catalog, dialect: Dialect) -> Conversion:
    target = Target(dialect)
    schema = "" if dialect is Dialect.SQLITE else "goal"
    return convert(source, target, Rules(), script_names(source, target, Rules(), schema), "sink")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(source=_catalogs(), dialect=st.sampled_from(sorted(LIMITS)))
def test_every_object_has_one_verdict_and_what_is_not_automatic_an_item(source: Catalog, dialect: Dialect) -> None:
    conversion = _converted(source, dialect)

    assert [(v.kind, v.name, v.member, v.line) for v in conversion.verdicts] == list(source.count())
    said: dict[Any, set[Grade]] = {}
    for item in conversion.items:
        said.setdefault((item.kind, item.name, item.member), set()).add(item.grade)
    counted = {(v.kind, v.name, v.member) for v in conversion.verdicts}
    assert set(said) <= counted, "an item is of nothing that was counted"
    for verdict in conversion.verdicts:
        grades = said.get((verdict.kind, verdict.name, verdict.member), set())
        assert verdict.grade is Grade.AUTOMATIC or verdict.grade in grades, verdict


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(source=_catalogs(), dialect=st.sampled_from(sorted(LIMITS)))
def test_what_is_made_hangs_together(source: Catalog, dialect: Dialect) -> None:
    made = _converted(source, dialect).target

    tables = {table.name: table for table in made.tables}
    limit = LIMITS[dialect]
    relations: Counts[tuple[str, str]] = Counts(
        (t.name.schema, t.name.name.casefold() if limit.folds else t.name.name) for t in made.tables
    )
    for table in made.tables:
        columns = {column.name for column in table.columns}
        assert len({_folded(name, dialect) for name in columns}) == len(table.columns)
        primary = [index for index in table.indexes if index.primary]
        assert len(primary) <= 1
        names = [_folded(index.name, dialect) for index in table.indexes]
        assert len(names) == len(set(names))
        if not dialect.mysql_like:
            relations.update((table.name.schema, name) for name in names)
        for index in table.indexes:
            assert {name for name in (*index.columns, *index.include) if name} <= columns
            assert not (index.where and dialect.mysql_like)
        for foreign in table.foreign_keys:
            assert set(foreign.columns) <= columns
            other = tables[foreign.table]
            assert any(
                index.unique and set(index.columns) == set(foreign.referenced_columns) for index in other.indexes
            )
            assert not (dialect.mysql_like and (table.partitioning or other.partitioning))
        assert sum(column.identity is not None for column in table.columns) <= 1 or dialect is Dialect.POSTGRESQL
        for name in (*columns, *names, table.name.name, *(check.name for check in table.checks)):
            size = len(name) if limit.in_characters else len(name.encode())
            assert not limit.name_length or size <= limit.name_length
    assert not [name for name, count in relations.items() if count > 1]


def _folded(name: str, dialect: Dialect) -> str:
    return name if dialect is Dialect.POSTGRESQL else name.casefold()
