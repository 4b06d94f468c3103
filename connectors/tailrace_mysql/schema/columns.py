"""One column of SHOW CREATE TABLE."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tailrace.conversion.catalog import Check, Column, Counter, Dialect, Identity
from tailrace.schema import Kind, Type
from tailrace_mysql.schema.words import Text, quoted, stripped, unquoted
from tailrace_mysql.types import UnsupportedTypeError, column_type, parse

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.YEAR, Kind.BOOLEAN)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_NOW = re.compile(r"(?:current_timestamp|now|localtime|localtimestamp)(?:\((\d*)\))?", re.IGNORECASE)
_INTRODUCED = re.compile(r"_utf8mb[34]('.*')", re.DOTALL)
_BARE = re.compile(r"NULL|TRUE|FALSE|0x[0-9a-f]+|0b[01]+", re.IGNORECASE)
_PREFIX = re.compile(r"_[a-z0-9]+|[bxn]", re.IGNORECASE)
#: Words with which the next attribute begins.
_ATTRIBUTES = (
    ("ON", "UPDATE"),
    ("AUTO_INCREMENT",),
    ("COMMENT",),
    ("CHECK",),
    ("INVISIBLE",),
    ("NOT", "NULL"),
    ("NULL",),
    ("DEFAULT",),
    ("CHARACTER", "SET"),
    ("COLLATE",),
    ("GENERATED",),
    ("SRID",),
    ("COLUMN_FORMAT",),
    ("STORAGE",),
    ("WITHOUT",),
    ("WITH",),
    ("ENGINE_ATTRIBUTE",),
    ("SECONDARY_ENGINE_ATTRIBUTE",),
)


@dataclass(frozen=True, slots=True)
class Read:
    """
    Attributes:
        check: MariaDB's, of the column itself; it has the column's name.
        extra: attributes that `Column` has no place for, as written.
    """

    column: Column
    check: Check | None
    extra: str


def read_column(text: Text, charset: str, collation: str, mariadb: bool) -> Read:
    """
    Args:
        charset, collation: as ``information_schema`` has them.
    """
    name = text.take().name
    sql_type = _type(text)
    nullable, invisible, counted, stored = True, False, False, True
    default = on_update = generated = comment = ""
    check: Check | None = None
    extras: list[str] = []
    while not text.done:
        if text.accept("CHARACTER", "SET") or text.accept("COLLATE"):
            text.take()
        elif text.accept("NOT", "NULL"):
            nullable = False
        elif text.accept("NULL"):
            pass
        elif text.accept("GENERATED", "ALWAYS", "AS"):
            if text.sees("("):
                generated = stripped(text.group().raw())
                stored = not text.accept("VIRTUAL")
                if stored and not text.accept("STORED"):
                    text.expect("PERSISTENT")
            else:
                text.expect("ROW")
                generated = f"ROW {text.take().upper}"
        elif text.accept("INVISIBLE"):
            invisible = True
        elif text.accept("AUTO_INCREMENT"):
            counted = True
        elif text.accept("COMMENT"):
            comment = text.string()
        elif text.accept("DEFAULT"):
            default = _value(text)
        elif text.accept("ON", "UPDATE"):
            on_update = _moment(_value(text))
        elif text.accept("CHECK"):
            check = Check(name, stripped(text.group().raw()))
        elif text.accept("SRID"):
            sql_type += f" srid {text.number()}"
        else:
            extras.append(_value(text))
    type_ = portable(sql_type, charset)
    column = Column(
        name,
        type_,
        sql_type,
        nullable,
        "" if generated else settled(default, type_, mariadb),
        on_update,
        generated,
        stored,
        Identity(Counter(next=1)) if counted else None,
        charset,
        collation,
        comment,
        invisible,
    )
    return Read(column, check, " ".join(extras))


def portable(sql_type: str, charset: str) -> Type:
    """The type as the stream has it."""
    bare = re.sub(r" (?:srid|ref_system_id=)\s*\d+", "", sql_type)
    try:
        return column_type(parse(bare, charset)).type
    except (UnsupportedTypeError, ValueError):
        return Type(Kind.OTHER, sql_type)


def settled(default: str, type_: Type, mariadb: bool) -> str:
    """One form for a default that may be written in several: what is in the catalog, and what `ddl` takes.

    NULL is none; a number in quotes stands without them; CURRENT_TIMESTAMP is called so; an expression has no
    parentheses around it; text of the connection's own character set says nothing of that, and is written in one way;
    bytes that are no text are hexadecimal.
    """
    default = stripped(default)
    if default.upper() == "NULL":
        return ""
    if type_.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
        default = _moment(default)
    if introduced := _INTRODUCED.fullmatch(default):
        text = Text(introduced[1])
        default = introduced[1] if len(text.words) == 1 else default
    if type_.kind in _NUMBERS and default.startswith("'") and len(Text(default).words) == 1:
        bare = unquoted(default)
        return bare if _NUMBER.fullmatch(bare) else default
    if default.startswith("'") and len(Text(default).words) == 1:
        text_ = unquoted(default)
        return quoted(text_) if _printable(text_, type_) else _hexadecimal(text_)
    return default


def _hexadecimal(text: str) -> str:
    return f"0x{text.encode('utf-8', 'surrogateescape').hex().upper()}"


def _printable(text: str, type_: Type) -> bool:
    """Whether it is a text; of bytes, whether it is one of ASCII."""
    if type_.kind is Kind.BYTES:
        return text.isascii() and text.isprintable()
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def split_type(sql_type: str) -> tuple[str, str, str]:
    """A type as CREATE TABLE has it: its words in lower case, its character set and its collation."""
    text = Text(sql_type)
    charset = collation = ""
    kept: list[str] = []
    end = 0
    while not text.done:
        start = text.word.start
        if text.accept("CHARACTER", "SET") or text.accept("CHARSET"):
            charset = text.take().name
        elif text.accept("COLLATE"):
            collation = text.take().name
        else:
            word = text.take()
            kept.append(" " if start > end and kept and word.upper != "(" else "")
            kept.append(word.text.lower() if word.kind == "word" else word.text)
        end = text.words[text.at - 1].end
    return "".join(kept), charset, collation


def _moment(expression: str) -> str:
    match = _NOW.fullmatch(expression)
    if match is None or expression.lower().startswith("now"):
        return expression
    return f"CURRENT_TIMESTAMP({match[1]})" if match[1] and int(match[1]) else "CURRENT_TIMESTAMP"


def _type(text: Text) -> str:
    """``varchar(20)``, ``int unsigned zerofill``, ``text compressed``."""
    start = text.at
    text.take()
    if text.accept("PRECISION") or text.accept("VARYING"):
        pass
    if text.sees("("):
        text.group()
    written = text.raw(start, text.at)
    while not text.done:
        if text.word.upper in ("UNSIGNED", "ZEROFILL", "COMPRESSED", "SIGNED"):
            written += f" {text.take().text.lower()}"
        elif text.accept("REF_SYSTEM_ID", "="):
            written += f" ref_system_id={text.number()}"
        else:
            break
    return written


def _value(text: Text) -> str:
    """As written, up to the next attribute."""
    start, depth = text.at, 0
    while not text.done:
        if text.at > start and not depth and any(text.sees(*words) for words in _ATTRIBUTES):
            break
        sign = text.take().upper
        depth += (sign == "(") - (sign == ")")
    return text.raw(start, text.at)


def dialect_of(mariadb: bool) -> Dialect:
    return Dialect.MARIADB if mariadb else Dialect.MYSQL


def is_literal(expression: str) -> bool:
    """A number, a string, a string in a character set of its own, bits, bytes; NULL, TRUE, FALSE."""
    found = Text(expression).words
    if found and found[0].upper in ("-", "+"):
        return len(found) == 2 and found[1].kind == "number"
    if len(found) == 1:
        word = found[0]
        return word.kind in ("number", "string") or _BARE.fullmatch(word.text) is not None
    one, two = found if len(found) == 2 else (None, None)
    return one is not None and two is not None and two.kind == "string" and _PREFIX.fullmatch(one.text) is not None
