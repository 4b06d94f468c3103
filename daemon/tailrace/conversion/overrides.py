"""Types that a person's rules give columns, as a sink asks for them: so that its tables are those of the conversion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.tables.literals import without_collation
from tailrace.errors import StuckError
from tailrace.schema import Column, Type
from tailrace.sink import TargetTable

#: Why values of a column cannot be written into, and read back from, a type as the sink does; "" where they can.
Obstacle = Callable[[Type, bool, str], str]


class Overrides:
    """
    Args:
        files: of the pipeline's key `conversion`.
        target: the sink's own system.
        obstacle: the sink's; its second argument says whether the source is PostgreSQL.
    """

    def __init__(self, files: tuple[Path, ...], target: Dialect, obstacle: Obstacle) -> None:
        self._target = target
        self._obstacle = obstacle
        self._rules = None
        if files:
            # Most sinks have none, and need not read what comes with the rules.
            from tailrace.conversion.rules import load

            self._rules = load(files)

    def of(self, table: TargetTable, column: Column) -> str:
        """The target's type of a column; "" where no rule says one.

        Raises:
            StuckError: the sink could not write, or verify, the column's values in it.
        """
        if self._rules is None:
            return ""
        source = table.source
        postgres = source.schema is not None
        sources = (Dialect.POSTGRESQL,) if postgres else (Dialect.MYSQL, Dialect.MARIADB)
        name = ObjectName(source.schema or source.database, source.table)
        said = {
            self._rules.type_of(dialect, self._target, name, column.name, written_type(column.type))
            for dialect in sources
        }
        where = f"table {source}, column {column.name}"
        if len(said) > 1:
            raise StuckError(
                "the rules give it one type from MySQL and another from MariaDB, and a sink does not tell them apart",
                where=where,
                fix='name both in `from` of the rule: from = ["mysql", "mariadb"]',
            )
        wanted = said.pop() or ""
        if wanted and (reason := self._obstacle(column.type, postgres, wanted)):
            raise StuckError(
                f"it cannot be {wanted}, which the rules give it: {reason}",
                where=where,
                fix="remove the rule; or change the column's values on their way with `columns.type` in [[tables]]",
            )
        return wanted


def written_type(type_: Type) -> str:
    """As the source writes it, without a character set or collation: what `[[types]]` of the rules are about."""
    return without_collation(type_.name).sql
