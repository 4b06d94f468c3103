"""All tables together, and what they say of a column, a name, a collation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.outcome import Complexity


@dataclass(frozen=True, slots=True)
class Rules:
    """A person's lines stand before ours; the first that matches is taken."""

    def type_of(self, source: Dialect, target: Dialect, table: ObjectName, column: str, sql_type: str) -> str | None:
        """The target's type that a person wants for a column; None: what the sinks make of it.

        Args:
            sql_type: as the source writes it.
        """
        return None

    def name_of(self, source: Dialect, target: Dialect, name: ObjectName, column: str = "") -> str | None:
        """What a person wants a table (with its schema, if the rule says one), or a column of it, to be called."""
        return None

    def collation_of(self, source: Dialect, target: Dialect, collation: str) -> tuple[str, str] | None:
        """The target's collation ("": the sinks' binary one) and what is different ("": nothing). None: not listed."""
        return None

    def hours(self, code: str, complexity: Complexity) -> float:
        """What an item of this code and class is estimated at, in hours."""
        return 1.0


def load(files: Iterable[Path | str] = ()) -> Rules:
    """Our tables, with those of a person's files before them; of two files the later wins.

    Raises:
        ConfigError: a file is not there, is no TOML, or says what no table takes: file, key, and what is wrong.
    """
    return Rules()
