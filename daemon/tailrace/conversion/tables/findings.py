"""What bites later: said once of a table, with the columns that it is of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from tailrace.conversion.catalog import Column, Dialect, ObjectKind, Table, kind_of
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.charsets import character_bytes
from tailrace.conversion.tables.collations import ignores_case, pads
from tailrace.conversion.tables.literals import parsed
from tailrace.conversion.work import Work
from tailrace.schema import Kind

_TABLE = ObjectKind.TABLE
_SIMPLE = Complexity.SIMPLE
_DATES = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
#: Of any system, the local time; `GETUTCDATE()` and its like have no zone to be mistaken in.
_CLOCK = re.compile(
    r"\b(now|current_timestamp|current_date|curdate|localtime|localtimestamp|getdate|sysdate|systimestamp|sysdatetime)\b",
    re.IGNORECASE,
)
_LARGE = ("mediumtext", "longtext", "mediumblob", "longblob", "bytea", "clob", "nclob", "blob", "image", "oid")
_MICROSECONDS = 6
#: What MySQL keeps of a row within it, and what others than TEXT and BLOB may take together.
_MYSQL_ROW = 65_535


def findings(work: Work) -> None:
    for table in work.source.tables:
        if table.name in work.tables:
            _of_table(work, table)


def _of_table(work: Work, table: Table) -> None:
    names = work.names.columns[table.name]
    target = work.tables[table.name]
    altered = work.names.altered.get(table.name, {})
    pairs = [
        (column, made)
        for column in table.columns
        if column.name not in altered and (made := target.column(names.get(column.name, ""))) is not None
    ]
    _case(work, table, pairs)
    _unsigned(work, table, pairs)
    _dates(work, table, pairs)
    _moments(work, table, pairs)
    _zones(work, table, pairs)
    _unlogged(work, table)
    _padding(work, table, pairs)
    _empty(work, table, pairs)
    _lengths(work, table, pairs)
    _large(work, table, pairs)
    _keys(work, table, target)
    _floats(work, table)


_Pairs = list[tuple[Column, Column]]


def _say(
    work: Work,
    table: Table,
    code: str,
    grade: Grade,
    columns: Iterable[Column],
    reason: str,
    proposal: str,
    complexity: Complexity | None = None,
) -> None:
    named = [column.name for column in columns]
    if named:
        text = f"{', '.join(named)}: {reason}"
        work.ledger.say(_TABLE, table.name, "", code, grade, text, proposal, complexity)


def _case(work: Work, table: Table, pairs: _Pairs) -> None:
    """Texts that were equal are no more."""
    lost = [
        column
        for column, made in pairs
        if ignores_case(work, table, column) and not (work.dialect.mysql_like and made.collation.endswith("_ci"))
    ]
    reason = "at the source texts that differ in case (or accents, or blanks at the end) are equal, in the target not"
    if work.dialect is Dialect.POSTGRESQL:
        proposal = "compare by lower(…) with an index of it, or use a nondeterministic collation"
    elif work.dialect is Dialect.SQLITE:
        proposal = "COLLATE NOCASE, for ASCII letters"
    else:
        proposal = "after cut-over, give the columns a collation that ignores case"
    _say(work, table, "collation-case", Grade.CHANGED, lost, reason, proposal, _SIMPLE)
    unique = frozenset(name for index in table.indexes if index.unique for name in index.columns)
    both = [column for column in lost if column.name in unique]
    reason = "at the source they are unique regardless of case; the target takes both 'a' and 'A'"
    _say(work, table, "collation-unique", Grade.CHANGED, both, reason, "a unique index of lower(…)", _SIMPLE)
    _blanks(work, table, pairs, unique, lost)


def _moments(work: Work, table: Table, pairs: _Pairs) -> None:
    """MariaDB, and MySQL before 8.0, alone make a moment of NULL."""
    there, here = work.source.dialect is Dialect.MARIADB, work.dialect is Dialect.MARIADB
    if there == here:
        return
    filled = [
        column
        for column, made in pairs
        if (there and column.sql_type.startswith("timestamp") and not column.nullable)
        or (here and parsed(made.sql_type).base == "timestamp" and not made.nullable)
    ]
    keeper, other = ("source", "target") if there else ("target", "source")
    reason = f"given NULL, the {keeper} stores the present moment; the {other} refuses it"
    _say(
        work,
        table,
        "timestamp-null",
        Grade.AUTOMATIC,
        filled,
        reason,
        "leave the column out of INSERTs, or say DEFAULT",
    )
    _fractions(work, table, pairs)


def _fractions(work: Work, table: Table, pairs: _Pairs) -> None:
    """Where one of both is MariaDB, which cuts what MySQL and PostgreSQL round. SQLite has no such columns."""
    if work.dialect is Dialect.SQLITE or work.source.dialect in (Dialect.ORACLE, Dialect.TSQL):
        return
    short = [
        column
        for column, _ in pairs
        if column.type.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.TIME) and column.type.size < _MICROSECONDS
    ]
    cuts, rounds = ("source", "target") if work.source.dialect is Dialect.MARIADB else ("target", "source")
    reason = f"given more digits of a second than it holds, the {cuts} cuts them off, the {rounds} rounds"
    _say(work, table, "fraction-cut", Grade.AUTOMATIC, short, reason, "write as many digits as the column holds")


def _zones(work: Work, table: Table, pairs: _Pairs) -> None:
    """What a session shows, and what it takes for now, goes by a zone that each system sets its own way."""
    if work.related or work.dialect is Dialect.SQLITE:
        return
    shown = [column for column, made in pairs if column.type.kind is Kind.TIMESTAMPTZ and _zoned(made)]
    reason = "a moment, which each session shows and reads in its own time zone: the target's may be another one"
    proposal = "give the application's sessions, or the target's database, the zone that they have at the source"
    _say(work, table, "session-zone", Grade.AUTOMATIC, shown, reason, proposal)
    clocks = [
        column
        for column, made in pairs
        if column.type.kind in (Kind.TIMESTAMP, Kind.DATE) and made.default and _CLOCK.search(column.default)
    ]
    reason = "it has no time zone, and by default the time on the clock of the session or server that writes it"
    _say(work, table, "local-time", Grade.AUTOMATIC, clocks, reason, proposal)


def _zoned(made: Column) -> bool:
    type_ = parsed(made.sql_type).base
    return type_.endswith("with time zone") or type_ == "timestamp"


def _unlogged(work: Work, table: Table) -> None:
    if work.names.piped and table.options.get("unlogged"):
        reason = "it is UNLOGGED: no change of it is in the log, so that the pipeline suspends it"
        proposal = "ALTER TABLE … SET LOGGED, or name it in the source's `exclude`"
        work.ledger.say(_TABLE, table.name, "", "unlogged", Grade.AUTOMATIC, reason, proposal, _SIMPLE)


def _blanks(work: Work, table: Table, pairs: _Pairs, unique: frozenset[str], told: Collection[Column]) -> None:
    """MySQL's collations of old fill texts up with blanks before they compare them."""
    if not work.source.dialect.mysql_like:
        return
    padded = [
        column
        for column, made in pairs
        if column not in told and pads(work, table, column) and not (work.dialect.mysql_like and _pads_there(made))
    ]
    reason = "at the source texts that differ in blanks at the end are equal, in the target not"
    proposal = "see whether anything writes blanks at the end"
    keys = unique | {name for key in table.foreign_keys for name in key.columns}
    in_keys = [column for column in padded if column.name in keys]
    _say(work, table, "collation-blanks", Grade.CHANGED, in_keys, f"{reason}: a key may have both", proposal, _SIMPLE)
    others = [column for column in padded if column not in in_keys]
    _say(work, table, "blanks-compare", Grade.AUTOMATIC, others, reason, proposal)


