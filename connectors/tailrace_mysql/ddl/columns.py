"""Column definitions in CREATE TABLE and ALTER TABLE."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace_mysql.ddl.defaults import read_default
from tailrace_mysql.ddl.tokens import Reader
from tailrace_mysql.definition import ColumnDefinition, Default
from tailrace_mysql.system_time import ByTransaction
from tailrace_mysql.types import Declared
from tailrace_mysql.types.declared import UTF8_CHARSETS, parse

_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_TO_BINARY = {
    "char": "binary",
    "varchar": "varbinary",
    "tinytext": "tinyblob",
    "text": "blob",
    "mediumtext": "mediumblob",
    "longtext": "longblob",
}
_VALUED = frozenset({"COLUMN_FORMAT", "STORAGE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "COMMENT", "SRID"})


@dataclass(frozen=True, slots=True)
class ParsedColumn:
    """A column definition and where it goes.

    Attributes:
        primary: PRIMARY KEY stood with the column.
        first: FIRST stood behind it.
        after: the column behind which it goes, "" where not stated.
        silent: it says neither NULL nor a DEFAULT.
        charset: the character set that stood with it, as written; "" where none did.
        versioned: WITH SYSTEM VERSIONING stood with it, which makes its whole table system-versioned.
    """

    column: ColumnDefinition
    primary: bool = False
    first: bool = False
    after: str = ""
    charset: str = ""
    silent: bool = False
    versioned: bool = False


def read_column(reader: Reader, name: str, charset: str, mariadb: bool) -> ParsedColumn:
    """Reads a definition from its type on, to the end of the clause.

    Args:
        charset: of text columns that do not state their own.

    Raises:
        ValueError: something in it is not understood.
    """
    declared, serial = _read_type(reader)
    nullable, primary, generated, numbered = not serial, False, False, serial
    default: Default | None = None
    first, after = False, ""
    stated = ""
    silent = True
    system, versioned = "", False
    while not reader.done:
        if reader.accept("UNSIGNED"):
            declared = replace(declared, unsigned=True)
        elif reader.accept("ZEROFILL"):
            declared = replace(declared, unsigned=True, zerofill=True)
        elif reader.accept("CHARACTER", "SET") or reader.accept("CHARSET"):
            reader.accept("=")
            stated = reader.identifier().lower()
        elif reader.accept("COLLATE"):
            reader.accept("=")
            stated = stated or reader.identifier().lower().partition("_")[0]
        elif reader.accept("ASCII"):
            stated = "latin1"
        elif reader.accept("UNICODE"):
            stated = "ucs2"
        elif reader.accept("BYTE"):
            stated = "binary"
        elif reader.accept("NOT", "NULL"):
            nullable = False
        elif reader.accept("DEFAULT"):
            default = read_default(reader)
            silent = False
        elif reader.accept("ON", "UPDATE"):
            reader.take()
            if reader.token.upper == "(":
                reader.parentheses()
        elif reader.accept("AUTO_INCREMENT"):
            numbered = True
        elif reader.accept("PRIMARY", "KEY") or reader.accept("PRIMARY"):
            primary, nullable = True, False
        elif reader.accept("GENERATED", "ALWAYS", "AS") or reader.accept("AS"):
            if not reader.accept("ROW"):
                reader.parentheses()
            elif declared.base == "bigint":
                raise ByTransaction
            else:
                system, nullable = reader.take().upper.lower(), False
            generated = True
        elif reader.accept("WITH", "SYSTEM", "VERSIONING"):
            versioned = True
        elif reader.accept("WITHOUT", "SYSTEM", "VERSIONING"):
            pass  # a change of it alone makes no history
        elif reader.accept("COMPRESSED"):
            declared = replace(declared, compressed=True)
            if reader.accept("="):
                reader.take()
        elif reader.accept("CHECK"):
            reader.parentheses()
        elif reader.accept("CONSTRAINT"):
            if reader.token.upper != "CHECK":
                reader.identifier()
        elif reader.accept("REFERENCES"):
            _skip_references(reader)
        elif reader.accept("FIRST"):
            first = True
        elif reader.accept("AFTER"):
            after = reader.identifier()
        elif word := reader.accept_any(*_VALUED):
            reader.accept("=")
            reader.take()
            del word
        elif reader.accept("NULL"):
            silent = False
        elif not reader.accept_any(
            *("SIGNED", "BINARY", "UNIQUE", "KEY", "VIRTUAL", "STORED", "PERSISTENT", "VISIBLE", "INVISIBLE"),
            *("ENFORCED",),
        ) and not reader.accept("NOT", "ENFORCED"):
            raise ValueError(f"{reader.token.text!r} in a column definition")
    if mariadb and declared.base == "json":
        declared, stated = Declared("longtext"), "utf8mb4"
    declared = _with_charset(declared, stated, charset)
    column = ColumnDefinition(name, declared, nullable, 0, default, generated, numbered, system=system)
    return ParsedColumn(column, primary, first, after, stated, silent, versioned)


def _read_type(reader: Reader) -> tuple[Declared, bool]:
    word = reader.take()
    if word.kind != "word":
        raise ValueError(f"a type was expected at {word.text!r}")
    base = word.upper
    if base == "SERIAL":
        return Declared("bigint", unsigned=True), True
    if base == "NATIONAL":
        base = reader.take().upper
        charset = " character set utf8mb3"
    else:
        charset = " character set utf8mb3" if base in ("NCHAR", "NVARCHAR") else ""
    if base == "LONG" and reader.token.upper in ("VARCHAR", "VARBINARY"):
        base = "MEDIUMTEXT" if reader.take().upper == "VARCHAR" else "MEDIUMBLOB"
    if reader.accept("PRECISION"):
        base += " PRECISION"
    if reader.accept("VARYING"):
        base = "VARBINARY" if base == "BINARY" else "VARCHAR"
    arguments = ""
    if reader.token.upper == "(":
        inside = reader.parentheses()
        if base in ("TEXT", "BLOB"):
            raise ValueError(f"the length of {base} decides its type")
        parts = [
            "'" + t.text.replace("\\", "\\\\").replace("'", "''") + "'" if t.kind == "string" else t.text
            for t in inside
        ]
        arguments = "(" + "".join(parts) + ")"
    declared = parse(base + arguments + charset)
    return declared, False


def _with_charset(declared: Declared, stated: str, default: str) -> Declared:
    if declared.base not in _TEXTS:
        return declared
    charset = stated or declared.charset or default
    if charset == "binary" and declared.base in _TO_BINARY:
        return replace(declared, base=_TO_BINARY[declared.base], charset="")
    return replace(declared, charset="utf8mb4" if charset in UTF8_CHARSETS else charset)


def _skip_references(reader: Reader) -> None:
    reader.table("")
    if reader.token.upper == "(":
        reader.parentheses()
    while reader.accept_any("MATCH", "ON"):
        reader.accept_any("DELETE", "UPDATE")
        if reader.accept_any("SET", "NO"):
            reader.accept_any("NULL", "DEFAULT", "ACTION")
        else:
            reader.take()


def converted(declared: Declared, charset: str) -> Declared:
    """A text column after CONVERT TO CHARACTER SET."""
    if declared.base not in _TEXTS:
        return declared
    return _with_charset(replace(declared, charset=""), charset, charset)
