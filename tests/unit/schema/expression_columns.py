"""A table with a column of every kind, for translating expressions about it."""

from __future__ import annotations

from tailrace.conversion.catalog import Column, Dialect, ObjectName
from tailrace.conversion.expressions import translate
from tailrace.conversion.names import Names
from tailrace.conversion.rules import Rules, load
from tailrace.conversion.translation import Translation, Use
from tailrace.schema import Kind, Type

TABLE = ObjectName("shop", "t")
NAMES = Names({TABLE: TABLE})
RULES = load()


def column(name: str, kind: Kind, size: int = 0, scale: int = 0, **more: object) -> Column:
    of_type = {key: more.pop(key) for key in ("labels", "fixed", "unsigned") if key in more}
    type_ = Type(kind, str(more.pop("written", "")), size, scale, **of_type)  # type: ignore[arg-type]
    return Column(name, type_, "", **more)  # type: ignore[arg-type]


#: `s` is compared by the rules of a language at MySQL, `b` letter by letter; `j` is never NULL.
COLUMNS = {
    c.name: c
    for c in (
        column("i", Kind.INTEGER, 32),
        column("j", Kind.INTEGER, 32, nullable=False),
        column("u", Kind.INTEGER, 64, unsigned=True),
        column("z", Kind.INTEGER, 32, unsigned=True, written="int(6) unsigned zerofill"),
        column("d", Kind.DECIMAL, 10, 2),
        column("large", Kind.DECIMAL, 30, 2),
        column("wide", Kind.DECIMAL, 30, 30),
        column("f", Kind.FLOAT, 64),
        column("r", Kind.FLOAT, 32),
        column("fd", Kind.FLOAT, 32, written="float(7,2)"),
        column("u4", Kind.INTEGER, 32, unsigned=True),
        column("s", Kind.TEXT, 20, charset="utf8mb4", collation=""),
        column("b", Kind.TEXT, 20, charset="utf8mb4", collation="utf8mb4_0900_bin"),
        column("p", Kind.TEXT, 20, charset="utf8mb4", collation="utf8mb4_bin"),
        column("dt", Kind.DATE),
        column("ts", Kind.TIMESTAMP, 6),
        column("ts0", Kind.TIMESTAMP, 0),
        column("tz", Kind.TIMESTAMPTZ, 6),
        column("e", Kind.ENUM, labels=("new", "paid")),
        column("js", Kind.JSON),
        column("bo", Kind.BOOLEAN),
        column("bi", Kind.BITS, 1, fixed=True),
        column("by", Kind.BYTES, 20),
        column("uu", Kind.UUID),
        column("ch", Kind.TEXT, 5, fixed=True),
        column("tm", Kind.TIME, 0),
        column("select", Kind.INTEGER, 32),
    )
}


def translated(
    sql: str, source: Dialect, target: Dialect, use: Use = Use.QUERY, name: str = "", rules: Rules = RULES
) -> Translation:
    return translate(sql, use, source, target, COLUMNS, NAMES, TABLE, rules, column=name)
