"""What is made in a target: what is missing, in its order, and nothing that is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from tailrace.conversion.application import BESIDE, plan, run
from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Dialect,
    ForeignKey,
    ObjectKind,
    ObjectName,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.difference import State
from tailrace.conversion.target import Limits, Stage, Statement
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part

A, B, V = ObjectName("", "a"), ObjectName("", "b"), ObjectName("", "v")
NUMBER = Type(Kind.INTEGER, "integer", 32)
MEANT = Catalog(
    Dialect.SQLITE,
    tables=(
        Table(A, (Column("id", NUMBER, "integer"), Column("n", NUMBER, "integer")), checks=(Check("", "n>0"),)),
        Table(
            B,
            (Column("a", NUMBER, "integer"),),
            indexes=(Index("b_a", (Part("a"),)),),
            foreign_keys=(ForeignKey("b_fk", ("a",), A, ("id",)),),
        ),
    ),
    views=(View(V, "select 1"),),
    triggers=(Trigger(ObjectName("", "t"), A, "BEFORE", ("INSERT",), True, "", body="x"),),
)


class MemoryTarget:
    """Holds a catalog. It keeps SQL in its own words, and names what has no name."""

    dialect = Dialect.SQLITE
    limits = Limits(0)

    def __init__(self, content: Catalog, forgets: frozenset[str] = frozenset()) -> None:
        self.content = content
        self.forgets = forgets
        self.ran: list[str] = []

    def types(self, table: Table, source: Dialect) -> dict[str, str]:
        return {}

    def render(self, catalog: Catalog) -> list[Statement]:
        return list(self._statements(catalog))

    def _statements(self, catalog: Catalog) -> Iterator[Statement]:
        for table in catalog.tables:
            yield Statement(ObjectKind.TABLE, table.name, f"table {table.name}")
            yield from (Statement(ObjectKind.CHECK, table.name, f"check {c.name}", member=c.name) for c in table.checks)
        for table in catalog.tables:
            for index in table.indexes:
                yield Statement(ObjectKind.INDEX, table.name, f"index {index.name}", Stage.REST, index.name)
            for key in table.foreign_keys:
                yield Statement(ObjectKind.FOREIGN_KEY, table.name, f"key {key.name}", Stage.CUTOVER, key.name)
        for view in catalog.views:
            yield Statement(ObjectKind.VIEW, view.name, f"view {view.name}", Stage.REST)
        for t in catalog.triggers:
            yield Statement(ObjectKind.TRIGGER, t.table, f"trigger {t.name}", Stage.CUTOVER, t.name.name)

    def read(self, names: Collection[ObjectName] | None = None) -> Catalog:
        return self.content

    def canonical(self, catalog: Catalog) -> Catalog:
        tables = tuple(
            replace(table, checks=tuple(Check(c.name or "check_1", f"({c.expression})") for c in table.checks))
            for table in catalog.tables
        )
        return replace(catalog, tables=tables)

    def apply(self, statements: Sequence[Statement]) -> None:
        whole = self.canonical(MEANT)
        for statement in statements:
            self.ran.append(statement.sql)
            if statement.sql in self.forgets:
                continue
            self._make(statement, whole)

    def _make(self, statement: Statement, whole: Catalog) -> None:
        meant = whole.table(statement.name)
        tables = list(self.content.tables)
        if statement.kind is ObjectKind.TABLE:
            assert meant is not None
            tables.append(replace(meant, indexes=(), foreign_keys=()))
        elif statement.kind is ObjectKind.VIEW:
            self.content = replace(self.content, views=whole.views)
        elif statement.kind is ObjectKind.TRIGGER:
            self.content = replace(self.content, triggers=whole.triggers)
        else:
            assert meant is not None
            place = [table.name for table in tables].index(statement.name)
            given = tables[place]
            if statement.kind is ObjectKind.INDEX:
                given = replace(given, indexes=meant.indexes)
            elif statement.kind is ObjectKind.FOREIGN_KEY:
                given = replace(given, foreign_keys=meant.foreign_keys)
            else:
                given = replace(given, checks=meant.checks)
            tables[place] = given
        self.content = replace(self.content, tables=tuple(tables))

    def close(self) -> None: ...


EMPTY = Catalog(Dialect.SQLITE)


def test_all_but_what_waits_for_cutover_is_made_in_order_and_a_second_run_makes_nothing() -> None:
    target = MemoryTarget(EMPTY)
    first = plan(target, MEANT)
    assert run(target, first) == []
    assert target.ran == ["table a", "check ", "table b", "index b_a", "view v"]
    assert [statement.sql for statement in first.held] == ["key b_fk", "trigger t"]
    again = plan(target, MEANT)
    assert (again.statements, again.differing, again.present) == ((), (), 8)
    assert [statement.sql for statement in again.held] == ["key b_fk", "trigger t"]
    assert run(target, again) == []


def test_cutover_makes_what_was_held_back() -> None:
    target = MemoryTarget(EMPTY)
    run(target, plan(target, MEANT))
    target.ran.clear()
    last = plan(target, MEANT, frozenset(Stage))
    assert run(target, last) == []
    assert target.ran == ["key b_fk", "trigger t"]
    assert plan(target, MEANT, frozenset(Stage)).statements == ()


def test_tables_alone() -> None:
    target = MemoryTarget(EMPTY)
    first = plan(target, MEANT, frozenset({Stage.TABLES}))
    assert [statement.sql for statement in first.held] == ["index b_a", "key b_fk", "view v", "trigger t"]
    assert run(target, first) == []
    assert target.ran == ["table a", "check ", "table b"]


def test_what_is_there_in_another_form_is_named_and_left_alone() -> None:
    """Table a lacks a column, and b has an index of that name over something else."""
    target = MemoryTarget(EMPTY)
    whole = target.canonical(MEANT)
    a, b = whole.tables
    other = replace(b, indexes=(replace(b.indexes[0], unique=True),))
    target.content = replace(whole, tables=(replace(a, columns=a.columns[:1]), other), views=())
    given = plan(target, MEANT, frozenset(Stage))
    assert [statement.sql for statement in given.statements] == ["view v"]
    assert [(d.state, d.where) for d in given.differing] == [(State.MISSING, "a.n"), (State.DIFFERENT, "b.b_a")]
    assert run(target, given) == [], "what the plan names is not told twice"
    assert target.ran == ["view v"]


def test_an_unnamed_check_that_is_missing_is_made_under_the_servers_name() -> None:
    target = MemoryTarget(EMPTY)
    whole = target.canonical(MEANT)
    target.content = replace(whole, tables=(replace(whole.tables[0], checks=()), whole.tables[1]))
    given = plan(target, MEANT, frozenset(Stage))
    assert [statement.sql for statement in given.statements] == ["check check_1"]
    assert run(target, given) == []


def test_what_the_target_does_not_hold_afterwards_is_told() -> None:
    target = MemoryTarget(EMPTY, forgets=frozenset({"index b_a"}))
    assert [(d.state, d.where) for d in run(target, plan(target, MEANT, BESIDE))] == [(State.MISSING, "b.b_a")]
