"""Functions whose body is one expression; everything else is a person's."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog, Dialect, Routine
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.translation import Remark


def routine(given: Routine, source: Catalog, target: Dialect, names: Names, rules: Rules) -> Program:
    """The target's function or procedure."""
    reason = "programs are not converted yet"
    return Program(remarks=(Remark("by-hand", Grade.BY_HAND, reason, "write it for the target", Complexity.MEDIUM),))
