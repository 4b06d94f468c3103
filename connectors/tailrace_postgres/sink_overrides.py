"""Types of PostgreSQL's into which a column's values can be written as text, and from which they read the same."""

from __future__ import annotations

from tailrace.conversion.tables.literals import Parsed, parsed
from tailrace.schema import Kind, Type
from tailrace_postgres.sink_types import column_type

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("text", "character varying", "varchar")
_SYNONYMS = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
    "varchar": "character varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "float4": "real",
    "float8": "double precision",
    "varbit": "bit varying",
}


def obstacle(type_: Type, from_postgres: bool, wanted: str) -> str:
    """Why not; "" where a value is the same, or is refused by name because it does not fit."""
    usual = column_type(type_, from_postgres, lambda name: False)
    one, two = _plain(usual), _plain(wanted)
    if one == two or _holds(type_, one, two):
        return ""
    return f"values of {type_.name} are kept in {usual}, and would read otherwise from it"


def _plain(text: str) -> Parsed:
    found = parsed(text)
    return found._replace(base=_SYNONYMS.get(found.base, found.base))


def _holds(type_: Type, usual: Parsed, wanted: Parsed) -> bool:
    if wanted.array or usual.array:
        return False
    whole = usual.base in _INTEGERS or (usual.base == "numeric" and usual.arguments[1:] == (0,))
    if whole and type_.kind in (Kind.INTEGER, Kind.YEAR):
        # Of a scale of 0 the digits are an integer's; what is too large is refused.
        return wanted.base in _INTEGERS or (wanted.base == "numeric" and wanted.arguments[1:] in ((), (0,)))
    if usual.base == "numeric" and wanted.base == "numeric":
        # An unbounded one keeps the digits as they are written.
        return not wanted.arguments or (bool(usual.arguments) and usual.arguments[1:] == wanted.arguments[1:])
    if usual.base in _TEXTS:
        return wanted.base in _TEXTS
    if usual.base == "real":
        return wanted.base == "double precision"
    if usual.base == "interval" and type_.kind is Kind.TIME:
        # A time of day: what is beyond it is refused.
        return wanted.base == "time without time zone" and _digits(wanted) >= type_.size
    if usual.base.startswith(("timestamp", "time ")):
        return wanted.base == usual.base and _digits(wanted) >= _digits(usual)
    return usual.base == "bit" and wanted.base == "bit varying" and not wanted.arguments


def _digits(type_: Parsed) -> int:
    return type_.arguments[0] if type_.arguments else 6
