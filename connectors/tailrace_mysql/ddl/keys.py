"""Primary keys and periods in CREATE TABLE and ALTER TABLE."""

from __future__ import annotations

from dataclasses import replace

from tailrace_mysql.ddl.tokens import Reader, split
from tailrace_mysql.definition import ColumnDefinition


def key_columns(reader: Reader) -> list[str]:
    """The names in ``[USING BTREE] (a, b(10) DESC)``.

    Raises:
        ValueError: one is a period's name.
    """
    while not reader.done and reader.token.upper != "(":
        reader.take()
    parts = split(reader.parentheses())
    if any("OVERLAPS" in {token.upper for token in part} for part in parts):
        raise ValueError("WITHOUT OVERLAPS is not understood")
    return [part[0].text for part in parts]


def period_columns(reader: Reader) -> tuple[str, ...] | None:
    """The columns of ``PERIOD FOR name (a, b)``; none for SYSTEM_TIME, whose columns say it themselves.

    None, and nothing read, where it is something else.
    """
    if not reader.accept("PERIOD", "FOR"):
        return None
    name = reader.take()
    columns = tuple(part[0].text for part in split(reader.parentheses()))
    return () if name.upper == "SYSTEM_TIME" else columns


def with_key(columns: list[ColumnDefinition], key: list[str]) -> tuple[ColumnDefinition, ...]:
    """The columns with their places in the primary key.

    Raises:
        ValueError: the key names a column that is not there.
    """
    places = {name.lower(): place for place, name in enumerate(key, 1)}
    known = {column.name.lower() for column in columns}
    if not places.keys() <= known:
        raise ValueError("the primary key names a column that is not there")
    return tuple(
        replace(c, key=places[c.name.lower()], nullable=False) if c.name.lower() in places else replace(c, key=0)
        for c in columns
    )
