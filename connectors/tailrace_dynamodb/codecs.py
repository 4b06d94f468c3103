"""What attribute a column becomes, and its value there and back; the table is in `tailrace_dynamodb.attributes`."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from tailrace.schema import Kind, Type

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DIGITS, _LARGEST_EXPONENT, _SMALLEST_EXPONENT = 38, 125, 128


class UnfitError(ValueError):
    """A value that an attribute cannot hold exactly; the message says why, without the value."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One column's attribute: its type ("S", "N", "B", "BOOL"), and the functions there and back."""

    type: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UnfitError("no text")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UnfitError("a boolean that is neither true nor false")
    return value


def _integer(value: Any) -> str:
    return str(int(value))


def _number_text(value: Any) -> str:
    """The digits of a float, or its name."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _number_back(text: str) -> Any:
    return text if text[-1] in "Ny" else orjson.loads(text)  # NaN, Infinity


def _decimal(value: Any) -> str:
    if not _NUMBER.fullmatch(value):
        raise UnfitError("NaN or infinity, which DynamoDB's numbers do not have")
    if len(value.lstrip("-0.").replace(".", "")) > _DIGITS:
        raise UnfitError("more than 38 digits")
    return str(value)


def _decimal_back(scale: int) -> Callable[[str], str]:
    """DynamoDB drops the zeros at the end; the column's scale tells how many there were."""

    def decode(text: str) -> str:
        whole, _, fraction = format(Decimal(text), "f").partition(".")
        fraction = fraction.rstrip("0").ljust(scale, "0")
        return f"{whole}.{fraction}" if fraction else whole

    return decode


def _bytes_back(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


_TEXT = Codec("S", _text, _same)
_INTEGER = Codec("N", _integer, int)
_BYTES = Codec("B", lambda value: base64.b64decode(value, validate=True), _bytes_back)
_FLOAT = Codec("S", _number_text, _number_back)
_BOOLEAN = Codec("BOOL", _boolean, _same)
_BOOLEAN_KEY = Codec("S", lambda value: "true" if _boolean(value) else "false", lambda text: text == "true")


def codec(type_: Type, in_key: bool = False) -> Codec:
    """The attribute of a column; `in_key`: it is the table's partition or sort key."""
    match type_.kind:
        case Kind.BOOLEAN:
            return _BOOLEAN_KEY if in_key else _BOOLEAN
        case Kind.INTEGER | Kind.YEAR:
            return _INTEGER
        case Kind.DECIMAL if _fits(type_):
            return Codec("N", _decimal, _decimal_back(max(type_.scale, 0)))
        case Kind.FLOAT:
            return _FLOAT
        case Kind.BYTES:
            return _BYTES
        case _:
            return _TEXT


def _fits(type_: Type) -> bool:
    """Whether DynamoDB's numbers hold every decimal of the type."""
    whole = type_.size - type_.scale
    return 0 < type_.size <= _DIGITS and whole <= _LARGEST_EXPONENT and type_.scale <= _SMALLEST_EXPONENT
