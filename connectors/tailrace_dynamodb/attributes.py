"""How rows lie in DynamoDB items.

==========================================  =========  ==============================================================
column                                      attribute  form
==========================================  =========  ==============================================================
boolean                                     BOOL       in a key S, ``true`` or ``false``
integer, year                               N
decimal(p, s) of at most 38 digits          N          read back with the column's scale; NaN is refused
decimal, larger or unbounded                S          the digits: DynamoDB's numbers have 38 and drop trailing zeros
float                                       S          shortest digits that read back the same; NaN, Infinity. As N most
                                                       would fit, but not beyond 9.99E+125 or 1E-130, nor -0.0: one
                                                       column has one type
text                                        S          empty only outside the key
bytes                                       B          empty only outside the key
date, time, timestamp, json, uuid, enum, …  S          as in the event
NULL                                        (none)
==========================================  =========  ==============================================================

A key of one column is the partition key, of two the partition and the sort key, under the columns' own names. A longer
key is joined into one string, `_tailrace_key`, and its columns are ordinary attributes besides: the columns' forms in
the key's order, with ``|`` between them; a ``\\`` or ``|`` in one of them has a ``\\`` before it.

Besides the columns an item has `_tailrace_seq`, the fence: the sequence of the event that wrote it, and
`_tailrace_stream`, which stream that was: sequences of different streams say nothing about each other. An item with
`_tailrace_deleted` is a deleted row: it keeps an older write from bringing the row back, and DynamoDB's own expiry
(TTL) removes it after `_tailrace_expires`, in seconds since 1970.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from tailrace.errors import StuckError, ValueRefusedError
from tailrace.schema import Column, Kind, Type
from tailrace.sink import TargetTable

FENCE = "_tailrace_seq"
STREAM = "_tailrace_stream"
DELETED = "_tailrace_deleted"
EXPIRES = "_tailrace_expires"
JOINED_KEY = "_tailrace_key"
_RESERVED = (FENCE, STREAM, DELETED, EXPIRES, JOINED_KEY)

#: One attribute as the protocol has it: ``{"S": "text"}``.
Attribute = dict[str, Any]
Item = dict[str, Attribute]

_PARTITION_BYTES, _SORT_BYTES, _ITEM_BYTES = 2048, 1024, 400 << 10
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


class ItemForm:
    """The items of one version of a table.

    Attributes:
        key: the key attributes with their types, partition key first.

    Raises:
        StuckError: DynamoDB cannot hold such a table.
    """

    def __init__(self, table: TargetTable) -> None:
        self.table = table
        self._where = f"table {table.source}"
        if table.keyless:
            raise StuckError(
                "DynamoDB needs a key, and the table has none",
                where=self._where,
                fix="give it a primary key, or a `key` in [[tables]], or leave it out of this sink with `tables`",
            )
        for column in table.columns:
            if column.name in _RESERVED:
                raise StuckError(
                    f"the column {column.name} has a name that tailrace uses itself",
                    where=self._where,
                    fix="rename the column at the source, or leave the table out of this sink with `tables`",
                )
        self._joined = len(table.key) > 2
        keys = () if self._joined else table.key
        self._key_names = tuple(column.name for column in table.key)
        self._codecs = {column.name: codec(column.type, column in keys) for column in table.columns}
        self.key = (
            ((JOINED_KEY, "S"),)
            if self._joined
            else tuple((column.name, self._codecs[column.name].type) for column in keys)
        )
        self._limits = dict(zip((name for name, _ in self.key), (_PARTITION_BYTES, _SORT_BYTES), strict=False))

    # ---- there

    def attribute(self, name: str, value: Any) -> Attribute:
        """A value that is not NULL.

        Raises:
            ValueRefusedError.
        """
        found = self._codecs[name]
        try:
            encoded = found.encode(value)
        except UnfitError as error:
            raise self.refused(name, str(error)) from None
        except (TypeError, ValueError, AttributeError, KeyError):
            raise self.refused(name, "no value of the column's type") from None
        # A request of more than 16 MB the service does not even answer.
        if isinstance(encoded, (str, bytes)) and len(encoded) > _ITEM_BYTES:
            raise self.refused(name, f"a value of {len(encoded):,} bytes, and DynamoDB takes 400 KB a row")
        return {found.type: encoded}

    def attribute_type(self, name: str) -> str:
        return self._codecs[name].type

    def key_of(self, values: dict[str, Any]) -> Item:
        """The key attributes of a row."""
        for name in self._key_names:
            if values.get(name) is None:
                raise self.refused(name, "NULL in the key")
        if self._joined:
            text = "|".join(_key_part(values[name]) for name in self._key_names)
            return {JOINED_KEY: self._checked(JOINED_KEY, {"S": text})}
        return {name: self._checked(name, self.attribute(name, values[name])) for name in self._key_names}

    def item(self, values: dict[str, Any]) -> Item:
        """A whole row without its fence; a NULL leaves no attribute."""
        attributes = {
            name: self.attribute(name, value)
            for name, value in values.items()
            if value is not None and name not in self._limits
        }
        return {**self.key_of(values), **attributes}

    def _checked(self, name: str, attribute: Attribute) -> Attribute:
        ((kind, value),) = attribute.items()
        if kind != "N":
            size = len(value.encode() if kind == "S" else value)
            if not size:
                raise self.refused(name, "an empty value, which DynamoDB takes in no key")
            if size > self._limits[name]:
                raise self.refused(name, f"a key of {size} bytes, and DynamoDB takes {self._limits[name]}")
        return attribute

    def refused(self, name: str, what: str) -> ValueRefusedError:
        return ValueRefusedError(
            f"the event holds {what}",
            where=f"{self._where}, column {name}",
            fix="change the value at the source, or leave the table out of this sink",
        )

    # ---- and back

    def values(self, item: Item) -> dict[str, Any]:
        """The row in its JSON forms."""
        row: dict[str, Any] = {}
        for name, found in self._codecs.items():
            attribute = item.get(name)
            if attribute is None:
                row[name] = None
            elif found.type in attribute:
                row[name] = found.decode(attribute[found.type])
            else:
                row[name] = repr(attribute)  # another program wrote it; it equals no row of the source
        return row

    def retyped(self, older: ItemForm) -> list[str]:
        """Live columns whose attributes have another type than in an older version of the table."""
        before = {column.id: older._codecs[column.name].type for column in older.table.columns}
        return [
            column.name
            for column in self.table.columns
            if before.get(column.id, self._codecs[column.name].type) != self._codecs[column.name].type
        ]


def _key_part(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text.replace("\\", "\\\\").replace("|", "\\|")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a write leaves on an item: its place in its stream.

    Attributes:
        stream: short digest of the stream's identity.
        seq: `tailrace_seq`.
    """

    stream: str
    seq: str

    def attributes(self) -> Item:
        return {FENCE: {"S": self.seq}, STREAM: {"S": self.stream}}

    def is_newer(self, item: Item) -> bool:
        """Whether the item was written earlier in this stream, by another stream, or by another program."""
        if FENCE not in item or item.get(STREAM) != {"S": self.stream}:
            return True
        return bool(item[FENCE]["S"] < self.seq)


def stream_digest(stream_id: str) -> str:
    return hashlib.sha256(stream_id.encode()).hexdigest()[:12]


def identity(item: Item, form: ItemForm) -> Item:
    """Only the key attributes of an item."""
    return {name: item[name] for name, _ in form.key}


def added(table: TargetTable, previous: TargetTable) -> tuple[Column, ...]:
    """Columns of the newer version that rows written before have no attribute for."""
    before = {column.id for column in previous.columns}
    return tuple(column for column in table.columns if column.id not in before and column.initial is not None)