def _pads_there(made: Column) -> bool:
    return (
        made.collation != "binary" and not made.collation.startswith("utf8mb4_0900") and "nopad" not in made.collation
    )


def _unsigned(work: Work, table: Table, pairs: _Pairs) -> None:
    wider = [column for column, _ in pairs if column.type.kind is Kind.INTEGER and column.type.unsigned]
    proposal = "CHECK (… >= 0), where something may write them"
    positive = [
        column
        for column, made in pairs
        if column not in wider and _no_sign(column.sql_type) and not _no_sign(made.sql_type)
    ]
    reason = "at the source they are UNSIGNED: the target takes negative ones"
    _say(work, table, "unsigned-range", Grade.CHANGED, positive, reason, proposal, _SIMPLE)
    if work.dialect.mysql_like or work.alike:
        return
    reason = "the target has no unsigned integers: it takes negative ones, and larger ones"
    _say(work, table, "unsigned-range", Grade.CHANGED, wider, reason, proposal, _SIMPLE)
    others = [column for column, _ in pairs if column.type.kind is Kind.INTEGER and column.type.size in (8, 24)]
    reason = "the target has no integers of 8 and 24 bits: it takes larger ones"
    proposal = "CHECK (… BETWEEN …), where something may write them"
    _say(work, table, "integer-range", Grade.AUTOMATIC, [c for c in others if c not in wider], reason, proposal, None)


def _no_sign(sql_type: str) -> bool:
    """MySQL's ZEROFILL means UNSIGNED."""
    return sql_type.lower().endswith((" unsigned", " zerofill"))


