"""Two catalogs of one dialect: what one lacks, what it has besides, what is there in another form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailrace.conversion.catalog import (
    Argument,
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
from tailrace.conversion.making.definition import definitions
from tailrace.conversion.making.difference import Difference, State, differences
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

INTEGER, TEXT = Type(Kind.INTEGER, "integer", 32), Type(Kind.TEXT, "text")
ITEMS, OWNERS = ObjectName("public", "items"), ObjectName("public", "owners")
TABLE = Table(
    ITEMS,
    (
        Column("id", INTEGER, "integer", nullable=False, identity=Identity(Counter(next=10))),
        Column("name", TEXT, "text", default="'new'::text", collation="C", comment="what it is called"),
        Column("owner", INTEGER, "integer"),
        Column("size", INTEGER, "integer", generated="length(name)"),
    ),
    indexes=(
        Index("items_pkey", (Part("id"),), unique=True, primary=True),
        Index("items_name", (Part("name", descending=True),), where="(owner IS NOT NULL)"),
        Index("items_owner_key", (Part("owner"),), unique=True, constraint=True),
    ),
    checks=(Check("items_name_check", "(name <> ''::text)"),),
    foreign_keys=(ForeignKey("items_owner_fkey", ("owner",), OWNERS, ("id",), on_delete="CASCADE"),),
    partitioning=Partitioning("range", ("id",), (Partition("low", None, ("100",)),)),
    comment="things",
    options={"unlogged": "yes"},
    rows=5,
)
WHOLE = Catalog(
    Dialect.POSTGRESQL,
    schemas=("public",),
    tables=(TABLE, Table(OWNERS, (Column("id", INTEGER, "integer"),))),
    sequences=(Sequence(ObjectName("public", "numbers"), Counter(next=7)),),
    enums=(Enum(ObjectName("public", "mood"), ("sad", "ok")),),
    domains=(Domain(ObjectName("public", "short"), TEXT, "text", checks=(Check("c", "VALUE <> ''"),)),),
    views=(
        View(ObjectName("public", "seen"), "SELECT 1", indexes=(Index("seen_i", (Part("a"),)),), materialized=True),
    ),
    routines=(
        Routine(
            ObjectName("public", "twice"),
            ObjectKind.FUNCTION,
            (Argument("a", "integer"),),
            "integer",
            "sql",
            "SELECT 2",
            "",
        ),
    ),
    triggers=(Trigger(ObjectName("public", "t"), ITEMS, "BEFORE", ("INSERT", "UPDATE"), True, "", body="x"),),
    comments=(Comment(ObjectKind.INDEX, ITEMS, "fast", "items_name"),),
    others=(Other(ObjectKind.POLICY, ObjectName("public", "p"), "CREATE POLICY p", table=ITEMS),),
)


def _with(table: Table = TABLE, **changes: Any) -> Catalog:
    return replace(WHOLE, tables=(replace(table, **changes), WHOLE.tables[1]))


def _column(place: int, **changes: Any) -> Catalog:
    columns = list(TABLE.columns)
    columns[place] = replace(columns[place], **changes)
    return _with(columns=tuple(columns))


def _told(found: list[Difference]) -> list[tuple[str, str, str, list[str]]]:
    return [(str(d.state), str(d.kind), d.where, [detail.what for detail in d.details]) for d in found]


def test_a_catalog_equals_itself_and_every_object_has_a_definition() -> None:
    assert differences(WHOLE, WHOLE, counters=True) == []
    counted = [(kind, name, member) for kind, name, member, _ in WHOLE.count()]
    assert list(definitions(WHOLE)) == counted


def test_rows_statistics_and_order_of_events_are_no_difference() -> None:
    found = replace(
        _with(rows=9, bytes=1, line=7), triggers=(replace(WHOLE.triggers[0], events=("UPDATE", "INSERT"), line=3),)
    )
    assert differences(WHOLE, found) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (_column(0, sql_type="bigint"), ("column", "public.items.id", "type")),
        (_column(0, nullable=True), ("column", "public.items.id", "null")),
        (_column(0, identity=Identity(Counter(increment=2))), ("column", "public.items.id", "identity")),
        (_column(0, identity=None), ("column", "public.items.id", "identity")),
        (_column(1, default=""), ("column", "public.items.name", "default")),
        (_column(1, collation="en_US"), ("column", "public.items.name", "collation")),
        (_column(1, comment="another"), ("comment", "public.items.name", "text")),
        (_column(3, stored=False), ("column", "public.items.size", "stored")),
        (_with(comment="other"), ("comment", "public.items", "text")),
        (_with(options={}), ("table", "public.items", "option unlogged")),
        (
            _with(checks=(Check("items_name_check", "true"),)),
            ("check constraint", "public.items.items_name_check", "expression"),
        ),
        (
            _with(foreign_keys=(replace(TABLE.foreign_keys[0], on_delete="SET NULL"),)),
            ("foreign key", "public.items.items_owner_fkey", "on delete"),
        ),
        (
            _with(partitioning=Partitioning("range", ("id",), (Partition("low", None, ("200",)),))),
            ("partitioning", "public.items", "partitions"),
        ),
        (
            _with(indexes=(*TABLE.indexes[:1], replace(TABLE.indexes[1], where=""), TABLE.indexes[2])),
            ("index", "public.items.items_name", "where"),
        ),
        (replace(WHOLE, enums=(Enum(ObjectName("public", "mood"), ("ok", "sad")),)), ("enum", "public.mood", "labels")),
        (
            replace(WHOLE, views=(replace(WHOLE.views[0], query="SELECT 2"),)),
            ("materialized view", "public.seen", "query"),
        ),
        (
            replace(WHOLE, routines=(replace(WHOLE.routines[0], body="SELECT 3"),)),
            ("function", "public.twice(integer)", "body"),
        ),
        (replace(WHOLE, triggers=(replace(WHOLE.triggers[0], timing="AFTER"),)), ("trigger", "public.items.t", "when")),
        (
            replace(WHOLE, others=(replace(WHOLE.others[0], definition="x"),)),
            ("policy", "public.items.p", "definition"),
        ),
        (
            replace(WHOLE, sequences=(replace(WHOLE.sequences[0], counter=Counter(increment=5, next=7)),)),
            ("sequence", "public.numbers", "counts"),
        ),
    ],
    ids=lambda value: value[0] + " " + value[2] if isinstance(value, tuple) else "",
)
def test_each_respect_in_which_an_object_differs_is_named(found: Catalog, told: tuple[str, str, str]) -> None:
    kind, where, what = told
    assert _told(differences(WHOLE, found)) == [("different", kind, where, [what])]


def test_what_is_missing_is_told_and_so_are_members_that_are_too_many() -> None:
    extra = replace(TABLE.indexes[1], name="more", parts=(Part("owner"),))
    found = _with(columns=TABLE.columns[:3], indexes=(*TABLE.indexes, extra))
    assert _told(differences(WHOLE, found)) == [
        ("missing", "column", "public.items.size", []),
        ("extra", "index", "public.items.more", []),
    ]
    assert all(difference.counts for difference in differences(WHOLE, found))


def test_somebody_elses_table_is_told_and_does_not_count() -> None:
    other = Table(ObjectName("public", "theirs"), (Column("a", TEXT, "text"),), comment="theirs")
    [extra] = differences(WHOLE, replace(WHOLE, tables=(*WHOLE.tables, other)))
    assert (extra.state, extra.where, extra.counts) == (State.EXTRA, "public.theirs", False)


def test_the_same_under_another_name_does_not_count() -> None:
    indexes = tuple(replace(index, name=f"x_{index.name}") for index in TABLE.indexes)
    key = replace(TABLE.foreign_keys[0], name="x")
    found = differences(WHOLE, _with(indexes=indexes, foreign_keys=(key,)))
    assert [(d.state, d.member, d.details[0].found) for d in found] == [
        (State.RENAMED, "items_pkey", "x_items_pkey"),
        (State.RENAMED, "items_name", "x_items_name"),
        (State.RENAMED, "items_owner_key", "x_items_owner_key"),
        (State.RENAMED, "items_owner_fkey", "x"),
    ]
    assert not any(difference.counts for difference in found)


@pytest.mark.parametrize(("next_", "behind"), [(9, True), (10, False), (11, False)])
def test_numbers_may_be_ahead_and_not_behind(next_: int, behind: bool) -> None:
    found = _column(0, identity=Identity(Counter(next=next_)))
    told = [("different", "column", "public.items.id", ["next value"])] if behind else []
    assert _told(differences(WHOLE, found, counters=True)) == told
    assert differences(WHOLE, found) == []
