"""Views: their query, clause by clause."""

from __future__ import annotations

from collections.abc import Mapping

from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, View
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Remark


def view(
    given: View,
    source: Catalog,
    target: Dialect,
    names: Names,
    rules: Rules,
    types: Mapping[ObjectName, Mapping[str, str]] | None = None,
) -> Program:
    """The target's view.

    Args:
        given: as the source has it.
        source: the whole catalog that it is of: tables and other views are looked up in it.
        types: the target's column types, by the source's names of tables and columns, where they are known.
    """
    reason = "programs are not converted yet"
    return Program(remarks=(Remark("by-hand", Grade.BY_HAND, reason, "write it for the target", Complexity.MEDIUM),))
