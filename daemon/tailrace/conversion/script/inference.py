"""The type of a computed column whose statement does not say it: SQL Server's and Oracle's.

Transact-SQL reference, "Precision, scale, and length" and "Data type precedence". What follows surely is told, the rest
is not known.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from tailrace.conversion.catalog import Column, Dialect
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader, Script, lex
from tailrace.conversion.script.types import described
from tailrace.conversion.script.written import read_type
from tailrace.schema import Kind, Type

_MAX_PRECISION = 38
_INTEGER = Type(Kind.INTEGER, "int", 32)
_ORACLE_NUMBER = Type(Kind.DECIMAL, "NUMBER")
#: Functions that give a whole number, whatever goes in.
_COUNTING = (exp.Year, exp.Month, exp.Day, exp.Length, exp.DateDiff, exp.Extract, exp.StrPosition)


def inferred(expression: str, columns: Sequence[Column], dialect: Dialect) -> Type | None:
    """The type, with a name of the dialect's; None: it is not sure."""
    try:
        tree = sqlglot.parse_one(expression, dialect=str(dialect))
    except sqlglot.errors.SqlglotError:
        return None
    by_name = {column.name.lower(): column.type for column in columns if column.sql_type}
    return _type(tree, by_name, dialect)


def named(text: str, dialect: Dialect) -> Type | None:
    """A type by its text."""
    script = Script(text, dialect)
    try:
        return described(read_type(Reader(script, list(lex(script, 0, len(text))))), dialect)
    except (NotUnderstoodError, ValueError):
        return None


def _type(tree: exp.Expr, columns: dict[str, Type], dialect: Dialect) -> Type | None:
    if isinstance(tree, exp.Paren | exp.Neg):
        return _type(tree.this, columns, dialect)
    if isinstance(tree, exp.Column):
        return columns.get(tree.name.lower())
    if isinstance(tree, exp.National):
        return Type(Kind.TEXT, f"nvarchar({max(len(tree.name), 1)})", max(len(tree.name), 1))
    if isinstance(tree, exp.DateAdd | exp.TsOrDsAdd) and dialect is Dialect.TSQL:
        # DATEADD of a string gives a datetime; of anything else what went in.
        given = tree.this.this if isinstance(tree.this, exp.Cast | exp.TsOrDsToDate) else tree.this
        found = _type(given, columns, dialect)
        return found if found and found.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ) else None
    if isinstance(tree, exp.Literal):
        return _literal(tree, dialect)
    if isinstance(tree, exp.Cast):
        return named(tree.to.sql(dialect=str(dialect)), dialect)
    if isinstance(tree, exp.Convert) and isinstance(tree.this, exp.DataType):
        return named(tree.this.sql(dialect=str(dialect)), dialect)
    if isinstance(tree, exp.Coalesce):
        first = _type(tree.this, columns, dialect)
        if tree.args.get("is_null") and first and all(_fits(one, first) for one in tree.expressions):
            return first
        # ISNULL has the type of its first argument, COALESCE the strongest of all.
        others = [_type(one, columns, dialect) for one in tree.expressions]
        return first if first and all(one is None or one.kind == first.kind for one in others) else None
    if isinstance(tree, exp.Upper | exp.Lower | exp.Trim):
        return _type(tree.this, columns, dialect)
    if isinstance(tree, _COUNTING):
        return _INTEGER if dialect is Dialect.TSQL else _ORACLE_NUMBER
    if isinstance(tree, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Mod | exp.DPipe):
        left, right = _type(tree.left, columns, dialect), _type(tree.right, columns, dialect)
        if left is None or right is None:
            return None
        return _combined(tree, left, right, dialect)
    if isinstance(tree, exp.Case):
        results = [_type(one.args["true"], columns, dialect) for one in tree.args.get("ifs", [])]
        if tree.args.get("default") is not None:
            results.append(_type(tree.args["default"], columns, dialect))
        return results[0] if results and all(one == results[0] for one in results) else None
    return None


