"""The full load's memory of the stream: which rows of a chunk may still go out.

A chunk is read through a view while the stream goes on. A row of it is stale when a transaction that the view did not
see wrote its key: that transaction's own event is, or will be, in the stream. Such transactions may have been streamed
*before* the chunk was read, too, because a commit reaches the log before a SELECT sees it; so written keys are kept
until some view is known to see their transaction. Views only ever see more, so nothing is kept twice as long.

Where such a transaction emptied the table, gave it other columns, or wrote more rows than are worth remembering, the
whole chunk is stale: it is read again, through a view that sees the transaction.

After A. Andreakis, I. Papapanagiotou, "DBLog: A Watermark Based Change-Data-Capture Framework" (2020), with the
watermark replaced by what the read view itself saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from tailrace.batch import Touch
from tailrace.source import Chunk, View

#: Rows that are remembered, of one transaction and of all (I6).
MOST_ROWS = 100_000
#: Transactions of which rows are remembered: their tokens are stored with every batch.
MOST_TRANSACTIONS = 5_000


@dataclass(slots=True)
class _Written:
    """What unseen transactions did to one row.

    Attributes:
        whole: one of them left the whole row, or none of it, in the stream: the chunk's row adds nothing.
        parts: otherwise, in order, the events that lacked unchanged columns.
    """

    whole: bool
    parts: list[Touch]


@dataclass(slots=True)
class _Transaction:
    """What one transaction wrote.

    Attributes:
        rows: in order.
        everywhere: topics of which any row may have been written.
    """

    rows: list[Touch] = field(default_factory=list)
    everywhere: set[str] = field(default_factory=set)

    def add(self, touch: Touch) -> None:
        if touch.topic in self.everywhere:
            return
        self.rows.append(touch)
        if touch.key is None:
            self._forget_rows({touch.topic})
        elif len(self.rows) > MOST_ROWS:
            self._forget_rows({row.topic for row in self.rows})

    def _forget_rows(self, topics: set[str]) -> None:
        self.everywhere |= topics
        self.rows = [row for row in self.rows if row.topic not in topics]


class Window:
    """Keys written by streamed transactions that no view is known to have seen."""

    def __init__(self) -> None:
        self._unseen: dict[str, _Transaction] = {}  # by token, in commit order
        self._view: View | None = None

    def observe(self, touched: Iterable[Touch]) -> None:
        """Rows written by the stream's next events, in order."""
        view = self._view
        unseen = self._unseen
        for touch in touched:
            known = unseen.get(touch.transaction)
            if known is None:
                if view is not None and view.sees(touch.transaction):
                    continue
                known = unseen[touch.transaction] = _Transaction()
            known.add(touch)

    def opened(self, view: View) -> None:
        """A chunk was read through `view`: what it saw, every later view sees."""
        self._view = view
        self._unseen = {token: rows for token, rows in self._unseen.items() if not view.sees(token)}

    @property
    def crowded(self) -> bool:
        """Whether so much is remembered that the chunk is better read again, through a view that sees most of it."""
        transactions = self._unseen
        return len(transactions) > MOST_TRANSACTIONS or sum(len(t.rows) for t in transactions.values()) > MOST_ROWS

    @property
    def unseen(self) -> list[str]:
        """Tokens of the transactions that are streamed but not known to be visible."""
        return list(self._unseen)

    def stale(self, chunk: Chunk) -> bool:
        """Whether the chunk must be read again, as a whole."""
        return any(chunk.table.topic in transaction.everywhere for transaction in self._unseen.values())

    def remaining(self, chunk: Chunk) -> Iterator[tuple[bytes | None, bytes]]:
        """The chunk's rows that go out, now that the stream has reached its high mark.

        A row written only by events that lack columns goes out with those events laid over it: the target may not
        have had the row when they came, and only the chunk knows the columns that they lack.
        """
        written = self._written(chunk.table.topic)
        for key, row in chunk.rows:
            state = written.get(key) if key is not None else None
            if state is None:
                yield key, row
            elif not state.whole:
                yield key, _overlay(row, state.parts)

    def _written(self, topic: str) -> dict[bytes, _Written]:
        written: dict[bytes, _Written] = {}
        for transaction in self._unseen.values():
            for touch in transaction.rows:
                if touch.topic != topic or touch.key is None:
                    continue
                state = written.setdefault(touch.key, _Written(whole=False, parts=[]))
                if touch.after is None:
                    state.whole = True
                    state.parts = []
                elif not state.whole:
                    state.parts.append(touch)
        return written


def _overlay(row: bytes, parts: list[Touch]) -> bytes:
    """The chunk's row with later, incomplete images of it laid over; values are moved as they stand."""
    merged = _members(row)
    for touch in parts:
        assert touch.after is not None
        for name, value in _members(touch.after).items():
            if name not in touch.unchanged:
                merged[name] = value
    return b"{" + b",".join(orjson.dumps(name) + b":" + value for name, value in merged.items()) + b"}"


def _members(row: bytes) -> dict[str, bytes]:
    """A row object's members with their values as JSON text; every value is a scalar, so numbers keep their digits."""
    return {name: bytes(fragment) for name, fragment in _fragments(row)}


def _fragments(row: bytes) -> Iterator[tuple[str, bytes]]:
    position = 1
    end = len(row) - 1
    while position < end:
        name_end = _string_end(row, position)
        name = orjson.loads(row[position:name_end])
        start = name_end + 1  # the colon
        if row[start : start + 1] == b'"':
            stop = _string_end(row, start)
        else:
            stop = row.find(b",", start)
            stop = end if stop < 0 else stop
        yield name, row[start:stop]
        position = stop + 1


def _string_end(row: bytes, start: int) -> int:
    position = start + 1
    while True:
        quote = row.index(b'"', position)
        escape = row.find(b"\\", position, quote)
        if escape < 0:
            return quote + 1
        position = escape + 2
