"""How far a table's full load has come: key ranges that are still to be read, stored with the rows that were sent.

A large table is divided at keys that the database names, one after the other, while the spans before are read. Each
span is read chunk by chunk, several spans at a time. What a crash interrupts is read again from the last stored key on.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import Any

import orjson

from tailrace.load_mark import BEGIN, END, LoadMark, Prepare
from tailrace.structure import TableStructure


@dataclass(slots=True, eq=False)
class Span:
    """A range of a table's key; the bounds are the reader's own text.

    Attributes:
        after: it begins behind this key; None: at the table's beginning.
        until: its last key, which belongs to it; None: it goes to the table's end.
        taken: chunks of it are being read, or wait to be sent.
    """

    after: str | None = None
    until: str | None = None
    taken: bool = False


@dataclass(slots=True)
class TableLoad:
    """How far one table is loaded; stored under `load:{topic}`.

    Attributes:
        rows, bytes: sent so far.
        total: rows, estimated when the load began.
        order: names the key's order that the spans' bounds belong to; "" before the first chunk.
        divided: all of the table is divided into spans; until then the last span is what is left to divide.
        spans: what is still to be read, in the key's order.
        loads: how often the table was asked to be loaded again.
        where: the rows that are loaded, as a condition in the source's SQL; "" all.
        private: bounds are not stored (`Reading.private`).
        prepare: what becomes of the targets' tables when the load begins.
        resync: rows that it does not bring are removed from targets.
        begun: `tailrace_seq` of the mark of its beginning; "" before that.
    """

    done: bool = False
    rows: int = 0
    bytes: int = 0
    total: int = 0
    order: str = ""
    divided: bool = False
    spans: list[Span] = field(default_factory=lambda: [Span()])
    loads: int = 0
    where: str = ""
    private: bool = False
    prepare: Prepare = "do-nothing"
    resync: bool = False
    begun: str = ""

    def to_json(self) -> builtins.bytes:
        hidden = self.private and not self.done
        return orjson.dumps(
            {
                "done": self.done,
                "rows": self.rows,
                "bytes": self.bytes,
                "total": self.total,
                "order": self.order,
                "divided": self.divided and not hidden,
                "spans": [[None, None]] if hidden else [[span.after, span.until] for span in self.spans],
                "loads": self.loads,
                "where": self.where,
                "prepare": self.prepare,
                "resync": self.resync,
                "begun": self.begun,
            }
        )

    @classmethod
    def from_json(cls, record: builtins.bytes) -> TableLoad:
        raw: dict[str, Any] = orjson.loads(record)
        # Before tables were divided, the record held the last key that was sent.
        spans = raw.get("spans", [[raw.get("after"), None]])
        return cls(
            done=raw["done"],
            rows=raw["rows"],
            bytes=raw.get("bytes", 0),
            total=raw["total"],
            order=raw.get("order", ""),
            divided=raw.get("divided", "spans" not in raw),
            spans=[] if raw["done"] else [Span(after, until) for after, until in spans],
            loads=raw.get("loads", 0),
            where=raw.get("where", ""),
            prepare=raw.get("prepare", "do-nothing"),
            resync=raw.get("resync", False),
            begun=raw.get("begun", ""),
        )

    @property
    def clears(self) -> bool:
        """Whether targets lose, by its load, what was streamed before its beginning, which is still to come."""
        return not self.begun and (self.resync or self.prepare != "do-nothing")

    def begin(self, seq: str, structure: TableStructure | None = None) -> LoadMark:
        """The mark of its beginning, which has this sequence."""
        self.begun = seq
        return LoadMark(BEGIN, self.loads, self.prepare, self.resync, seq, 0, structure)

    def end(self, structure: TableStructure | None = None) -> LoadMark:
        """The mark of its end."""
        return LoadMark(END, self.loads, self.prepare, self.resync, self.begun, self.rows, structure)

    def ordered(self, order: str) -> None:
        """The table is read in this order of its key; where that is another one than before, from its beginning."""
        if self.order and self.order != order:
            self.spans = [Span()]
            self.divided = False
        self.order = order

    @property
    def rest(self) -> Span:
        """While the table is being divided: what is not divided yet; it goes to the table's end."""
        return self.spans[-1]

    def divide(self, bound: str | None) -> None:
        """A span that ends with the bound can be read; None: the rest is one span."""
        rest = self.rest
        if bound is None:
            self.divided = True
            return
        self.spans.insert(-1, Span(rest.after, bound))
        rest.after = bound

    def free(self) -> Span | None:
        """A span that can be read, of which nothing is in hand."""
        readable = self.spans if self.divided else self.spans[:-1]
        return next((span for span in readable if not span.taken), None)

    def sent(self, span: Span, after: str | None, rows: int, size: int) -> None:
        """A chunk of the span went out; `after` is where the next begins, None at the span's end."""
        span.after = after
        if after is None:
            self.spans.remove(span)
        self.rows += rows
        self.bytes += size
        self.done = not self.spans
