"""Bounds of partitions in another system's words: ranges, lists, hashes of plain columns, and of a date's parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

from tailrace.conversion.catalog import Column, Dialect, Partition, Partitioning, Table
from tailrace.conversion.tables.literals import parsed, quoted, text
from tailrace.conversion.work import Work

_CALL = re.compile(r"\s*(year|to_days|unix_timestamp)\s*\(\s*([`\"]?)([^`\"()]+)\2\s*\)\s*", re.IGNORECASE)
_DAYS = re.compile(r"to_days\s*\(\s*'(\d{4}-\d\d-\d\d)[^']*'\s*\)", re.IGNORECASE)
_ORACLE_DATE = re.compile(
    r"(?:to_date|date|timestamp|to_timestamp)\s*\(?\s*'\s*(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d)?)", re.I
)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_CAST = re.compile(r"::[\w \"().]+$")
#: `TO_DAYS('0001-01-01')`, less what Python's ordinal of that day is.
_TO_DAYS_OFFSET = 365
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_IN_RANGE_COLUMNS = (*_INTEGERS, "date", "datetime", "char", "varchar", "binary", "varbinary")
_UNBOUNDED = ("MAXVALUE", "MINVALUE")


class Unfit(Exception):
    """Why the target has no such partitioning; for a person."""


def columns_of(expressions: Sequence[str], table: Table) -> list[str] | None:
    """The source's columns, where each expression is but a column's name; None otherwise."""
    found = []
    for expression in expressions:
        bare = expression.strip().strip("()").strip()
        name = next((c.name for c in table.columns if bare in (c.name, f"`{c.name}`", f'"{c.name}"')), None)
        folded = next((c.name for c in table.columns if c.name.casefold() == bare.strip('`"').casefold()), None)
        if name is None and folded is None:
            return None
        found.append(name or folded or "")
    return found


def _targets(work: Work, table: Table, names: Sequence[str]) -> list[str]:
    if reason := work.altered(table.name, names):
        raise Unfit(reason)
    return [work.names.columns[table.name][name] for name in names]


def _quoted(names: Sequence[str], work: Work) -> tuple[str, ...]:
    return tuple(quoted(name, work.dialect) for name in names)


def ranged(work: Work, table: Table, given: Partitioning, columns: Mapping[str, Column]) -> Partitioning:
    plain = columns_of(given.expressions, table)
    function = ""
    if plain is None:
        call = _CALL.fullmatch(given.expressions[0]) if len(given.expressions) == 1 else None
        plain = columns_of((call[3],), table) if call else None
        if call is None or plain is None:
            raise Unfit("its expression has no counterpart in a partition key")
        function = call[1].lower()
    names = _targets(work, table, plain)
    deciding = [_present(columns, name) for name in names]
    ordered = _bounded(given, work.source.dialect)

    def bounds(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if values is None or all(value.strip().upper() in _UNBOUNDED for value in values):
            return None
        if function:
            return (_from_call(function, values[0], deciding[0], work.dialect),)
        return tuple(_value(v, c, work) for v, c in zip(values, deciding, strict=True))

    partitions = [replace(p, lower=bounds(p.lower), upper=bounds(p.upper)) for p in ordered]
    default = [p for p in given.partitions if p.default]
    if work.dialect is Dialect.POSTGRESQL:
        loose = any(column.nullable for column in deciding)
        if default or loose or given.method == "interval":
            # NULL lies in MySQL's lowest partition, and in none of PostgreSQL's but the default.
            partitions.append(Partition(default[0].name if default else "default", default=True))
        return Partitioning("range", _quoted(names, work), tuple(partitions))
    return _less_than(_quoted(names, work), deciding, partitions, default)


def _less_than(
    names: tuple[str, ...], deciding: list[Column], partitions: list[Partition], default: list[Partition]
) -> Partitioning:
    """MySQL's: each partition ends where the next one begins."""
    for column in deciding:
        if parsed(column.sql_type).base.removesuffix(" unsigned") not in _IN_RANGE_COLUMNS:
            raise Unfit(f"MySQL has no ranges of {column.sql_type}")
    for before, after in pairwise(partitions):
        if before.upper != after.lower:
            raise Unfit("there are gaps between its ranges, and MySQL has none")
    if not partitions or partitions[0].lower is not None:
        raise Unfit("its lowest range begins somewhere, and MySQL's takes all that is lower")
    if default:
        if partitions[-1].upper is None:
            raise Unfit("it has a default partition besides")
        partitions.append(Partition(default[0].name, lower=partitions[-1].upper))
    return Partitioning("range", names, tuple(partitions))


def _bounded(given: Partitioning, dialect: Dialect) -> list[Partition]:
    """In their order, each with its lower bound."""
    partitions = [partition for partition in given.partitions if not partition.default]
    if dialect is Dialect.POSTGRESQL:
        return sorted(partitions, key=lambda p: _order(p.lower))
    found: list[Partition] = []
    for partition in partitions:
        lower = partition.lower if partition.lower is not None else (found[-1].upper if found else None)
        found.append(replace(partition, lower=lower))
    return found


