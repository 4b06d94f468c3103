"""MariaDB's periods: of application time (``PERIOD FOR stay (a, b)``), and the history of a table's rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tailrace.conversion.catalog import Check, Dialect, ObjectKind, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.translation import Use
from tailrace.conversion.work import Work

_PREFIX = "period "
_HISTORY = f"{_PREFIX}SYSTEM_TIME"
_OVERLAPS = re.compile(r"\bWITHOUT\s+OVERLAPS\s*$", re.IGNORECASE)
_NAMES = re.compile(r"`((?:[^`]|``)+)`")


def period_kept(work: Work, table: Table, option: str) -> bool:
    """Whether the target's table has a period too: MariaDB's of application time, of columns that are as they were."""
    if not work.alike or work.dialect is not Dialect.MARIADB or option == _HISTORY:
        return False
    names, columns = work.names.columns[table.name], _columns(table.options[option])
    return all(names.get(column) == column for column in columns) and not work.altered(table.name, columns)


def period_checks(work: Work, table: Table) -> Iterator[Check]:
    """For a target without periods: that each begins before it ends, which the source looks at."""
    for option, value in table.options.items():
        if not option.startswith(_PREFIX) or option == _HISTORY:
            continue
        period = option.removeprefix(_PREFIX)
        if not work.names.piped and work.alike:
            continue  # all options are kept
        if period_kept(work, table, option):
            continue
        columns = _columns(value)
        made = None
        if not work.altered(table.name, columns):
            first, last = (f"`{column.replace('`', '``')}`" for column in columns)
            found = work.translate(f"{first} < {last}", Use.CHECK, table)
            if found.sql:
                made = Check(f"{table.name.name}_{period}", found.sql)
        reason = f"the source knows {' to '.join(columns)} as the period {period}"
        reason += ", which begins before it ends: a check says so there" if made else ", which begins before it ends"
        work.ledger.say(
            ObjectKind.TABLE,
            table.name,
            "",
            "application-period",
            Grade.CHANGED,
            f"{reason}; there is no DELETE or UPDATE … FOR PORTION OF {period}",
            "write what the application does FOR PORTION OF as statements of its own",
            Complexity.MEDIUM,
            original=f"PERIOD FOR {period} {value}",
        )
        if made is not None:
            yield made


def period_columns(table: Table, period: str) -> tuple[str, str]:
    """Where a period of a table begins and ends.

    Args:
        period: its name, in backticks or not.
    """
    start, end = _columns(table.options[_PREFIX + period.strip("`").replace("``", "`")])
    return start, end


def without_overlaps(expression: str) -> bool:
    """Whether a part of an index is a period (``stay WITHOUT OVERLAPS``)."""
    return _OVERLAPS.search(expression) is not None


def _columns(value: str) -> list[str]:
    return [name.replace("``", "`") for name in _NAMES.findall(value)]
