"""PostgreSQL's types, in the words of `format_type`.

PostgreSQL manual, "Data Types". As `tailrace_postgres.types` has them by oid and modifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tailrace.conversion.script.written import Written
from tailrace.schema import Kind, Type


class _Entry(NamedTuple):
    """
    Attributes:
        name: `format_type`'s.
        size: where no length is stated.
        argument: the length or the fraction's digits may be.
    """

    name: str
    kind: Kind
    size: int = 0
    argument: bool = False
    fixed: bool = False
    unsigned: bool = False


_TYPES: tuple[tuple[tuple[str, ...], _Entry], ...] = (
    (("boolean", "bool"), _Entry("boolean", Kind.BOOLEAN)),
    (("smallint", "int2", "smallserial", "serial2"), _Entry("smallint", Kind.INTEGER, 16)),
    (("integer", "int", "int4", "serial", "serial4"), _Entry("integer", Kind.INTEGER, 32)),
    (("bigint", "int8", "bigserial", "serial8"), _Entry("bigint", Kind.INTEGER, 64)),
    (("oid",), _Entry("oid", Kind.INTEGER, 32, unsigned=True)),
    (("numeric", "decimal", "dec"), _Entry("numeric", Kind.DECIMAL, argument=True)),
    (("real", "float4"), _Entry("real", Kind.FLOAT, 32)),
    (("double precision", "float8"), _Entry("double precision", Kind.FLOAT, 64)),
    (("text",), _Entry("text", Kind.TEXT)),
    (
        ("character varying", "varchar", "char varying", "national character varying"),
        _Entry("character varying", Kind.TEXT, argument=True),
    ),
    (("character", "char", "bpchar", "national character"), _Entry("character", Kind.TEXT, 1, True, fixed=True)),
    (("name",), _Entry("name", Kind.TEXT, 63)),
    (("bytea",), _Entry("bytea", Kind.BYTES)),
    (("bit",), _Entry("bit", Kind.BITS, 1, True, fixed=True)),
    (("bit varying", "varbit"), _Entry("bit varying", Kind.BITS, argument=True)),
    (("date",), _Entry("date", Kind.DATE)),
    (("json",), _Entry("json", Kind.JSON)),
    (("jsonb",), _Entry("jsonb", Kind.JSON)),
    (("uuid",), _Entry("uuid", Kind.UUID)),
)
_BY_NAME: Mapping[str, _Entry] = {name: entry for names, entry in _TYPES for name in names}
_MOMENTS: Mapping[tuple[str, bool], tuple[str, Kind]] = {
    ("time", False): ("time", Kind.TIME),
    ("time", True): ("time", Kind.TIMETZ),
    ("timestamp", False): ("timestamp", Kind.TIMESTAMP),
    ("timestamp", True): ("timestamp", Kind.TIMESTAMPTZ),
}
#: Others that every server has; what is named neither here nor above is the script's own or an extension's.
_BUILT_IN = frozenset(
    [
        "money",
        "inet",
        "cidr",
        "macaddr",
        "macaddr8",
        "point",
        "line",
        "lseg",
        "box",
        "path",
        "polygon",
        "circle",
        "xml",
        "tsvector",
        "tsquery",
        "pg_lsn",
        "int4range",
        "int8range",
        "numrange",
        "tsrange",
        "tstzrange",
        "daterange",
        "int4multirange",
        "int8multirange",
        "nummultirange",
        "tsmultirange",
        "tstzmultirange",
        "datemultirange",
        "regclass",
        "regproc",
        "regtype",
        "regrole",
        "regnamespace",
        "regoper",
        "regconfig",
        "regdictionary",
        "txid_snapshot",
        "pg_snapshot",
        "xid",
        "xid8",
        "cid",
        "tid",
        "jsonpath",
    ]
)


def _moment(written: Written) -> tuple[str, Type] | None:
    base = {"timestamptz": "timestamp", "timetz": "time"}.get(written.base, written.base)
    if base not in ("time", "timestamp"):
        return None
    zoned = written.base != base or "with time" in written.suffix
    word, kind = _MOMENTS[base, zoned]
    digits = written.integers
    name = f"{word}{f'({digits[0]})' if digits else ''} {'with' if zoned else 'without'} time zone"
    return name, Type(kind, size=digits[0] if digits else 6)


def _element(written: Written) -> tuple[str, Type] | None:
    """The type without its array."""
    if written.quoted and written.base == "char":
        return '"char"', Type(Kind.TEXT, size=4)
    if written.schema and written.schema != "pg_catalog":
        return None
    if (moment := _moment(written)) is not None:
        return moment
    if written.base == "interval":
        digits = written.integers
        fields = written.suffix.replace("[]", "").strip()
        name = " ".join(["interval", *([fields] if fields else [])]) + (f"({digits[0]})" if digits else "")
        return name, Type(Kind.INTERVAL, size=digits[0] if digits else 6)
    if written.base == "float":
        single = bool(written.integers) and written.integers[0] <= 24
        return ("real", Type(Kind.FLOAT, size=32)) if single else ("double precision", Type(Kind.FLOAT, size=64))
    entry = _BY_NAME.get(written.base)
    if entry is None:
        return (written.base, Type(Kind.OTHER)) if written.base in _BUILT_IN else None
    integers = written.integers if entry.argument else ()
    size = integers[0] if integers else entry.size
    if written.base == "bpchar" and not integers:
        return "bpchar", Type(entry.kind, fixed=True)
    scale = integers[1] if len(integers) > 1 else 0
    name = entry.name
    if entry.kind is Kind.DECIMAL and integers:
        name = f"numeric({size},{scale})"
    elif entry.argument and size:
        name = f"{entry.name}({size})"
    return name, Type(entry.kind, size=size, scale=scale, fixed=entry.fixed, unsigned=entry.unsigned)


def text(written: Written) -> str:
    found = _element(written)
    arrays = "[]" if "[]" in written.suffix else ""
    if found:
        return found[0] + arrays
    name = f'"{written.base}"' if written.quoted and not written.base.islower() else written.base
    arguments = f"({','.join(written.arguments).lower()})" if written.arguments else ""
    return (f"{written.schema}.{name}" if written.schema else name) + arguments + arrays


def described(written: Written) -> Type | None:
    found = _element(written)
    if found is None:
        return None
    if "[]" in written.suffix:
        return Type(Kind.OTHER, name=text(written))
    name, type_ = found
    return Type(type_.kind, name, type_.size, type_.scale, type_.unsigned, type_.fixed, type_.labels)
