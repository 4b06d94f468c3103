"""Which attributes of an item are its key and its indexes' keys: a key design, held against the columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tailrace.errors import StuckError
from tailrace.schema import Kind
from tailrace.sink import TargetTable
from tailrace_dynamodb.codecs import UnfitError, codec
from tailrace_dynamodb.keys import IndexDesign, KeyPart, TableDesign

JOINED_KEY = "_tailrace_key"
DELETED, ENTITY = "_tailrace_deleted", "_tailrace_entity"
PARTITION_BYTES, SORT_BYTES = 2048, 1024
_MOST_INDEXES = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One key attribute.

    Attributes:
        type: "S", "N" or "B".
        own: it is the attribute of its one column.
        limit: its greatest length in bytes.
        integers: those of the columns that get zeros in front, up to so many `digits`.
    """

    name: str
    type: str
    columns: tuple[str, ...]
    own: bool
    limit: int
    prefix: str = ""
    digits: int = 0
    integers: frozenset[str] = frozenset()

    def text(self, values: Mapping[str, Any]) -> str:
        """Of an attribute that is no column's own; none of the values is NULL.

        Raises:
            UnfitError: a number does not fit the digits.
        """
        padded = self.integers if self.digits else ()
        parts = [_digits(values[name], self.digits) if name in padded else _text(values[name]) for name in self.columns]
        return "|".join([escaped(self.prefix), *parts] if self.prefix else parts)


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index.

    Attributes:
        key: its key attributes with their types.
        projection: as the protocol has it.
    """

    name: str
    key: tuple[tuple[str, str], ...]
    projection: Mapping[str, Any]


class KeyForm:
    """
    Attributes:
        parts: the table's key, partition key first.
        made: texts that are key attributes of indexes alone.
        watched: columns whose own attributes are keys of indexes, with their greatest lengths in bytes.
        indexes: the secondary indexes.
        entity: what the table's items are called where others share theirs; "" where not.

    Args:
        design: None: the key is the stream's.
        path: of the design's file, for messages.

    Raises:
        StuckError: the design does not fit the table.
    """

    def __init__(self, table: TargetTable, design: TableDesign | None, path: str = "") -> None:
        self._table = table
        self._where = f"{path or 'key'}: table {table.source}"
        self._columns = {column.name: column for column in table.columns}
        self.entity = design.entity if design is not None else ""
        self.indexes: tuple[Index, ...] = ()
        self.made: tuple[Part, ...] = ()
        self.watched: dict[str, int] = {}
        if design is None or design.partition is None:
            self.parts = self._plain()
        else:
            limits = (PARTITION_BYTES, SORT_BYTES)
            self.parts = tuple(
                self._part(name, part, limit, key=True)
                for (name, part), limit in zip(design.parts(), limits, strict=False)
            )
            self._check_key()
        if design is not None:
            self._index(design.indexes)

    # ---- the key

    def _plain(self) -> tuple[Part, ...]:
        key = self._table.key
        if len(key) > 2:
            return (Part(JOINED_KEY, "S", tuple(column.name for column in key), False, PARTITION_BYTES),)
        return tuple(
            Part(column.name, codec(column.type, True).type, (column.name,), True, limit)
            for column, limit in zip(key, (PARTITION_BYTES, SORT_BYTES), strict=False)
        )

    def _part(self, name: str, part: KeyPart, limit: int, *, key: bool) -> Part:
        for column in part.columns:
            if column not in self._columns:
                raise self._refused(
                    f"{column} is no column of the table", "name its columns as the stream does; a renamed one anew"
                )
        if part.own:
            found = codec(self._columns[part.own].type, key)
            if found.type == "BOOL":
                raise self._refused(
                    f"{part.own} is a boolean, which is no key of an index", "give the attribute a name and a prefix"
                )
            return Part(name, found.type, part.columns, True, limit)
        if name in self._columns:
            raise self._refused(f"{name} is a column of the table", "give the key attribute another name")
        integers = frozenset(c for c in part.columns if self._columns[c].type.kind in (Kind.INTEGER, Kind.YEAR))
        if part.digits and not integers:
            raise self._refused(f"digits are asked for, and {name} holds no integer", "leave digits out")
        return Part(name, "S", part.columns, False, limit, part.prefix, part.digits, integers)

    def _check_key(self) -> None:
        """What names a row in the stream must be what names the item: no more, no less."""
        chosen = {column for part in self.parts for column in part.columns}
        stream = [column.name for column in self._table.key]
        if missing := [name for name in stream if name not in chosen]:
            raise self._refused(
                f"the key leaves out {', '.join(missing)}, so that it is not unique: rows are told apart by "
                f"({', '.join(stream)})",
                "add the columns to partition or sort",
            )
        if beyond := sorted(chosen - set(stream)):
            key = ", ".join(f'"{name}"' for name in [*beyond, *stream])
            raise self._refused(
                f"{', '.join(beyond)} is not part of the stream's key: a delete does not carry it, and where it "
                "changes the item would have to move",
                f'add [[tables]] match = "{self._table.source}" with key = [{key}] to the pipeline file, or use the '
                f"columns ({', '.join(stream)}) alone",
            )

    # ---- indexes

    def _index(self, designs: Iterable[IndexDesign]) -> None:
        made: dict[str, Part] = {}
        indexes: list[Index] = []
        keys = {part.name: part for part in self.parts}
        for design in designs:
            parts: list[Part] = []
            for (name, part), limit in zip(design.parts(), (PARTITION_BYTES, SORT_BYTES), strict=False):
                if name in keys:
                    parts.append(keys[name])
                    continue
                found = self._part(name, part, limit, key=False)
                parts.append(found)
                if found.own:
                    self.watched[name] = min(self.watched.get(name, limit), limit)
                else:
                    made[name] = found
            indexes.append(Index(design.name, tuple((p.name, p.type) for p in parts), self._projection(design, parts)))
        if len(indexes) > _MOST_INDEXES:
            raise self._refused(f"{len(indexes)} indexes, and DynamoDB takes {_MOST_INDEXES}", "leave some out")
        self.made = tuple(made.values())
        self.indexes = tuple(indexes)

    def _projection(self, design: IndexDesign, parts: Iterable[Part]) -> dict[str, Any]:
        """A deleted row's marker is in an index of key attributes alone: readers must see what it is."""
        if design.projection == "all":
            return {"ProjectionType": "ALL"}
        keys = {part.name for part in self.parts}
        chosen = () if design.projection == "keys" else design.projection
        if unknown := [name for name in chosen if name not in self._columns]:
            raise self._refused(f"{unknown[0]} is no column of the table", f"correct projection of {design.name}")
        own = {part.name for part in parts}
        named = [name for name in dict.fromkeys(chosen) if name not in keys | own]
        if own <= keys:
            named.append(DELETED)
        if named and self.entity:
            named.append(ENTITY)
        return {"ProjectionType": "INCLUDE", "NonKeyAttributes": named} if named else {"ProjectionType": "KEYS_ONLY"}

    def _refused(self, what: str, fix: str) -> StuckError:
        return StuckError(what, where=self._where, fix=fix)


def resolved(design: TableDesign | None, table: TargetTable, previous: TargetTable) -> TableDesign | None:
    """The design's key in the names that an earlier version of the table has for the same columns."""
    if design is None:
        return None
    before = {column.id: column.name for column in previous.columns}
    names = {column.name: before[column.id] for column in table.columns if column.id in before}

    def part(given: KeyPart | None) -> KeyPart | None:
        if given is None:
            return None
        return given.model_copy(update={"columns": tuple(names.get(name, name) for name in given.columns)})

    key = {"partition": part(design.partition), "sort": part(design.sort), "indexes": ()}
    return design.model_copy(update=key)


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _text(value: Any) -> str:
    return escaped(value if isinstance(value, str) else orjson.dumps(value).decode())


def _digits(value: Any, digits: int) -> str:
    text = str(int(value))
    if text[0] == "-" or len(text) > digits:
        raise UnfitError(f"a number that is negative, or has more than the {digits} digits of the key design")
    return text.zfill(digits)
