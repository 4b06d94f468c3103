"""A column type as a script writes it, cut into its parts."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.conversion.catalog import Dialect
from tailrace.conversion.script.tokens import NotUnderstoodError, Reader

#: Types of several words, longest first; what stands in parentheses may come between them.
_WORDS = (
    ("NATIONAL", "CHARACTER", "VARYING"),
    ("NATIONAL", "CHAR", "VARYING"),
    ("NATIONAL", "CHARACTER"),
    ("NATIONAL", "CHAR"),
    ("NATIONAL", "VARCHAR"),
    ("CHARACTER", "LARGE", "OBJECT"),
    ("CHARACTER", "VARYING"),
    ("CHAR", "VARYING"),
    ("BINARY", "VARYING"),
    ("BINARY", "LARGE", "OBJECT"),
    ("BIT", "VARYING"),
    ("DOUBLE", "PRECISION"),
    ("LONG", "RAW"),
    ("LONG", "VARCHAR"),
    ("LONG", "VARBINARY"),
)
#: What may follow the arguments and still belongs to the type.
_SUFFIXES = (
    ("WITH", "LOCAL", "TIME", "ZONE"),
    ("WITH", "TIME", "ZONE"),
    ("WITHOUT", "TIME", "ZONE"),
)
_MYSQL_SUFFIXES = ("UNSIGNED", "SIGNED", "ZEROFILL")
_INTERVAL_FIELDS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TO")


@dataclass(frozen=True, slots=True)
class Written:
    """
    Attributes:
        base: the type's own name, words in lower case with one blank between them; a quoted name as it is.
        arguments: what stands in parentheses, each as written, in capitals ("10 CHAR", "MAX"); labels unquoted.
        suffix: in lower case ("with time zone", "unsigned", "[]", "day to second").
        schema: that the name has before it, "" none.
        text: all of it as written.
        quoted: the name is.
        charset: MySQL's CHARACTER SET.
    """

    base: str
    arguments: tuple[str, ...] = ()
    suffix: str = ""
    schema: str = ""
    text: str = ""
    quoted: bool = False
    charset: str = ""

    @property
    def integers(self) -> tuple[int, ...]:
        """The numbers among the arguments; ``*`` is left out."""
        return tuple(
            int(one.split()[0]) for one in self.arguments if one.split() and one.split()[0].lstrip("-").isdigit()
        )


def read_type(reader: Reader) -> Written:
    """
    Raises:
        NotUnderstoodError: no type comes next.
    """
    start = reader.at
    base, schema, quoted = _base(reader)
    arguments: tuple[str, ...] = ()
    suffixes: list[str] = []
    if base == "interval" and not quoted:
        return _interval(reader, start)
    if reader.sees("("):
        arguments = _arguments(reader)
    if base in ("timestamp", "time"):
        suffixes += [" ".join(suffix).lower() for suffix in _SUFFIXES if reader.accept(*suffix)]
    charset = ""
    if reader.dialect.mysql_like:
        while word := reader.accept_any(*_MYSQL_SUFFIXES):
            suffixes.append(word.lower())
        if reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
            reader.accept("=")
            charset = reader.name().lower()
        elif reader.accept("BINARY") or reader.accept("ASCII"):
            charset = ""
    if reader.dialect is Dialect.POSTGRESQL:
        suffixes += _arrays(reader)
    if reader.accept("%", "TYPE") or reader.accept("%", "ROWTYPE"):
        suffixes.append(reader.peek(-1).text.lower())
    return Written(base, arguments, " ".join(suffixes), schema, reader.text(start, reader.at), quoted, charset)


def _base(reader: Reader) -> tuple[str, str, bool]:
    token = reader.token
    if token.kind == "word":
        for words in _WORDS:
            if reader.accept(*words):
                return " ".join(words).lower(), "", False
    if token.kind not in ("word", "name"):
        raise NotUnderstoodError(f"a type was expected at {reader.near}")
    reader.take()
    # SQL Server quotes built-in types too: [int], [sys].[sysname].
    plain = reader.dialect is Dialect.TSQL
    parts = [token]
    while reader.accept("."):
        parts.append(reader.take())
    schema = parts[-2].text if len(parts) > 1 else ""
    last = parts[-1]
    if plain and (not schema or schema.lower() == "sys"):
        return last.text.lower(), "", False
    quoted = last.kind == "name"
    if schema.lower() in ("pg_catalog", "sys") and not quoted:
        return last.text.lower(), "", False
    if len(parts) > 1 and reader.dialect is Dialect.ORACLE:
        return (
            (last.text if quoted else last.text.upper()),
            (schema if parts[-2].kind == "name" else schema.upper()),
            quoted,
        )
    return (last.text if quoted else last.text.lower()), schema, quoted


def _arguments(reader: Reader) -> tuple[str, ...]:
    found = []
    for part in reader.parentheses().parts():
        if len(part.tokens) == 1 and part.token.kind == "string":
            found.append(part.token.text)
        else:
            found.append(part.text().upper())
    return tuple(found)


def _interval(reader: Reader, start: int) -> Written:
    """``INTERVAL DAY(2) TO SECOND(6)``: the fraction's digits are the argument, the fields the suffix."""
    fields: list[str] = []
    digits: tuple[str, ...] = ()
    if reader.sees("("):
        digits = _arguments(reader)
    while word := reader.accept_any(*_INTERVAL_FIELDS):
        fields.append(word.lower())
        if reader.sees("("):
            arguments = _arguments(reader)
            digits = arguments if word == "SECOND" else digits
    suffix = " ".join(fields)
    if reader.dialect is Dialect.POSTGRESQL:
        suffix = " ".join([suffix, *_arrays(reader)]).strip()
    return Written("interval", digits, suffix, "", reader.text(start, reader.at))


def _arrays(reader: Reader) -> list[str]:
    found = []
    while reader.sees("[", "]") or (reader.sees("[") and reader.peek(2).upper == "]"):
        reader.at += 2 if reader.sees("[", "]") else 3
        found.append("[]")
    if reader.accept("ARRAY"):
        found.append("[]")
    return found
