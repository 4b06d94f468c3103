"""Reading a table in key order, piece by piece: the database alone compares keys.

Where a piece ended is kept as the text of its last key, and given back to the database as literals of the columns' own
types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from tailrace_postgres.connection import Connection, identifier, literal


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key.

    Attributes:
        type_name: as SQL writes it.
        operators: schema of the operators that sort it; they are named in full where it is not pg_catalog, because no
            search_path leads to them (and another type's operator, found instead, would compare otherwise).
    """

    name: str
    type_name: str
    operators: str = "pg_catalog"

    def compare(self, operator: str, value: str) -> str:
        if self.operators != "pg_catalog":
            operator = f"OPERATOR({identifier(self.operators)}.{operator})"
        return f"{identifier(self.name)} {operator} {self.literal(value)}"

    def literal(self, value: str) -> str:
        return f"{literal(value)}::{self.type_name}"


def operator_schema(connection: Connection, type_oid: int) -> str:
    """The schema of the type's own ``>``; types without one of their own use the system's."""
    found = connection.value(
        "SELECT n.nspname FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod"
        " JOIN pg_amop o ON o.amopfamily = c.opcfamily AND o.amoplefttype = c.opcintype"
        " AND o.amoprighttype = c.opcintype AND o.amopstrategy = 5"
        " JOIN pg_operator p ON p.oid = o.amopopr JOIN pg_namespace n ON n.oid = p.oprnamespace"
        " WHERE a.amname = 'btree' AND c.opcdefault AND c.opcintype = %s",
        [type_oid],
    )
    return str(found or "pg_catalog")


def span(key: Sequence[KeyColumn], after: str | None, until: str | None, where: str = "") -> str:
    """`` WHERE …`` for the rows behind a key (`key_text`) and up to another, which belongs to them; "" for all rows.

    Args:
        where: a further condition, a person's own SQL.
    """
    conditions = [f"({where})"] if where else []
    if after is not None:
        conditions.append(_beyond(key, after, ">", ">"))
    if until is not None:
        conditions.append(_beyond(key, until, "<", "<="))
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _beyond(key: Sequence[KeyColumn], bound: str, sign: str, last: str) -> str:
    values: list[str] = orjson.loads(bound)
    if all(column.operators == "pg_catalog" for column in key):
        names = ", ".join(identifier(column.name) for column in key)
        literals = ", ".join(column.literal(value) for column, value in zip(key, values, strict=True))
        return f"({names}) {last} ({literals})"
    pairs = list(zip(key, values, strict=True))
    alternatives = [
        " AND ".join(
            [column.compare("=", value) for column, value in pairs[:index]]
            + [pairs[index][0].compare(last if index == len(pairs) - 1 else sign, pairs[index][1])]
        )
        for index in range(len(pairs))
    ]
    # The first column's bound lets an index find the place.
    return f"{pairs[0][0].compare(sign + '=', pairs[0][1])} AND ({' OR '.join(f'({text})' for text in alternatives)})"


def order(key: Sequence[KeyColumn]) -> str:
    """The columns, for ORDER BY."""
    return names(column.name for column in key)


def names(columns: Iterable[str]) -> str:
    """The columns, for SELECT."""
    return ", ".join(map(identifier, columns))


def key_text(values: Sequence[bytes | None]) -> str:
    """A key's values as one text."""
    return orjson.dumps([value.decode() if value is not None else None for value in values]).decode()
