"""Triggers before a row is written that only set columns of it; everything else is a person's."""

from __future__ import annotations

from collections.abc import Mapping

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName, Table, Trigger
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Remark


def trigger(
    given: Trigger,
    source: Catalog,
    target: Dialect,
    names: Names,
    rules: Rules,
    types: Mapping[ObjectName, Mapping[str, str]] | None = None,
) -> Program:
    """The target's trigger, after its function where the target is PostgreSQL."""
    reason = "programs are not converted yet"
    return Program(remarks=(Remark("by-hand", Grade.BY_HAND, reason, "write it for the target", Complexity.MEDIUM),))


def on_update(table: Table, column: Column, target: Dialect, names: Names) -> Program:
    """MySQL's ON UPDATE CURRENT_TIMESTAMP as a trigger, where the target's columns have no such thing.

    Args:
        table: the source's, with `column` of it.
    """
    reason = "programs are not converted yet"
    return Program(remarks=(Remark("by-hand", Grade.BY_HAND, reason, "write it for the target", Complexity.MEDIUM),))
