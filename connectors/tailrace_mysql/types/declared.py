"""A column type as MySQL and MariaDB write it: read from text, and written back the same way."""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Character sets whose bytes are UTF-8 already; a type's name does not mention them.
UTF8_CHARSETS = frozenset({"utf8mb4", "utf8mb3", "utf8"})

_HEAD = re.compile(r"\s*([a-z0-9_]+(?: precision| varying)?)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(\d+)\s*")
_CHARSET = re.compile(r"\bcharacter set ([a-z0-9_]+)", re.IGNORECASE)
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a", "_": "\\_", "%": "\\%"}

_SYNONYMS = {
    "integer": "int",
    "int1": "tinyint",
    "int2": "smallint",
    "int3": "mediumint",
    "middleint": "mediumint",
    "int4": "int",
    "int8": "bigint",
    "bool": "tinyint",
    "boolean": "tinyint",
    "dec": "decimal",
    "fixed": "decimal",
    "numeric": "decimal",
    "double precision": "double",
    "real": "double",
    "float4": "float",
    "float8": "double",
    "character": "char",
    "character varying": "varchar",
    "char varying": "varchar",
    "nchar": "char",
    "nvarchar": "varchar",
    "long": "mediumtext",
    "geomcollection": "geometrycollection",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared column type.

    Attributes:
        base: the type's own name in lower case, synonyms resolved (``"int"`` for INTEGER).
        arguments: the numbers in parentheses.
        labels: of ENUM and SET, in order.
        charset: of a text type; "" where not stated (the table's, then).
        compressed: MariaDB's COMPRESSED column attribute.
    """

    base: str
    arguments: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    unsigned: bool = False
    zerofill: bool = False
    charset: str = ""
    compressed: bool = False

    @property
    def name(self) -> str:
        """The type as a person writes it; `parse` reads it back unchanged."""
        text = self.base
        if self.labels:
            text += "(" + ",".join("'" + label.replace("\\", "\\\\").replace("'", "''") + "'" for label in self.labels)
            text += ")"
        elif self.arguments:
            text += "(" + ",".join(map(str, self.arguments)) + ")"
        if self.unsigned:
            text += " unsigned"
        if self.zerofill:
            text += " zerofill"
        if self.charset and self.charset not in UTF8_CHARSETS:
            text += f" character set {self.charset}"
        if self.compressed:
            text += " compressed"
        return text


def parse(text: str, charset: str = "") -> Declared:
    """Reads ``information_schema.COLUMNS.COLUMN_TYPE``, or a `Declared.name`.

    Args:
        charset: the column's character set where the text does not say it.

    Raises:
        ValueError: this is no column type.
    """
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{text!r} is no column type")
    base = head[1].lower()
    is_bool = base in ("bool", "boolean")
    base = _SYNONYMS.get(base, base)
    rest = text[head.end() :]
    arguments: tuple[int, ...] = (1,) if is_bool else ()
    labels: tuple[str, ...] = ()
    if rest.startswith("("):
        if base in ("enum", "set"):
            labels, rest = _labels(rest)
        else:
            arguments, rest = _arguments(rest)
    rest = rest.lower()
    zerofill = "zerofill" in rest
    stated = _CHARSET.search(rest)
    base, arguments = _normalised(base, arguments)
    return Declared(
        base=base,
        arguments=arguments,
        labels=labels,
        unsigned=zerofill or "unsigned" in rest,
        zerofill=zerofill,
        charset=_charset_name(stated[1] if stated else charset),
        compressed="compressed" in rest,
    )


def _charset_name(charset: str) -> str:
    """All of Unicode's eight-bit forms are one here: the bytes are the same."""
    return "utf8mb4" if charset in UTF8_CHARSETS else charset


def _normalised(base: str, arguments: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """One form for what may be written in several: no display widths (but TINYINT(1)), defaults stated."""
    if base in ("tinyint", "smallint", "mediumint", "int", "bigint", "year"):
        return base, arguments if base == "tinyint" and arguments == (1,) else ()
    if base == "decimal":
        return base, (*(arguments or (10,)), 0)[:2]
    if base in ("char", "binary", "bit"):
        return base, arguments or (1,)
    if base in ("datetime", "timestamp", "time"):
        return base, () if arguments == (0,) else arguments
    if base == "float" and len(arguments) == 1:
        return "float" if arguments[0] <= 24 else "double", ()
    return base, arguments


def _arguments(text: str) -> tuple[tuple[int, ...], str]:
    inside, closing, rest = text[1:].partition(")")
    numbers = [_NUMBER.fullmatch(part) for part in inside.split(",")]
    if not closing or not all(numbers):
        raise ValueError(f"{text!r} are no type arguments")
    return tuple(int(number[1]) for number in numbers if number), rest


def _labels(text: str) -> tuple[tuple[str, ...], str]:
    labels: list[str] = []
    position = 1
    while True:
        while text[position : position + 1] in (" ", ","):
            position += 1
        if text[position : position + 1] == ")":
            return tuple(labels), text[position + 1 :]
        if text[position : position + 1] != "'":
            raise ValueError(f"{text!r} are no labels")
        label, position = unquote(text, position)
        labels.append(label)


def unquote(text: str, position: int, escapes: bool = True) -> tuple[str, int]:
    """Reads the quoted string that begins at `position`; returns it and the position after it.

    Args:
        escapes: whether a backslash is no character of its own.
    """
    quote = text[position]
    parts: list[str] = []
    position += 1
    while position < len(text):
        character = text[position]
        if character == "\\" and escapes and position + 1 < len(text):
            escaped = text[position + 1]
            parts.append(_ESCAPES.get(escaped, escaped))
            position += 2
        elif character == quote:
            if text[position + 1 : position + 2] != quote:
                return "".join(parts), position + 1
            parts.append(quote)
            position += 2
        else:
            parts.append(character)
            position += 1
    raise ValueError("a quoted string has no end")
