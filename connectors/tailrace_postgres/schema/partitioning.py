"""How a table is parted, from the words in which PostgreSQL prints it.

https://www.postgresql.org/docs/current/sql-createtable.html, "PARTITION BY" and "partition_bound_spec".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tailrace.conversion.catalog import Partition, Partitioning
from tailrace_postgres.schema.sql_text import bracketed, listed

_HASH = re.compile(r"modulus\s+(\d+)\s*,\s*remainder\s+(\d+)", re.IGNORECASE)
_LEAST, _GREATEST = "MINVALUE", "MAXVALUE"


def partitioning(key: str, partitions: Sequence[Partition]) -> Partitioning:
    """
    Args:
        key: as `pg_get_partkeydef` prints it: ``RANGE (created_at)``.
    """
    inner, _ = bracketed(key)
    return Partitioning(key.split("(", 1)[0].strip().lower(), listed(inner), tuple(partitions), definition=key)


def bounds(name: str, text: str, within: Partitioning | None) -> Partition:
    """
    Args:
        text: as `pg_get_expr` prints a bound: ``FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)``.
    """
    if text == "DEFAULT":
        return Partition(name, default=True, within=within)
    inner, end = bracketed(text)
    if text.startswith("FOR VALUES WITH"):
        match = _HASH.search(inner)
        assert match is not None, text
        return Partition(name, modulus=int(match[1]), remainder=int(match[2]), within=within)
    if text.startswith("FOR VALUES IN"):
        return Partition(name, members=tuple((member,) for member in listed(inner)), within=within)
    upper, _ = bracketed(text, end)
    return Partition(name, _bound(listed(inner), _LEAST), _bound(listed(upper), _GREATEST), within=within)


def _bound(values: tuple[str, ...], none: str) -> tuple[str, ...] | None:
    return None if all(value.upper() == none for value in values) else values


def clause(partitioning: Partitioning) -> str:
    """What stands behind PARTITION BY."""
    return f"{partitioning.method.upper()} ({', '.join(partitioning.expressions)})"


def bound_clause(partition: Partition, columns: int) -> str:
    """
    Args:
        columns: by how many the table is parted.
    """
    if partition.default:
        return "DEFAULT"
    if partition.modulus:
        return f"FOR VALUES WITH (MODULUS {partition.modulus}, REMAINDER {partition.remainder})"
    if partition.members:
        return f"FOR VALUES IN ({', '.join(', '.join(member) for member in partition.members)})"
    lower = partition.lower or (_LEAST,) * columns
    upper = partition.upper or (_GREATEST,) * columns
    return f"FOR VALUES FROM ({', '.join(lower)}) TO ({', '.join(upper)})"
