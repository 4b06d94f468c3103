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

import threading
from collections.abc import Callable, Iterable, Iterator
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
    """Keys written by streamed transactions that the views in use are not known to have seen.

    `open` is for the threads that read chunks; all else is for the thread that reads the stream.
    """

    def __init__(self) -> None:
        self._unseen: dict[str, _Transaction] = {}  # by token, in commit order
        self._opening = threading.Lock()
        self._lock = threading.Lock()  # of the next two, for moments
        self._views: dict[int, View] = {}  # in use, in the order in which they were opened
        self._latest: View | None = None
        self._asked: View | None = None  # what it sees is forgotten already

    def open(self, opener: Callable[[], View]) -> View:
        """Opens a view for a chunk, after all those before; it is in use until `closed`."""
        with self._opening:
            view = opener()
            self.opened(view)
        return view

    def opened(self, view: View) -> None:
        """The view is in use, and sees what all views before it saw."""
        with self._lock:
            self._views[id(view)] = view
            self._latest = view

    def closed(self, view: View) -> None:
        """The view's chunk was sent or is given up."""
        with self._lock:
            self._views.pop(id(view), None)

    def observe(self, touched: Iterable[Touch]) -> None:
        """Rows written by the stream's next events, in order."""
        view = self._forget()
        unseen = self._unseen
        for touch in touched:
            known = unseen.get(touch.transaction)
            if known is None:
                if view is not None and view.sees(touch.transaction):
                    continue
                known = unseen[touch.transaction] = _Transaction()
            known.add(touch)

    @property
    def crowded(self) -> bool:
        """Whether so much is remembered that chunks are better read again, through views that see most of it."""
        self._forget()
        transactions = self._unseen
        return len(transactions) > MOST_TRANSACTIONS or sum(len(t.rows) for t in transactions.values()) > MOST_ROWS

    @property
    def unseen(self) -> list[str]:
        """Tokens of the transactions that are streamed but not known to be visible."""
        self._forget()
        return list(self._unseen)

    def stale(self, chunk: Chunk) -> bool:
        """Whether the chunk must be read again, as a whole."""
        return any(
            chunk.table.topic in transaction.everywhere and not chunk.view.sees(token)
            for token, transaction in self._unseen.items()
        )

    def remaining(self, chunk: Chunk) -> Iterable[tuple[bytes | None, bytes]]:
        """The chunk's rows that go out, now that the stream has reached its high mark.

        A row written only by events that lack columns goes out with those events laid over it: the target may not
        have had the row when they came, and only the chunk knows the columns that they lack.
        """
        written = self._written(chunk)
        return _left(chunk.rows, written) if written else chunk.rows

    def _forget(self) -> View | None:
        """Forgets what the oldest view in use has seen, which is returned; where none is in use, the latest one."""
        with self._lock:
            oldest = next(iter(self._views.values()), self._latest)
        if oldest is not self._asked and oldest is not None:
            self._asked = oldest
            self._unseen = {token: rows for token, rows in self._unseen.items() if not oldest.sees(token)}
        return oldest

    def _written(self, chunk: Chunk) -> dict[bytes, _Written]:
        written: dict[bytes, _Written] = {}
        topic, view = chunk.table.topic, chunk.view
        for token, transaction in self._unseen.items():
            if view.sees(token):
                continue
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


def _left(
    rows: Iterable[tuple[bytes | None, bytes]], written: dict[bytes, _Written]
) -> Iterator[tuple[bytes | None, bytes]]:
    for key, row in rows:
        state = written.get(key) if key is not None else None
        if state is None:
            yield key, row
        elif not state.whole:
            yield key, _overlay(row, state.parts)


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
