"""A table that is loaded in a test's hands: its reader, its views, and capture's side of the load."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tailrace.batch import Batch
from tailrace.capture.load import Load
from tailrace.capture.spans import TableLoad
from tailrace.emitter import Emitter, EventTable
from tailrace.errors import TableBusyError, TableGoneError
from tailrace.position import Position
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark
from tailrace.source import Chunk, OpenView, SourceTable, WholeReader
from tailrace.structure import POSTGRES, Index, Part, TableStructure
from tests.servers import wait_until

NAME = TableName("app", "public", "users")
TOPIC = "shop.public.users"
ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"), initial="added")
V1 = EventTable(TableSchema(1, NAME, TOPIC, (ID,)), "postgresql", "shop")
V2 = EventTable(TableSchema(2, NAME, TOPIC, (ID, NOTE)), "postgresql", "shop")


@dataclass(frozen=True)
class Reading:
    topic: str
    table: EventTable
    order: str = "id"
    private: bool = False
    estimated_rows: int = 0


class Reader:
    """A table that a test changes; a view sees the transactions that were committed when it was opened.

    Attributes:
        gates: a chunk of this topic waits, its view open, until the gate is.
        bounds_now: where the table is divided.
        chunk_rows: rows of each chunk of a view; 0: all. `chunk_bytes` is their size, `yielded` counts them.
        asked: the ranges that were read.
    """

    def __init__(self) -> None:
        self.rows_now: list[dict[str, Any]] = []
        self.committed: set[str] = set()
        self.table = V1
        self.high = lsn_mark(1)
        self.busy: set[str] = set()
        self.gone: set[str] = set()
        self.demands: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.bounds_now: list[str] = []
        self.asked: list[tuple[str | None, str | None]] = []
        self.altered = False
        self.order = "id"
        self.estimated = 0
        self.chunk_rows = self.chunk_bytes = self.yielded = 0

    def demand(self, topic: str, position: Position) -> None:
        self.demands.append(topic)

    def prepare(self, topic: str, where: str) -> Reading:
        if topic in self.gone:
            raise TableGoneError("it was dropped")
        return Reading(topic, self.table, self.order, estimated_rows=self.estimated)

    def chunks(self) -> Reader:
        return self

    def read_view(
        self, reading: Any, after: str | None, until: str | None, limit_rows: int, limit_bytes: int, view: OpenView
    ) -> Generator[Chunk]:
        if reading.topic in self.busy:
            raise TableBusyError("it is locked")
        rows_now, table, high = self.rows_now, self.table, self.high
        seen = view(lambda: View(set(self.committed)))
        self.asked.append((after, until))
        if (gate := self.gates.pop(until or "", None)) is not None:
            assert gate.wait(10)
        if reading.table is not table:
            return
        rows: list[tuple[bytes | None, bytes]] = [
            (key(row["id"]), orjson.dumps(row))
            for row in rows_now
            if (after is None or row["id"] > int(after)) and (until is None or row["id"] <= int(until))
        ]
        more = len(rows) > limit_rows
        rows = rows[:limit_rows]
        step = self.chunk_rows or max(len(rows), 1)
        for start in range(0, max(len(rows), 1), step):
            part = rows[start : start + step]
            ended = not more and start + step >= len(rows)
            last = None if ended else str(orjson.loads(part[-1][1])["id"])
            yield Chunk(table, part, last, seen, high, size=self.chunk_bytes)
            self.yielded += 1

    def bound(self, reading: Any, after: str | None, rows: int) -> str | None:
        return next((bound for bound in self.bounds_now if after is None or int(bound) > int(after)), None)

    def awaited(self, mark: str) -> None:
        pass

    def interrupt(self) -> None:
        pass

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        raise AssertionError("no keyless table here")

    def prepare_whole(self, topic: str) -> Any:
        raise AssertionError("no keyless table here")

    def whole_reader(self) -> WholeReader:
        raise AssertionError("no keyless table here")

    def sees_all(self, transactions: Sequence[str]) -> bool:
        return self.committed.issuperset(transactions)

    def structure(self, topic: str) -> TableStructure:
        return TableStructure(POSTGRES, indexes=(Index(f"of {topic}", (Part("name"),)),))

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        return iter(())

    def close(self) -> None:
        pass


class View:
    def __init__(self, visible: set[str]) -> None:
        self._visible = visible

    def sees(self, transaction: str) -> bool:
        return transaction in self._visible


#: Between two transactions.
HERE = Position(1, "", "0", mark=lsn_mark(1 << 40))


class Capture:
    """The loop's part around a load: an emitter as the source, a list of events as the stream."""

    def __init__(
        self,
        *others: TableName,
        state: dict[str, bytes] | None = None,
        readers: int = 1,
        idle: bool = False,
        marks: bool = False,
        indexes: str = "none",
    ) -> None:
        """`idle`: the stream has reached the chunks' marks without anything more being written."""
        self.reader = Reader()
        if idle:
            self.reader.high = lsn_mark(0)
        self.emitter = Emitter(1, "0", mark=lsn_mark(0))
        tables = [SourceTable(name, f"shop.{name}") for name in (NAME, *others)]
        entries = Load.plan(tables) | (state or {})
        self.load = Load(tables, entries, self.reader, self.emitter, 1 << 20, readers, marks=marks, indexes=indexes)
        self.sent: list[Any] = []
        self.lsn = 1

    def read(self) -> None:
        """Begins to read what can be, and waits until it was read."""
        self.load.read(HERE)

        def settled() -> bool:
            if self.load.reading:
                self.load.read(HERE)
            return not self.load.reading

        wait_until(settled, 10, "the readers have nothing in hand", pause=0.001)

    def wait(self, waiting: int) -> None:
        """Until so many chunks were read; others may be held up."""

        def read() -> bool:
            self.load.read(HERE)
            return sum(len(task.chunks) for task in self.load._tasks) == waiting

        wait_until(read, 10, f"{waiting} chunks wait", pause=0.001)

    def begin(self, token: str) -> Emitter:
        self.lsn += 1
        self.emitter.begin(lsn_mark(self.lsn), 1, b"", token)
        return self.emitter

    def commit(self, token: str) -> None:
        self.emitter.commit(str(self.lsn), lsn_mark(self.lsn))
        self.reader.committed.add(token)
        self.reader.high = lsn_mark(self.lsn)

    def stream(self, batch: Batch | None = None) -> dict[str, bytes]:
        """What the loop does between two chunks."""
        batch = batch or self.emitter.take()
        self.load.observe(batch)
        entries = self.load.send()
        for part in (batch, self.emitter.take()):
            values = (value for run in part.runs for value in run.values if value is not None)
            self.sent += [orjson.loads(value) for value in values]
        return entries

    @property
    def shown(self) -> list[tuple[str, int, Any]]:
        """Operation, schema version, row."""
        return [(event["op"], event["source"]["schema_id"], event["after"]) for event in self.sent]


def key(number: int) -> bytes:
    return orjson.dumps({"id": number})


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number} for number in numbers]


def divided(*bounds: str) -> bytes:
    load = TableLoad()
    for bound in (*bounds, None):
        load.divide(bound)
    return load.to_json()
