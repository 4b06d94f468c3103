"""Compares two lists of events: per table, in order, every part that both have."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.conformance.debezium.event import Event


class Missing:
    """Stands for what one of the two does not have."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()

_SCHEMA_CHANGE = "s"  # tailrace's own

#: Members of `source`; those of positions only for changes, because each reads the rows of a load at its own moment.
_ALWAYS = ("connector", "db", "schema", "table", "snapshot")
_POSITIONS = ("ts_ms", "file", "pos", "row", "gtid", "server_id", "thread", "query", "lsn", "txId", "sequence", "xmin")


_SNAPSHOT_MARKS = ("first", "first_in_data_collection", "last_in_data_collection", "last")


@dataclass(frozen=True)
class Found:
    """One difference.

    Attributes:
        part: of the event: key, before, after, source, topic, or event where only one has it.
        where: the column; or the part again, or the member of `source`.
        type: the column's, as the catalogue writes it; "" for what is no column.
        event: ours, where there is one.
        other: theirs, likewise.
    """

    table: str
    part: str
    where: str
    ours: Any
    theirs: Any
    type: str = ""
    event: Event | None = None
    other: Event | None = None

    def __str__(self) -> str:
        kind = f" ({self.type})" if self.type else ""
        op = self.event.op if self.event else self.other.op if self.other else ""
        return f"{self.table}.{self.where}{kind}, {op} {self.part}: {_shown(self.ours)} / {_shown(self.theirs)}"


def compare(ours: Sequence[Event], theirs: Sequence[Event], types: Mapping[str, Mapping[str, str]]) -> list[Found]:
    """All differences, by table.

    Args:
        types: of each table's columns.
    """
    found: list[Found] = []
    for table in dict.fromkeys(event.table for event in [*ours, *theirs]):
        mine = [event for event in ours if event.table == table]
        other = [event for event in theirs if event.table == table]
        found += _table(table, mine, other, types.get(table, {}))
    return found


def same(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values say the same: 1 and 1.0 do, 1 and true, or 0.0 and -0.0, do not."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return ours == theirs and math.copysign(1, ours) == math.copysign(1, theirs)
    return type(ours) is type(theirs) and bool(ours == theirs)


def _table(table: str, ours: list[Event], theirs: list[Event], types: Mapping[str, str]) -> Iterator[Found]:
    topics = [dict.fromkeys(event.topic for event in side) for side in (ours, theirs)]
    if ours and theirs and topics[0] != topics[1]:
        yield Found(table, "topic", "topic", list(topics[0]), list(topics[1]))
    for event in ours:
        if event.op == _SCHEMA_CHANGE:
            yield Found(table, "event", "event", event, MISSING, "", event, None)
    for mine, other in _aligned([event for event in ours if event.op != _SCHEMA_CHANGE], theirs):
        if mine is None or other is None:
            yield Found(table, "event", "event", mine or MISSING, other or MISSING, "", mine, other)
        else:
            yield from _pair(table, mine, other, types)


def _aligned(ours: list[Event], theirs: list[Event]) -> Iterator[tuple[Event | None, Event | None]]:
    """Pairs; None where the other has one more. By operation, and where these differ by key besides; by row, where only
    one of the two sees a key in the table."""
    if [event.op for event in ours] == [event.op for event in theirs]:
        yield from zip(ours, theirs, strict=True)
        return
    by_row = len({any(event.key for event in side) for side in (ours, theirs)}) > 1
    first, second = ([_token(event, by_row) for event in side] for side in (ours, theirs))
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(ours[i1:i2], theirs[j1:j2], strict=True)
        else:
            yield from ((event, None) for event in ours[i1:i2])
            yield from ((None, event) for event in theirs[j1:j2])


def _token(event: Event, by_row: bool) -> tuple[str, str]:
    return event.op, json.dumps([event.before, event.after] if by_row else event.key, sort_keys=True)


def _pair(table: str, mine: Event, other: Event, types: Mapping[str, str]) -> Iterator[Found]:
    for part in ("key", "before", "after"):
        yield from _row(table, part, mine, other, types)
    members = _ALWAYS if mine.op == "r" else (*_ALWAYS, *_POSITIONS)
    for member in members:
        if member in mine.source and member in other.source:
            a, b = (_comparable(member, event.source[member]) for event in (mine, other))
            if not same(a, b):
                yield Found(table, "source", f"source.{member}", a, b, "", mine, other)


def _comparable(member: str, value: Any) -> Any:
    """Of `sequence` the event's own place: the other, an earlier commit, moves in Debezium with idle time too. Of
    `snapshot` whether it is one: Debezium names the first and the last row besides."""
    if member == "sequence" and isinstance(value, str):
        return json.loads(value)[1]
    return "true" if member == "snapshot" and value in _SNAPSHOT_MARKS else value


def _row(table: str, part: str, mine: Event, other: Event, types: Mapping[str, str]) -> Iterator[Found]:
    ours, theirs = getattr(mine, part), getattr(other, part)
    if ours is None or theirs is None:
        if ours is not theirs:
            yield Found(table, part, part, ours, theirs, "", mine, other)
        return
    if not ours.keys() >= theirs.keys():
        yield Found(table, part, part, ours, theirs, "", mine, other)
    first, second = ([name for name in row if name in ours and name in theirs] for row in (ours, theirs))
    if first != second:
        yield Found(table, part, f"order of {part}", first, second, "", mine, other)
    for name, value in ours.items():
        their = theirs.get(name, MISSING)
        if not same(value, their):
            yield Found(table, part, name, value, their, types.get(name, ""), mine, other)


def _shown(value: Any) -> str:
    text = value.short if isinstance(value, Event) else repr(value)
    return text if len(text) < 300 else f"{text[:200]}… ({len(text)} characters)"
