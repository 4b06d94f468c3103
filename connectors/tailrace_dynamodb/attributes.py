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
the key's order, with ``|`` between them; a ``\\`` or ``|`` in one of them has a ``\\`` before it. A key design
(`tailrace_dynamodb.keys`) may choose otherwise; its texts are made in the same way, behind their prefix. Items of a
table that several tables of the source share say in `_tailrace_entity` which they are of.

Besides the columns an item has `_tailrace_seq`, the fence: the sequence of the event that wrote it, and
`_tailrace_stream`, which stream that was: sequences of different streams say nothing about each other. An item with
`_tailrace_deleted` is a deleted row: it keeps an older write from bringing the row back, and DynamoDB's own expiry
(TTL) removes it after `_tailrace_expires`, in seconds since 1970.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tailrace.errors import StuckError, ValueRefusedError
from tailrace.schema import Column
from tailrace.sink import TargetTable
from tailrace_dynamodb.codecs import UnfitError, codec
from tailrace_dynamodb.key_form import DELETED, ENTITY, JOINED_KEY, KeyForm, Part
from tailrace_dynamodb.keys import TableDesign

FENCE = "_tailrace_seq"
STREAM = "_tailrace_stream"
EXPIRES = "_tailrace_expires"
_RESERVED = (FENCE, STREAM, DELETED, EXPIRES, ENTITY)

#: One attribute as the protocol has it: ``{"S": "text"}``.
Attribute = dict[str, Any]
Item = dict[str, Attribute]

_ITEM_BYTES = 400 << 10


