"""Masks: what leaves in place of a value. NULL stays NULL.

===============  ===================================================================================================
``hash``         SHA-256 of the salt and the value's text, in UTF-8, as 64 hexadecimal digits: equal values stay equal
``partial:N``    a text whose last N characters stay, with ``*`` for each one before; of a text that has no more than N
                 characters nothing stays
``digits``       a text with ``0`` for each decimal digit
``null``         NULL
===============  ===================================================================================================

The text of a value is what its event would show, without quotes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from tailrace.schema import Kind, Type
from tailrace.shaping.column_types import Dialect

#: A value's JSON text, never null, to that of what leaves instead.
Alter = Callable[[bytes], bytes]

_PARTIAL = re.compile(r"partial:([0-9]{1,4})")
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Mask:
    """`kind` is "hash", "partial", "digits" or "null"; `shown`: characters that partial leaves."""

    kind: str
    shown: int = 0

    def __str__(self) -> str:
        return f"partial:{self.shown}" if self.kind == "partial" else self.kind


def parse_mask(text: str) -> Mask:
    """Reads a mask as the file writes it.

    Raises:
        ValueError: it is none.
    """
    if text in ("hash", "digits", "null"):
        return Mask(text)
    if found := _PARTIAL.fullmatch(text):
        return Mask("partial", int(found[1]))
    raise ValueError('a mask is "hash", "partial:N", "digits" or "null"')


def masked(mask: Mask, type_: Type, salt: str, dialect: Dialect) -> tuple[Type, Alter]:
    """The masked column's type, and what is done to a value.

    Raises:
        ValueError: the mask does not fit the type; the message is for a person.
    """
    if mask.kind == "null":
        return type_, lambda _: b"null"
    if mask.kind == "hash":
        return dialect.text(_SHA256_DIGITS), _hashed(salt)
    if type_.kind is not Kind.TEXT:
        raise ValueError(f"the mask {mask.kind} takes a text, and the column is {type_.name}; hash and null take any")
    if mask.kind == "digits":
        return type_, _without_digits
    return type_, _partly(mask.shown, type_.fixed)


def text_of(fragment: bytes) -> str:
    """A value's text: a JSON string's content, or a number or boolean as it is printed."""
    if fragment[:1] == b'"':
        text: str = orjson.loads(fragment)
        return text
    return fragment.decode()


def _hashed(salt: str) -> Alter:
    begun = hashlib.sha256(salt.encode())

    def hashed(fragment: bytes) -> bytes:
        digest = begun.copy()
        digest.update(text_of(fragment).encode())
        return b'"' + digest.hexdigest().encode() + b'"'

    return hashed


def _without_digits(fragment: bytes) -> bytes:
    return orjson.dumps("".join("0" if character.isdecimal() else character for character in text_of(fragment)))


def _partly(shown: int, fixed: bool) -> Alter:
    def partly(fragment: bytes) -> bytes:
        text = text_of(fragment)
        # The blanks that CHAR(n) is filled up with are none of its characters.
        content = text.rstrip(" ") if fixed else text
        hidden = len(content) - shown if shown < len(content) else len(content)
        return orjson.dumps("*" * hidden + text[hidden:])

    return partly
