"""What values are, at the source and in the target: types as texts, how kinds are stored, how texts are compared."""

from __future__ import annotations

import re
from enum import Enum

from tailrace.conversion.catalog import Column, Dialect
from tailrace.conversion.tables.literals import without_collation
from tailrace.schema import Kind, Type

NUMBERS = frozenset({Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.FLOAT})
MOMENTS = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
TEXTS = frozenset({Kind.TEXT, Kind.ENUM, Kind.SET, Kind.UUID})

_BITS = {"tinyint": 8, "smallint": 16, "int2": 16, "mediumint": 24, "int": 32, "integer": 32, "int4": 32}
_BITS |= {"bigint": 64, "int8": 64, "signed": 64, "unsigned": 64}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("boolean", "bool"), Kind.BOOLEAN),
    **dict.fromkeys(("decimal", "numeric", "dec", "number"), Kind.DECIMAL),
    **dict.fromkeys(("real", "double", "double precision", "float4", "float8", "float"), Kind.FLOAT),
    **dict.fromkeys(
        (
            *("text", "varchar", "character varying", "char", "character", "bpchar", "name", "citext"),
            *("tinytext", "mediumtext", "longtext", "nchar", "nvarchar", "varchar2", "nvarchar2", "ntext", "clob"),
        ),
        Kind.TEXT,
    ),
    **dict.fromkeys(
        ("bytea", "blob", "binary", "varbinary", "tinyblob", "mediumblob", "longblob", "raw", "image"), Kind.BYTES
    ),
    "date": Kind.DATE,
    **dict.fromkeys(("time", "time without time zone"), Kind.TIME),
    **dict.fromkeys(("time with time zone", "timetz"), Kind.TIMETZ),
    **dict.fromkeys(
        ("timestamp", "timestamp without time zone", "datetime", "datetime2", "smalldatetime"), Kind.TIMESTAMP
    ),
    **dict.fromkeys(("timestamp with time zone", "timestamptz", "datetimeoffset"), Kind.TIMESTAMPTZ),
    "year": Kind.YEAR,
    "interval": Kind.INTERVAL,
    **dict.fromkeys(("json", "jsonb"), Kind.JSON),
    **dict.fromkeys(("uuid", "uniqueidentifier"), Kind.UUID),
    **dict.fromkeys(("bit", "bit varying", "varbit"), Kind.BITS),
    "enum": Kind.ENUM,
    "set": Kind.SET,
}
_TYPE = re.compile(r"([a-z_0-9]+(?: [a-z]+)*?) ?(?:\(([^()]*)\))?((?: [a-z]+)*)")


def type_of(text: str, dialect: Dialect) -> Type:
    """The type that a dialect writes so; kind `OTHER` where it is not a simple one.

    For casts, arguments of functions and types that a person's rule names. Columns come with their `Type`.
    """
    plain = " ".join(text.lower().replace('"', "").split())
    match = _TYPE.fullmatch(plain)
    if match is None:
        return Type(Kind.OTHER, text)
    base, arguments, rest = match[1], [a.strip() for a in (match[2] or "").split(",")], match[3].strip()
    if rest in ("with time zone", "without time zone", "varying", "precision"):
        base, rest = f"{base} {rest}", ""
    numbers = [int(a) for a in arguments if a.lstrip("-").isdigit()]
    size = numbers[0] if numbers else 0
    words = base.split()
    unsigned = "unsigned" in (*words, *rest.split())
    if base not in _KINDS and words[0] in _BITS:
        return Type(Kind.INTEGER, text, _BITS[words[0]], unsigned=unsigned)
    if dialect is Dialect.TSQL and base == "bit":
        return Type(Kind.BOOLEAN, text)
    if dialect is Dialect.ORACLE and base == "date":
        return Type(Kind.TIMESTAMP, text)
    if dialect.mysql_like and base == "timestamp":
        return Type(Kind.TIMESTAMPTZ, text, size)
    if dialect.mysql_like and base in ("boolean", "bool"):
        return Type(Kind.INTEGER, text, 8)
    kind = _KINDS.get(base)
    if kind is None or (rest and rest not in ("unsigned", "zerofill")):
        return Type(Kind.OTHER, text)
    if kind is Kind.FLOAT:
        narrow = base in ("real", "float4") or (base == "float" and dialect.mysql_like and size <= 24)
        return Type(kind, text, 32 if narrow and not (dialect.mysql_like and base == "real") else 64)
    if kind is Kind.DECIMAL and dialect.mysql_like and not size:
        size = 10
    if kind is Kind.DECIMAL and dialect is Dialect.TSQL and not size:
        size = 18
    fixed = base in ("char", "character", "bpchar", "nchar", "binary", "bit") and base != "bpchar"
    if fixed and not size and kind in (Kind.TEXT, Kind.BITS, Kind.BYTES):
        size = 1
    return Type(kind, text, size, numbers[1] if len(numbers) > 1 else 0, fixed=fixed)


