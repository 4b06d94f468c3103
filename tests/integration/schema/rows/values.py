"""One value for a column: ordinary ones, and those at the edges of what its type holds."""

from __future__ import annotations

import datetime
import json
import random
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.integration.schema.rows.tables import Column

_WORDS = (
    "alpha", "beta", "Gamma", "DELTA", "straße", "Ångström", "żółć", "漢字", "it's", '"quoted"', "back\\slash",
    "per%cent", "under_score", "a'b;--", "x,", "tab\there", "😀", "ß", "SS", "i", "I", "ı", "é", "e\u0301",
)  # fmt: skip
#: Of integers: how many.
BITS = {
    "tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64, "oid": 31, "year": 0,
}  # fmt: skip
TEXTS = ("char", "varchar", "character", "character varying", "text", "tinytext", "mediumtext", "longtext", "name")
_BYTES = ("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "bytea")


def value(column: Column, dice: random.Random) -> Any:
    """A value that the column's type holds, as both drivers (PyMySQL, psycopg2) send it.

    Raises:
        NotImplementedError: no value of this type is known.
    """
    if column.type.endswith("[]"):
        inner = Column(column.name, column.type[:-2], column.length, column.scale, choices=column.choices)
        return _array([value(inner, dice) for _ in range(dice.randrange(4))])
    base = column.type.removesuffix(" unsigned")
    if column.type == "tinyint(1)" or base == "boolean":
        return dice.random() < 0.5
    if base == "set":
        return ",".join(label for label in column.choices if dice.random() < 0.4)
    if base in BITS:
        return _integer(column, BITS[base], " unsigned" in column.type, dice)
    if base == "enum" or (column.choices and base not in _OTHERS and dice.random() < 0.9):
        return dice.choice(column.choices)
    if base in TEXTS:
        return _text(column, dice)
    if base in _BYTES:
        return dice.randbytes(column.length if base == "binary" else dice.randrange(min(column.length or 60, 60) + 1))
    make = _OTHERS.get(base)
    if make is None:
        raise NotImplementedError(f"no value for {column.name} {column.type}")
    return make(column, dice)


def _integer(column: Column, bits: int, unsigned: bool, dice: random.Random) -> int:
    if bits == 0:
        return dice.randrange(1902, 2155)
    low, high = (0, (1 << bits) - 1) if unsigned else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    numbers = [int(text) for text in column.choices if text.lstrip("-").isdigit()]
    edges = [low, high, 0, 1, *numbers]
    if column.counted:  # the next one that the database gives must still fit
        return dice.randrange(1, 100_000)
    return dice.choice(edges) if dice.random() < 0.25 else dice.randrange(0, min(high, 10_000))


def _text(column: Column, dice: random.Random) -> str:
    words = list(_WORDS)
    if column.charset in ("latin1", "ascii"):
        words = [word for word in words if word.isascii()]
    elif column.charset.startswith("utf8mb3"):
        words = [word for word in words if max(map(ord, word)) < 0x10000]
    text = " ".join(dice.choice(words) for _ in range(dice.randrange(1, 4))) + f" {dice.randrange(10_000)}"
    if dice.random() < 0.1:
        text = dice.choice(["", text.upper(), text * (3 if column.short else 40)])
    return (
        text[: column.length or None].rstrip()
        if column.type in ("char", "character")
        else text[: column.length or None]
    )


def _decimal(column: Column, dice: random.Random) -> Decimal:
    digits = column.length or 20
    whole = dice.choice((1, 2, digits - column.scale))
    number = dice.randrange(10 ** max(min(whole + column.scale, digits), 0))
    return Decimal(number).scaleb(-column.scale) * dice.choice((1, 1, 1, -1))


def _real(column: Column, dice: random.Random) -> float:
    number = dice.choice((0.5, 0.1, -2.25, 1e10, dice.uniform(-1000, 1000)))
    single = column.type in ("float", "real") and column.length <= 24
    return float(f"{struct.unpack('f', struct.pack('f', number))[0]:.6g}") if single else number


def _moment(column: Column, dice: random.Random) -> datetime.datetime:
    moment = datetime.datetime(1971, 1, 1) + datetime.timedelta(seconds=dice.randrange(2_000_000_000))
    digits = column.length if column.length or not column.type.startswith("timestamp with") else 6
    return moment + datetime.timedelta(microseconds=dice.randrange(10**digits) * 10 ** (6 - digits) if digits else 0)


def _zoned(column: Column, dice: random.Random) -> datetime.datetime:
    return _moment(column, dice).replace(tzinfo=datetime.UTC)


def _time(column: Column, dice: random.Random) -> datetime.time:
    return datetime.time(dice.randrange(24), dice.randrange(60), dice.randrange(60))


def _json(column: Column, dice: random.Random) -> str:
    document = {"a": dice.randrange(100), "text": dice.choice(_WORDS), "list": [1, 2.5, None, True], "empty": {}}
    return json.dumps(dice.choice([document, [document], {}, [], "text", 12, None]), ensure_ascii=False)


def _array(values: list[Any]) -> str:
    return "{" + ",".join('"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values) + "}"


def _one_of(*texts: str) -> Callable[[Column, random.Random], Any]:
    return lambda column, dice: dice.choice(texts)


#: Types of PostgreSQL of which a few values do.
_TEXTUAL = {
    "time with time zone": ("10:00:00+02", "23:59:59.5-08", "00:00:00+00"),
    "bit varying": ("", "1", "10110"),
    "cidr": ("10.0.0.0/8", "::1/128"),
    "macaddr": ("08:00:2b:01:02:03",),
    "macaddr8": ("08:00:2b:01:02:03:04:05",),
    "money": ("1.50", "-2.00", "92233720368547758.07"),
    "interval day to second": ("1 day 02:00:00", "-00:00:01"),
    "interval year to month": ("1 year 2 mons", "-3 mons"),
    "tsquery": ("'a' & 'b'",),
    "int8range": ("[1,5)", "empty", "(,)"),
    "numrange": ("[1.5,2.5]", "empty"),
    "daterange": ("[2024-01-01,2024-02-01)", "empty"),
    "tsrange": ('["2024-01-01 00:00:00","2024-01-02 00:00:00")', "empty"),
    "tstzrange": ('["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")', "empty"),
    "int4multirange": ("{[1,3),[5,7)}", "{}"),
    "point": ("(1,2)", "(0.5,-3)"),
    "box": ("(3,4),(1,2)",),
    "circle": ("<(1,2),3>",),
    "path": ("[(1,2),(3,4)]", "((1,2),(3,4))"),
    "polygon": ("((1,2),(3,4),(5,0))",),
    "line": ("{1,2,3}",),
    "lseg": ("[(1,2),(3,4)]",),
    "regclass": ("pg_class", "-"),
    "regproc": ("now", "-"),
    "pg_lsn": ("0/0", "16/B374D848"),
    "xml": ("<a/>", "text"),
    "jsonpath": ('$."a"',),
    "xid": ("5",),
    '"char"': ("a", "", "Z"),
    "bpchar": ("a", "ab  ", ""),
}

_OTHERS: dict[str, Callable[[Column, random.Random], Any]] = {
    "decimal": _decimal,
    "numeric": _decimal,
    "float": _real,
    "double": _real,
    "real": _real,
    "double precision": _real,
    "date": lambda column, dice: _moment(column, dice).date(),
    "datetime": _moment,
    "timestamp": _moment,
    "timestamp without time zone": _moment,
    "timestamp with time zone": _zoned,
    "time": _time,
    "time without time zone": _time,
    "interval": lambda column, dice: f"{dice.randrange(40)} days {dice.randrange(24)}:00:0{dice.randrange(10)}",
    "json": _json,
    "jsonb": _json,
    "bit": lambda column, dice: dice.getrandbits(column.length or 1),
    "uuid": lambda column, dice: str(uuid.UUID(int=dice.getrandbits(128), version=4)),
    **{kind: _one_of(*texts) for kind, texts in _TEXTUAL.items()},
    "inet": lambda column, dice: f"10.{dice.randrange(256)}.0.{dice.randrange(256)}",
    "int4range": lambda column, dice: f"[{(low := dice.randrange(10_000))},{low + dice.randrange(1, 9)})",
    "tsvector": lambda column, dice: f"'word{dice.randrange(9)}':1 'other':2",
}