def _dates(work: Work, table: Table, pairs: _Pairs) -> None:
    dates = [column for column, _ in pairs if column.type.kind in _DATES]
    if work.source.dialect.mysql_like and work.dialect is Dialect.POSTGRESQL:
        reason = "PostgreSQL has no 0000-00-00 and no days that no month has: a row with such a date is refused"
        _say(work, table, "zero-date", Grade.AUTOMATIC, dates, reason, "look for such rows, and let them have NULL")
    if work.source.dialect is Dialect.POSTGRESQL and work.dialect.mysql_like:
        reason = "MySQL has no infinity, no years before 0 and none past 9999: a row with such a date is refused"
        _say(work, table, "date-range", Grade.AUTOMATIC, dates, reason, "look for such rows before the load")
    if work.source.dialect is Dialect.ORACLE:
        times = [column for column in dates if column.sql_type.lower() == "date"]
        reason = "Oracle's DATE has a time of day, and so has the target's column"
        _say(work, table, "oracle-date", Grade.AUTOMATIC, times, reason, "where it is always midnight, make it a date")


def _padding(work: Work, table: Table, pairs: _Pairs) -> None:
    padded = [column for column, _ in pairs if column.type.kind is Kind.TEXT and column.type.fixed]
    if work.related or not padded:
        return
    if work.source.dialect.mysql_like:
        reason = "CHAR loses blanks at the end, and compares without them; the target's column keeps and compares them"
    else:
        reason = "CHAR is filled up with blanks, which the target's column has as part of the text"
    _say(work, table, "char-padding", Grade.CHANGED, padded, reason, "compare by rtrim(…), or trim the values", _SIMPLE)


def _empty(work: Work, table: Table, pairs: _Pairs) -> None:
    if work.source.dialect is not Dialect.ORACLE:
        return
    texts = [column for column, _ in pairs if column.type.kind is Kind.TEXT]
    reason = "to Oracle the empty string is NULL; to the target it is a text, which NOT NULL takes and || keeps"
    proposal = "see what compares with '' or counts on NULL; NULLIF(…, '') where values come in"
    _say(work, table, "empty-string", Grade.CHANGED, texts, reason, proposal, Complexity.MEDIUM)


def _lengths(work: Work, table: Table, pairs: _Pairs) -> None:
    if work.dialect is not Dialect.SQLITE:
        return
    bounded = [
        column for column, _ in pairs if column.type.kind in (Kind.TEXT, Kind.BYTES, Kind.DECIMAL) and column.type.size
    ]
    reason = "SQLite keeps to no length"
    _say(
        work, table, "length-lost", Grade.CHANGED, bounded, reason, "CHECK (length(…) <= …), where it matters", _SIMPLE
    )


def _large(work: Work, table: Table, pairs: _Pairs) -> None:
    large = [column for column, _ in pairs if parsed(column.sql_type).base in _LARGE]
    reason = "its values may be large: each travels whole, within the bounds of memory and of the target's packets"
    _say(
        work,
        table,
        "large-object",
        Grade.AUTOMATIC,
        large,
        reason,
        "see the largest; limits.memory and max_allowed_packet must hold it",
    )


def _keys(work: Work, table: Table, target: Table) -> None:
    if target.primary_key is None:
        reason = "it has no primary key: its changes are applied one by one, each to one of the rows that are alike"
        proposal = "give it one at the source, or choose `key` in [[tables]]"
        work.ledger.say(_TABLE, table.name, "", "no-primary-key", Grade.AUTOMATIC, reason, proposal, _SIMPLE)
    if work.dialect.mysql_like and not work.source.dialect.mysql_like:
        size = sum(_row_bytes(column) for column in target.columns)
        if size > _MYSQL_ROW:
            reason = f"a row may have {size} bytes, and MySQL takes {_MYSQL_ROW} outside of TEXT and BLOB"
            fix = "make long texts TEXT, by [[types]] of the rules"
            work.ledger.say(_TABLE, table.name, "", "row-size", Grade.BY_HAND, reason, fix, _SIMPLE)


def _row_bytes(column: Column) -> int:
    type_ = parsed(column.sql_type)
    length = type_.arguments[0] if type_.arguments else 0
    if type_.base in ("varchar", "char"):
        return length * character_bytes(column.charset) + 2
    if type_.base in ("varbinary", "binary"):
        return length + 2
    return 12


def _floats(work: Work, table: Table) -> None:
    for index in table.indexes:
        floats = [
            name
            for name in index.columns
            if (column := table.column(name)) is not None and column.type.kind is Kind.FLOAT
        ]
        if index.unique and floats:
            kind = kind_of(index)
            reason = f"{', '.join(floats)} is a float: two systems may print, and round, one value otherwise"
            work.ledger.say(
                kind, table.name, index.name, "float-key", Grade.AUTOMATIC, reason, "use a decimal in a key"
            )
