"""Rows on their way into PostgreSQL: columns of JSON forms become COPY's text format or literals.

PostgreSQL manual, "COPY", "Text Format".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tailrace.compiled import compiled_class
from tailrace.errors import ValueRefusedError
from tailrace.render import object_heads
from tailrace.row import Row
from tailrace.schema import Column
from tailrace_postgres.sink_connection import literal
from tailrace_postgres.sink_types import Writer, native, write_bytes, writer


class RowWriter:
    """Renders rows of one table version.

    Args:
        columns: of the version, in the order of the source's log.
        key: the key's, in key order.
        written: the columns that are written at all.
        where: the table, for messages.
    """

    def __init__(self, columns: Sequence[Column], key: Sequence[Column], written: Sequence[str], where: str) -> None:
        self._writers: dict[str, Writer | None] = {column.name: writer(column.type) for column in columns}
        self._where = where
        self._compiled: dict[tuple[str, ...], Any] = {}
        lines = compiled_class("tailrace_postgres.copylines", "CopyLines")
        if lines is not None:
            for group, names in ((columns, tuple(written)), (key, tuple(column.name for column in key))):
                natives = [native(column.type) if column.name in names else "" for column in group]
                self._compiled[names] = lines(object_heads(column.name for column in group), natives)

    def copy(self, rows: list[Row], names: Sequence[str]) -> bytes:
        """These columns of the rows as COPY reads them; the rows in any order."""
        compiled = self._compiled.get(tuple(names))
        if compiled is None:
            return self._lines([row.values for row in rows], names)
        lines: bytes
        lines, others = compiled.write(rows)
        return lines + self._lines([row.values for row in others], names) if others else lines

    def _lines(self, rows: Sequence[dict[str, Any]], names: Sequence[str]) -> bytes:
        columns = [self._copied([row[name] for row in rows], name) for name in names]
        lines = map("\t".join, zip(*columns, strict=True))
        return ("\n".join(lines) + "\n").encode()

    def texts(self, values: dict[str, Any], names: Sequence[str]) -> list[str]:
        """These columns of one row as literals."""
        return [self.literal(name, values[name]) for name in names]

    def literal(self, name: str, value: Any) -> str:
        if value is None:
            return "NULL"
        write = self._writers[name]
        text = write(value) if write else _string(value)
        if "\0" in text:
            raise self._zero_byte(name)
        return literal(text)

    def _copied(self, values: list[Any], name: str) -> list[str]:
        write = self._writers[name]
        if write is not None:
            # Numbers and the like: nothing to escape but bytea's backslash.
            cells = ["\\N" if value is None else write(value) for value in values]
            return [cell.replace("\\x", "\\\\x") for cell in cells] if write is write_bytes else cells
        texts = ["" if value is None else value if value.__class__ is str else _string(value) for value in values]
        # Escaping the whole column at once costs a tenth of escaping each value.
        joined = "\0".join(texts)
        if joined.count("\0") != len(texts) - 1:
            raise self._zero_byte(name)
        if "\\" in joined:
            joined = joined.replace("\\", "\\\\")
        escaped = joined.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r").split("\0")
        if None in values:
            return ["\\N" if value is None else text for value, text in zip(values, escaped, strict=True)]
        return escaped

    def _zero_byte(self, name: str) -> ValueRefusedError:
        return ValueRefusedError(
            "a text holds a zero byte, which PostgreSQL cannot",
            where=f"{self._where}, column {name}",
            fix="mend the value at the source, or exclude the table",
        )


def _string(value: Any) -> str:
    """An older version of the column may have had another kind."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
