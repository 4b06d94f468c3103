"""Column types: one place each, for the log, the snapshot and the schema.

A type is added by one function that makes its `ColumnType`, named in the `BASES` of its module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from tailrace_mysql.types import json_text, numbers, strings, temporal
from tailrace_mysql.types.column_type import ColumnType, Converter, Native, Reader, UnsupportedTypeError
from tailrace_mysql.types.declared import Declared, parse

_BASES: dict[str, Callable[[Declared], ColumnType]] = {
    **numbers.BASES,
    **temporal.BASES,
    **strings.BASES,
    **json_text.BASES,
}


@lru_cache(maxsize=1024)
def column_type(declared: Declared) -> ColumnType:
    """The type of a declared column.

    Raises:
        UnsupportedTypeError: with the reason.
    """
    build = _BASES.get(declared.base)
    if build is None:
        raise UnsupportedTypeError(f"the type {declared.base} is not supported")
    return build(declared)


__all__ = ["ColumnType", "Converter", "Declared", "Native", "Reader", "UnsupportedTypeError", "column_type", "parse"]
