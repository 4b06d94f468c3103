"""Collations: kept where the target has the same one, else the sinks' binary one, and what follows from that."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Column, Dialect, ObjectKind, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.literals import parsed
from tailrace.conversion.tables.verbatim import named_in
from tailrace.conversion.work import Work
from tailrace.schema import Kind

#: Compare as the bytes do, and do not pad: what the MySQL sink takes in columns by which rows are found.
_EXACT = ("binary", "ascii_bin", "utf8mb4_0900_bin")
#: In the names of those that only one of MySQL 9 and MariaDB 10.11 has.
ONE_SYSTEM = ("_0900_", "_uca1400_", "nopad_", "gb18030", "_tolower_ci", "_mysql561_", "_myanmar_", "_thai_520_")
#: PostgreSQL has these everywhere; names of the operating system's (``en_US.utf8``) it may not have.
_EVERYWHERE = ("C", "POSIX", "ucs_basic", "unicode", "pg_c_utf8", "pg_unicode_fast", "default")
_TEXTS = (Kind.TEXT, Kind.ENUM, Kind.SET)


def collation_of(work: Work, table: Table, column: Column) -> str:
    """The one in force at the source; "" unknown."""
    given = column.collation or table.options.get("collation", "") or work.source.collation
    # Before MySQL 8.0.30 and MariaDB 10.6 utf8mb3 was called utf8.
    return f"utf8mb3_{given[5:]}" if given.startswith("utf8_") and work.source.dialect.mysql_like else given


def ignores_case(work: Work, table: Table, column: Column) -> bool:
    """Whether texts that differ in case, or in accents, are equal at the source."""
    if column.type.kind not in _TEXTS:
        return False
    collation = collation_of(work, table, column).lower()
    dialect = work.source.dialect
    if dialect.mysql_like:
        return collation.endswith(("_ci", "_ai")) or "_ai_" in collation
    if dialect is Dialect.TSQL:
        # What SQL Server is installed with ignores case.
        return not collation or "_ci" in collation or "_ai" in collation
    return False


def pads(work: Work, table: Table, column: Column) -> bool:
    """Whether texts that differ in blanks at the end are equal at the source (MySQL, MariaDB): PAD SPACE."""
    if column.type.kind not in _TEXTS:
        return False
    collation = collation_of(work, table, column).lower()
    exact = collation in ("", "binary") or "_0900_" in collation or "nopad" in collation
    return not exact


def collated(work: Work, table: Table, column: Column, made: Column, exact: bool) -> Column:
    """The target's column with its collation.

    Args:
        exact: texts that differ must not be equal in it.
    """
    if column.type.kind not in _TEXTS:
        return made
    given = collation_of(work, table, column)
    ruled = work.rules.collation_of(work.source.dialect, work.dialect, given) if given else None
    if work.dialect.mysql_like:
        return _mysql(work, table, column, made, given, ruled, exact and work.names.piped)
    if ruled is not None and ruled[0]:
        _differs(work, table, column, ruled[1])
        return replace(made, collation=ruled[0])
    if work.dialect is Dialect.POSTGRESQL and work.alike and column.collation:
        if column.collation in _EVERYWHERE or column.collation.endswith("-x-icu"):
            return replace(made, collation=column.collation)
        if work.verbatim is not None and any(named in work.verbatim.types for named in named_in(column.collation)):
            return replace(made, collation=column.collation)
        _differs(work, table, column, f"the target may have no collation {column.collation}: it has the database's")
    return made


def _mysql(
    work: Work, table: Table, column: Column, made: Column, given: str, ruled: tuple[str, str] | None, exact: bool
) -> Column:
    if not made.collation:
        return made  # no text in the target
    wanted, reason = ruled or ("", "")
    if not wanted and work.source.dialect.mysql_like and _known(work, given):
        wanted = given
    if not wanted:
        return made
    own = work.source.dialect.mysql_like and wanted == given and work.names.in_order
    if exact and not own and wanted not in _EXACT and not wanted.endswith("_nopad_bin"):
        if wanted != made.collation and not wanted.endswith("_bin"):
            work.ledger.say(
                ObjectKind.COLUMN,
                table.name,
                column.name,
                "collation-key",
                Grade.CHANGED,
                f"rows are found or referred to by it, so that it compares exactly ({made.collation});"
                f" at the source by {given}, to which texts that differ in case or accents are equal",
                "after cut-over, give it the source's collation, if the application counts on it",
                Complexity.SIMPLE,
            )
        return made
    _differs(work, table, column, reason)
    kept = replace(made, charset=wanted.partition("_")[0], collation=wanted)
    return replace(kept, sql_type=_whole_key(column, made)) if own else kept


def _whole_key(column: Column, made: Column) -> str:
    """Sinks bound what they put into a key, for their character set; in its own it fits as it does at the source."""
    given, bounded = parsed(column.sql_type), parsed(made.sql_type)
    if given.base == bounded.base == "varchar" and given.arguments > bounded.arguments:
        return f"{bounded.base}({given.arguments[0]})"
    return made.sql_type


def _known(work: Work, collation: str) -> bool:
    return bool(collation) and (work.alike or not any(mark in collation for mark in ONE_SYSTEM))


def _differs(work: Work, table: Table, column: Column, reason: str) -> None:
    if reason:
        work.ledger.say(
            ObjectKind.COLUMN, table.name, column.name, "collation", Grade.CHANGED, reason, "see what compares it"
        )