def stored(type_: Type, source: Dialect, target: Dialect, given: str = "") -> Kind:
    """The kind that a column's values have in the target, as SQL there acts upon them.

    Args:
        given: the target's type, where it is known; a character set and collation may stand behind it.
    """
    kind = type_.kind
    if given and target is not Dialect.SQLITE:
        made = type_of(without_collation(given).sql, target)
        if made.kind is Kind.INTEGER and kind is Kind.BOOLEAN and target.mysql_like and made.size == 8:
            return Kind.BOOLEAN
        return made.kind
    if target is Dialect.SQLITE:
        if kind is Kind.INTEGER and type_.unsigned and type_.size == 64:
            return Kind.OTHER
        as_text = kind in (Kind.DECIMAL, Kind.UUID, Kind.BITS, Kind.JSON, Kind.ENUM, Kind.SET, Kind.INTERVAL)
        return Kind.TEXT if as_text or kind is Kind.OTHER else Kind.INTEGER if kind is Kind.YEAR else kind
    if target is Dialect.POSTGRESQL:
        return {Kind.TIME: Kind.INTERVAL, Kind.ENUM: Kind.TEXT, Kind.SET: Kind.TEXT, Kind.OTHER: Kind.TEXT}.get(
            kind, kind
        )
    if source.mysql_like:
        return kind
    if kind is Kind.DECIMAL:
        return kind if 0 < type_.size <= 65 and type_.scale <= 30 else Kind.TEXT
    if kind is Kind.BITS:
        return kind if type_.fixed and 0 < type_.size <= 64 else Kind.TEXT
    if kind is Kind.TIMESTAMPTZ:
        return Kind.TIMESTAMP
    as_text = kind in (Kind.UUID, Kind.JSON, Kind.ENUM, Kind.SET, Kind.INTERVAL, Kind.OTHER, Kind.TIMETZ)
    return Kind.TEXT if as_text else kind


def usual_places(type_: Type | None) -> bool:
    """Whether MySQL has such a decimal: some digits before the point, and none of them rounded off."""
    return type_ is not None and 0 <= type_.scale <= min(type_.size, 30) and type_.size <= 65


class Comparison(Enum):
    """How texts of a collation are equal: letter by letter; with blanks at the end set aside; by a language's rules."""

    EXACT = "exact"
    PADS = "pads"
    FOLDS = "folds"


def comparison(column: Column, source: Dialect) -> Comparison:
    collation = column.collation.lower()
    if column.type.kind not in TEXTS or column.type.kind is Kind.UUID:
        return Comparison.EXACT
    if source.mysql_like:
        if collation == "binary" or collation.endswith(("0900_bin", "nopad_bin")):
            return Comparison.EXACT
        return Comparison.PADS if collation.endswith("_bin") else Comparison.FOLDS
    if source is Dialect.TSQL:
        return Comparison.PADS if collation.endswith(("_bin", "_bin2")) else Comparison.FOLDS
    if source is Dialect.POSTGRESQL and column.type.name.rpartition(".")[2] == "citext":
        return Comparison.FOLDS
    return Comparison.EXACT


def ordered_by_code(column: Column, source: Dialect) -> bool:
    """Whether texts sort by their letters' numbers, as a binary collation has it."""
    collation = column.collation.rpartition(".")[2].strip('"').lower()
    if source is Dialect.POSTGRESQL:
        return collation in ("c", "posix", "ucs_basic", "c.utf-8", "c.utf8", "pg_c_utf8")
    return source is not Dialect.TSQL and comparison(column, source) is Comparison.EXACT
