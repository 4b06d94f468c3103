"""Functions whose body is one expression; everything else is a person's."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog, Dialect, Routine
from tailrace.conversion.names import Names
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules


def routine(given: Routine, source: Catalog, target: Dialect, names: Names, rules: Rules) -> Program:
    """The target's function or procedure."""
    raise NotImplementedError
