"""Dead letters: events that a target refused, kept in the target until a person has decided.

They lie in the target because only there a letter, the rows around it and the position become durable at once.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import orjson

from tailrace.stream import Partition

TABLE = "_tailrace_dead_letters"
#: Characters of a letter's event that are stored as one value: a row that is too large for the target's packets or
#: items is a reason to be here.
PART = 256 << 10

Wanted = Literal["", "retry", "discard"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One parked event.

    Attributes:
        id: names it among those of its sink (`letter_id`).
        topic, table: whose change it is; the table as the source names it.
        chain: what names the row, whatever its key's columns are called; "" of a table without a key, whose changes
            are one chain.
        key: the event's key, JSON; "" without.
        op, seq, schema_id: as in the event.
        partition, offset: where it stood in the stream.
        reason: the target's error; "" of an event that was not tried, because one of its chain is parked before it.
        since: RFC 3339 time at which it was parked.
        wanted: what somebody asked for.
        event: a JSON object: `before`, `after`, `unchanged` and `ts_ms` of the event; empty where it was not read.
    """

    id: str
    topic: str
    table: str
    chain: str
    key: str
    op: str
    seq: str
    schema_id: int
    partition: int
    offset: int
    reason: str
    since: str
    wanted: Wanted = ""
    event: bytes = b""

    @property
    def place(self) -> tuple[str, str, int, int]:
        """Sorts letters of one chain in the order of their changes, from whichever partition they are."""
        return self.topic, self.seq, self.partition, self.offset

    @property
    def stood_in(self) -> Partition:
        """The partition of the stream: one for all topics where that is one log."""
        return Partition(self.topic if "/" in self.id else "", self.partition)

    def head(self) -> str:
        """All but `id`, `wanted` and `event`, as JSON."""
        names = ("topic", "table", "chain", "key", "op", "seq", "schema_id", "partition", "offset", "reason", "since")
        return orjson.dumps({name: getattr(self, name) for name in names}).decode()

    def parts(self) -> list[str]:
        """The event, as texts of at most `PART` characters."""
        text = base64.b64encode(zlib.compress(self.event)).decode()
        return [text[start : start + PART] for start in range(0, len(text), PART)]


def from_parts(letter_id: str, head: str, wanted: Wanted, parts: Sequence[str] = ()) -> DeadLetter:
    """The counterpart of `DeadLetter.head` and `.parts`."""
    letter = DeadLetter(id=letter_id, wanted=wanted, **orjson.loads(head))
    return replace(letter, event=zlib.decompress(base64.b64decode("".join(parts)))) if parts else letter


def letter_id(partition: Partition, offset: int) -> str:
    """``1234`` in a stream that is one log, else ``shop.users/0:1234``; the same whenever the event is met again."""
    return f"{partition.topic}/{partition.number}:{offset}" if partition.topic else str(offset)


class DeadLetterStore(Protocol):
    """A sink's dead letters. `park` and `release` belong to the target transaction of an open sink; the others are
    called with an open sink or without, work on connections of their own, and see what is committed."""

    def prepare(self) -> None:
        """Makes what letters are stored in, before the first one and between two target transactions: MySQL's do not
        see a table that is younger than their view."""
        ...

    def park(self, letters: Sequence[DeadLetter]) -> None:
        """Stores them, in place of those of their ids; nobody wants anything of them yet, or `ask` follows."""
        ...

    def release(self, ids: Sequence[str]) -> None:
        """Removes them; one that is not there is no error."""
        ...

    def heads(self, asked: bool = False) -> list[DeadLetter]:
        """All without their events, in no order; `asked`: only those of which somebody wants something."""
        ...

    def read(self, ids: Sequence[str]) -> Iterator[DeadLetter]:
        """Those of these ids that are there, with their events, in this order."""
        ...

    def ask(self, ids: Sequence[str], wanted: Wanted) -> None:
        """Notes what somebody wants, for the sink's worker to act on."""
        ...

    def forget(self, dry_run: bool) -> int:
        """For `teardown`: removes all; returns how many there are."""
        ...
