"""What is made in a target: what is missing, in its order, and nothing that is there."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Catalog, Counter, Dialect, Identity, ObjectKind, Table
from tailrace.conversion.making.application import BESIDE, plan, run
from tailrace.conversion.making.difference import State
from tailrace.conversion.target import Stage, Statement
from tests.unit.schema.memory_target import MEANT, MemoryTarget

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


class Completing(MemoryTarget):
    def completing(self, catalog: Catalog, table: Table, kind: ObjectKind, member: str) -> list[Statement]:
        return [Statement(kind, table.name, f"complete {kind} {member}", member=member)]


def test_tables_get_what_they_lack_where_that_is_asked_for_and_nothing_is_replaced() -> None:
    a = replace(MEANT.tables[0], checks=())
    first, second = (replace(column, default="1", comment="said") for column in a.columns)
    meant = Catalog(Dialect.SQLITE, tables=(replace(a, columns=(first, replace(second, nullable=False))),))
    present = (replace(first, default="2", comment=""), replace(second, default="", comment=""))
    target = Completing(Catalog(Dialect.SQLITE, tables=(replace(a, columns=present),)))
    assert (plan(target, meant).statements, plan(target, meant).completable) == ((), 2)
    given = plan(target, meant, complete=True)
    assert [statement.sql for statement in given.statements] == ["complete column n", "complete comment n"]
    # The other column has a default of its own, and would lose it with a comment.
    assert [(d.kind, d.where) for d in given.differing] == [("comment", "a.id"), ("column", "a.id")]
    assert plan(MemoryTarget(target.content), meant, complete=True).statements == (), "the target cannot"


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


def test_numbers_of_what_was_there_before_may_be_behind() -> None:
    """The source has counted on since, and something else is new."""
    target = MemoryTarget(EMPTY)
    run(target, plan(target, replace(MEANT, views=())))
    a, b = MEANT.tables
    counted = replace(a.columns[0], identity=Identity(Counter(next=50)))
    started = replace(counted, identity=Identity(Counter(next=7)))
    present = target.content.table(a.name)
    assert present is not None
    others = [table for table in target.content.tables if table.name != a.name]
    target.content = replace(target.content, tables=(replace(present, columns=(started, *a.columns[1:])), *others))
    meant = replace(MEANT, tables=(replace(a, columns=(counted, *a.columns[1:])), b))
    given = plan(target, meant)
    assert [statement.sql for statement in given.statements] == ["view v"]
    assert run(target, given) == []