def _fits(tree: exp.Expr, wanted: Type) -> bool:
    """A literal that a number of this type can be without losing a digit."""
    if not isinstance(tree, exp.Literal) or tree.is_string:
        return False
    whole, _, fraction = tree.name.partition(".")
    if not (whole + fraction).isdigit():
        return False
    scale = wanted.scale if wanted.kind is Kind.DECIMAL else 0
    return wanted.kind in (Kind.DECIMAL, Kind.INTEGER) and len(fraction.rstrip("0")) <= scale and len(whole) < 3


def _literal(tree: exp.Literal, dialect: Dialect) -> Type | None:
    text = tree.name
    if tree.is_string:
        name = f"varchar({max(len(text), 1)})" if dialect is Dialect.TSQL else f"VARCHAR2({max(len(text), 1)})"
        return Type(Kind.TEXT, name, max(len(text), 1))
    if dialect is Dialect.ORACLE:
        return _ORACLE_NUMBER
    if text.isdigit():
        return _INTEGER if int(text) < 1 << 31 else _decimal(len(text), 0)
    whole, point, fraction = text.partition(".")
    if point and (whole + fraction).isdigit():
        return _decimal(len(whole.lstrip("0") + fraction), len(fraction))
    return Type(Kind.FLOAT, "float", 64)


def _decimal(precision: int, scale: int) -> Type:
    return Type(Kind.DECIMAL, f"decimal({precision},{scale})", precision, scale)


_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}


def _combined(tree: exp.Expr, left: Type, right: Type, dialect: Dialect) -> Type | None:
    numbers = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)
    if left.kind is Kind.TEXT and right.kind is Kind.TEXT and isinstance(tree, exp.Add | exp.DPipe):
        size = left.size + right.size if left.size and right.size else 0
        if dialect is Dialect.ORACLE:
            return Type(Kind.TEXT, f"VARCHAR2({min(size, 4000) or 4000})", min(size, 4000))
        wide = "nvarchar" if left.name.startswith("n") or right.name.startswith("n") else "varchar"
        limit = 4000 if wide == "nvarchar" else 8000
        return Type(Kind.TEXT, f"{wide}({size if 0 < size <= limit else 'max'})", size if size <= limit else 0)
    if left.kind not in numbers or right.kind not in numbers:
        return None
    if dialect is Dialect.ORACLE:
        floats = [one for one in (left, right) if one.kind is Kind.FLOAT]
        return floats[0] if floats else _ORACLE_NUMBER
    if Kind.FLOAT in (left.kind, right.kind):
        return Type(Kind.FLOAT, "float", 64)
    if isinstance(tree, exp.Add | exp.Sub | exp.Mul) and (money := _money(tree, left, right)):
        return money
    if left.kind is Kind.INTEGER and right.kind is Kind.INTEGER:
        return max(left, right, key=lambda one: one.size)
    return _precision(tree, *_digits(left), *_digits(right))


def _money(tree: exp.Expr, left: Type, right: Type) -> Type | None:
    """SQL Server's money stays money with whole numbers, and with money where no digit can be lost."""
    pair = (left, right)
    found = [one for one in pair if one.name.lower() in ("money", "smallmoney")]
    if not found or (len(found) == 2 and isinstance(tree, exp.Mul)):
        return None
    if any(one.kind is not Kind.INTEGER and one not in found for one in pair):
        return None
    return max(found, key=lambda one: one.size)


def _digits(type_: Type) -> tuple[int, int]:
    if type_.kind is Kind.INTEGER:
        return _DIGITS[type_.size], 0
    return type_.size, type_.scale


def _precision(tree: exp.Expr, p1: int, s1: int, p2: int, s2: int) -> Type | None:
    if isinstance(tree, exp.Add | exp.Sub):
        scale = max(s1, s2)
        precision = scale + max(p1 - s1, p2 - s2) + 1
    elif isinstance(tree, exp.Mul):
        precision, scale = p1 + p2 + 1, s1 + s2
    elif isinstance(tree, exp.Div):
        # The server cuts the quotient off where a target rounds it.
        return None
    else:
        precision, scale = min(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2)
    # Beyond 38 digits the server takes them from the fraction by rules that a target has not.
    return _decimal(precision, scale) if precision <= _MAX_PRECISION else None