class ItemForm:
    """The items of one version of a table.

    Attributes:
        key: the key attributes with their types, partition key first.
        key_columns: those that it is made of.
        indexes: the secondary indexes of the key design.
        mark: what every item has besides, because others share the table.

    Args:
        design: None: the key is the stream's.
        path: of the design's file, for messages.

    Raises:
        StuckError: DynamoDB cannot hold such a table, or not by this design.
    """

    def __init__(self, table: TargetTable, design: TableDesign | None = None, path: str = "") -> None:
        self.table = table
        self._where = f"table {table.source}"
        if table.keyless:
            raise StuckError(
                "DynamoDB needs a key, and the table has none",
                where=self._where,
                fix="give it a primary key, or a `key` in [[tables]], or leave it out of this sink with `tables`",
            )
        for column in table.columns:
            if column.name in (*_RESERVED, JOINED_KEY):
                raise StuckError(
                    f"the column {column.name} has a name that tailrace uses itself",
                    where=self._where,
                    fix="rename the column at the source, or leave the table out of this sink with `tables`",
                )
        keys = KeyForm(table, design, path)
        for part in (*keys.parts, *keys.made):
            if not part.own and part.name in _RESERVED:
                raise StuckError(f"{part.name} is a name that tailrace uses itself", where=path, fix="choose another")
        self._parts, self._made, self._watched = keys.parts, keys.made, keys.watched
        own = {part.name for part in keys.parts if part.own}
        self._codecs = {column.name: codec(column.type, column.name in own) for column in table.columns}
        self.key = tuple((part.name, part.type) for part in keys.parts)
        self._own = frozenset(own)
        self.key_columns = frozenset(name for part in keys.parts for name in part.columns)
        self.indexes = keys.indexes
        self.mark: Item = {ENTITY: {"S": keys.entity}} if keys.entity else {}

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
        attribute = {found.type: encoded}
        if self._watched and name in self._watched:
            self._checked(name, attribute, self._watched[name])
        return attribute

    def attribute_type(self, name: str) -> str:
        return self._codecs[name].type

    def key_of(self, values: dict[str, Any]) -> Item:
        """The key attributes of a row."""
        key: Item = {}
        for part in self._parts:
            for name in part.columns:
                if values.get(name) is None:
                    raise self.refused(name, "NULL in the key")
            found = self.attribute(part.name, values[part.name]) if part.own else {"S": self._text(part, values)}
            key[part.name] = self._checked(part.name, found, part.limit)
        return key

    def item(self, values: dict[str, Any]) -> Item:
        """A whole row without its fence; a NULL leaves no attribute."""
        attributes = {
            name: self.attribute(name, value)
            for name, value in values.items()
            if value is not None and name not in self._own
        }
        return {**self.key_of(values), **attributes, **self.mark, **self.made(values)}

    def made(self, values: dict[str, Any]) -> Item:
        """The texts by which indexes find a row: one with a NULL in it is none, and the row not in the index."""
        return {
            part.name: self._checked(part.name, {"S": self._text(part, values)}, part.limit)
            for part in self._made
            if all(values.get(name) is not None for name in part.columns)
        }

    def made_from(self, names: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
        """Those texts which hold one of these columns, with all of their columns."""
        changed = frozenset(names)
        return [(part.name, part.columns) for part in self._made if not changed.isdisjoint(part.columns)]

    def _text(self, part: Part, values: dict[str, Any]) -> str:
        try:
            return part.text(values)
        except UnfitError as error:
            raise self.refused(part.name, str(error)) from None

    def _checked(self, name: str, attribute: Attribute, limit: int) -> Attribute:
        ((kind, value),) = attribute.items()
        if kind != "N":
            size = len(value.encode() if kind == "S" else value)
            if not size:
                raise self.refused(name, "an empty value, which DynamoDB takes in no key")
            if size > limit:
                raise self.refused(name, f"a key of {size} bytes, and DynamoDB takes {limit}")
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
        row = {name: self._value(name, item.get(name)) for name in self._codecs}
        for part in self.texts:
            # Of an attribute that says something else than the columns nobody finds the row by them.
            if item.get(part.name) != self._expected(part, row):
                row[(part.columns or self._parts[0].columns)[0]] = repr(item.get(part.name))
        return row

    def _value(self, name: str, attribute: Attribute | None) -> Any:
        if attribute is None:
            return None
        found = self._codecs[name]
        # Another program wrote what is of another type; it equals no row of the source.
        return found.decode(attribute[found.type]) if found.type in attribute else repr(attribute)

    def _expected(self, part: Part, row: dict[str, Any]) -> Attribute | None:
        if any(row[name] is None for name in part.columns):
            return None
        try:
            return {"S": part.text(row)}
        except (UnfitError, ValueError):
            return None

    def read(self, item: Item, names: Iterable[str]) -> dict[str, Any]:
        """Some columns of an item."""
        return {name: self._value(name, item.get(name)) for name in names}

    def retyped(self, older: ItemForm) -> list[str]:
        """Live columns whose attributes have another type than in an older version of the table."""
        before = {column.id: older._codecs[column.name].type for column in older.table.columns}
        return [
            column.name
            for column in self.table.columns
            if before.get(column.id, self._codecs[column.name].type) != self._codecs[column.name].type
        ]

    def contradicts(self, other: ItemForm) -> str | None:
        """A column whose values DynamoDB would refuse, because an index of the other form has that attribute as a key.

        In a table that both share, the type of such an attribute holds for all items, and none may be empty.
        """
        keys = {name: type_ for index in other.indexes for name, type_ in index.key}
        for name, found in self._codecs.items():
            if name not in keys or (name in self._watched and found.type == keys[name]):
                continue
            if found.type != keys[name] or (found.type != "N" and name not in self._own):
                return name
        return None

    @property
    def texts(self) -> tuple[Part, ...]:
        """Key attributes, of the table and of its indexes, that are no column's own."""
        return tuple(part for part in (*self._parts, *self._made) if not part.own)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The table's key attributes."""
        return self._parts

    @property
    def in_texts(self) -> frozenset[str]:
        """Columns that stand in the text of a key attribute, to the letter."""
        return frozenset(name for part in self.texts for name in part.columns)


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