def _order(lower: tuple[str, ...] | None) -> tuple[object, ...]:
    if lower is None:
        return (0,)
    bare = [_CAST.sub("", value.strip()).strip("'") for value in lower]
    return (1, *((0, float(value), "") if _NUMBER.fullmatch(value) else (1, 0.0, value) for value in bare))


def listed(work: Work, table: Table, given: Partitioning, columns: Mapping[str, Column]) -> Partitioning:
    plain = columns_of(given.expressions, table)
    if plain is None:
        raise Unfit("its expression has no counterpart in a partition key")
    names = _targets(work, table, plain)
    deciding = [_present(columns, name) for name in names]
    if work.dialect is Dialect.POSTGRESQL and len(names) > 1:
        raise Unfit("PostgreSQL's lists are of one column")
    if work.dialect is Dialect.MYSQL and any(partition.default for partition in given.partitions):
        raise Unfit("MySQL's lists have no default partition")
    if work.dialect.mysql_like:
        for column in deciding:
            if parsed(column.sql_type).base.removesuffix(" unsigned") not in _IN_RANGE_COLUMNS:
                raise Unfit(f"MySQL has no lists of {column.sql_type}")
    partitions = tuple(
        replace(
            partition,
            members=tuple(
                tuple(_value(v, c, work) for v, c in zip(member, deciding, strict=True)) for member in partition.members
            ),
        )
        for partition in given.partitions
    )
    return Partitioning("list", _quoted(names, work), partitions)


def hashed(work: Work, table: Table, given: Partitioning) -> Partitioning:
    """The rows lie in other partitions than at the source, as evenly."""
    plain = columns_of(given.expressions, table)
    if given.method.lower().endswith("key") and not given.expressions:
        primary = table.primary_key
        plain = list(primary.columns) if primary else None
    if not plain:
        raise Unfit("its expression has no counterpart in a partition key")
    names = _targets(work, table, plain)
    if work.dialect.mysql_like:
        moduli = {partition.modulus for partition in given.partitions}
        if len(moduli) > 1 or (moduli and len(given.partitions) != next(iter(moduli))):
            raise Unfit("its partitions are of unequal shares")
        return Partitioning("key", _quoted(names, work), count=len(given.partitions) or given.count)
    known = [partition.name for partition in given.partitions]
    count = len(known) or given.count or 1
    labels = known or [f"p{number}" for number in range(count)]
    partitions = tuple(Partition(label, modulus=count, remainder=place) for place, label in enumerate(labels))
    return Partitioning("hash", _quoted(names, work), partitions)


def _present(columns: Mapping[str, Column], name: str) -> Column:
    if name not in columns:
        raise Unfit(f"the column {name} is not in the target")
    return columns[name]


def _from_call(function: str, value: str, column: Column, dialect: Dialect) -> str:
    """The first moment that is not below a bound of YEAR, TO_DAYS or UNIX_TIMESTAMP; all three rise with time."""
    bare = value.strip().strip("()").strip()
    kind = parsed(column.sql_type).base
    if function == "to_days" and (named := _DAYS.fullmatch(value.strip())):
        return text(named[1], dialect)
    if not bare.isdigit():
        raise Unfit(f"its bound {value} is no number")
    number = int(bare)
    try:
        if function == "year":
            return text(date(number, 1, 1).isoformat(), dialect)
        if function == "to_days":
            return text(date.fromordinal(number - _TO_DAYS_OFFSET).isoformat(), dialect)
        moment = datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"its bound {value} is no date") from None
    if not kind.endswith("with time zone"):
        raise Unfit("UNIX_TIMESTAMP of such a column depends on a session's time zone")
    return text(moment.strftime("%Y-%m-%d %H:%M:%S+00"), dialect)


def _value(value: str, column: Column, work: Work) -> str:
    """A bound or member, a literal of the target's."""
    bare = value.strip()
    if bare.upper() in (*_UNBOUNDED, "NULL"):
        return bare.upper()
    if work.source.dialect is Dialect.POSTGRESQL:
        bare = _CAST.sub("", bare)
    base = parsed(column.sql_type).base.removesuffix(" unsigned")
    if work.source.dialect is Dialect.ORACLE and (named := _ORACLE_DATE.match(bare)):
        return text(named[1], work.dialect)
    in_quotes = _TEXT.fullmatch(bare)
    inner = bare[1:-1].replace("''", "'") if in_quotes else bare
    if _NUMBER.fullmatch(inner) and base in (*_INTEGERS, "integer", "numeric", "decimal"):
        return inner
    if not in_quotes:
        if _NUMBER.fullmatch(bare):
            return bare
        raise Unfit(f"its bound {value} is no literal")
    if "\\" in inner:
        raise Unfit(f"its bound {value} has a backslash")
    if base == "datetime" and re.search(r"[+-]\d\d(:?\d\d)?$", inner[10:]):
        if not inner.endswith("+00"):
            raise Unfit(f"its bound {value} is not in UTC")
        inner = inner.removesuffix("+00")
    return text(inner, work.dialect)
