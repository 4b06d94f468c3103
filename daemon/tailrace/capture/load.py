"""The full load: chunks of every table, several read at a time, each in a window and sent at the window's high mark.

Threads read the chunks while the stream goes on. What is sent, and when, the stream's own thread decides. A chunk that
a crash interrupts is read again: how far a table is loaded is stored in the same transaction as the chunk's rows.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.capture.delays import Delays
from tailrace.capture.readers import Outcome, Readers
from tailrace.capture.room import Room
from tailrace.capture.spans import Span, TableLoad
from tailrace.capture.structures import structure_at
from tailrace.capture.throttle import Throttle
from tailrace.capture.window import Window
from tailrace.emitter import Emitter
from tailrace.errors import RefusedError, TableBusyError, TableGoneError
from tailrace.load_mark import Prepare
from tailrace.logs import logger
from tailrace.position import LOAD_PREFIX, TABLE_PREFIX, Position, load_key
from tailrace.source import Chunk, ChunkReader, Reading, SnapshotReader, SourceTable, View

#: Of one view, which brings chunk after chunk.
VIEW_ROWS = 200_000
#: A view is given up after this time, whatever it has brought: of what is written meanwhile the keys are remembered.
VIEW_SECONDS = 1.0
#: A table is divided so that its spans have about this many rows each, into so many spans at most.
SPAN_ROWS, MOST_SPANS = 200_000, 64
#: Chunks go into the stream together until they have so many bytes.
SMALL_BYTES = 256 << 10
#: Chunks of the usual size that wait to be sent, beyond those that are being read (I6); how often a reader that has
#: another one looks up.
WAITING_CHUNKS = 2
ROOM_SECONDS = 0.2
#: A view that waits for room holds up the source's cleaning of old rows, and changes of the table's columns: for no
#: longer than this.
PATIENCE_SECONDS = 3.0
#: State entry: streamed transactions that were not visible to the last read view (see `Window`), and the epoch of the
#: log that their tokens belong to.
UNSEEN_KEY = "load-unseen"
#: How long a commit may stay invisible after it reached the log before we say so (a commit that waits for a synchronous
#: standby stays invisible for as long as the standby is away).
VISIBILITY_SECONDS = 60.0

log = logger()


@dataclass(slots=True, eq=False)
class _Task:
    """The chunks of one view, or the search for a span's end.

    Attributes:
        divides: the span is the rest of a table that is being divided.
        view: as soon as it is open.
        chunks: that were read and wait to be sent, in their order.
        running: a reader is at it.
        given_up: what is read must not be sent.
    """

    topic: str
    reading: Reading
    span: Span
    divides: bool = False
    view: View | None = None
    chunks: deque[Chunk] = field(default_factory=deque)
    running: bool = True
    given_up: bool = False


class Load:
    """What is left of the full load of one pipeline.

    Args:
        state: the stream's state store; tables without an entry there are not loaded (see `plan`).
        limit_bytes: of one chunk, about.
        readers: how many views are read at a time.
        throttle: how fast.
        marks: sinks are told where the load of each table begins and ends.
        indexes: when they make the source's indexes: "before" or "after" a load's rows, or "none".
    """

    def __init__(
        self,
        tables: Collection[SourceTable],
        state: dict[str, bytes],
        reader: SnapshotReader,
        emitter: Emitter,
        limit_bytes: int,
        readers: int = 1,
        throttle: Throttle | None = None,
        marks: bool = False,
        indexes: str = "none",
    ) -> None:
        self.tables = {
            table.topic: TableLoad.from_json(state[load_key(table.topic)])
            for table in tables
            if load_key(table.topic) in state and table.state == "streaming"
        }
        for table in tables:
            if table.keyless and table.topic in self.tables and not self.tables[table.topic].done:
                del self.tables[table.topic]  # it is loaded whole (`capture/whole.py`)
        self._reader = reader
        self._emitter = emitter
        self._limit_bytes = limit_bytes
        self._most_readers = readers
        self._readers = Readers(reader.chunks, readers)
        self._throttle = throttle or Throttle(0)
        self._marks = marks
        self._indexes = indexes
        self._room = Room(WAITING_CHUNKS * limit_bytes)
        self._window = Window()
        self._left: dict[str, TableLoad] = {}  # of `tables`, those that are not done
        self._readings: dict[str, Reading] = {}  # of the tables that are looked at
        self._tasks: list[_Task] = []
        self._delays = Delays()
        unseen = orjson.loads(state.get(UNSEEN_KEY, b'{"epoch":0,"tokens":[]}'))
        self._inherited: list[str] = unseen["tokens"]
        self._inherited_epoch: int = unseen["epoch"]
        self._stored_unseen: list[str] = list(self._inherited)
        self._visible_until = time.monotonic() + VISIBILITY_SECONDS
        self._entries: dict[str, bytes] = {}  # to be stored
        #: Topics that were to be loaded again and are not, with the reason; whoever tells of them, takes them out.
        self.refused: list[tuple[str, str]] = []
        self._trace()

    @staticmethod
    def plan(tables: Iterable[SourceTable], prepare: Prepare = "do-nothing") -> dict[str, bytes]:
        """The state entries that make a first start load these tables."""
        return {
            load_key(table.topic): TableLoad(total=table.estimated_rows, prepare=prepare).to_json()
            for table in tables
            if table.state == "streaming"
        }

    @property
    def done(self) -> bool:
        return not self._left

    @property
    def waiting(self) -> bool:
        """A chunk has been read and waits for the stream to reach its high mark."""
        return any(task.chunks for task in self._tasks)

    @property
    def reading(self) -> bool:
        """A chunk is being read."""
        return any(task.running for task in self._tasks)

    @property
    def ready(self) -> bool:
        """A chunk has been read, and the stream has reached its high mark."""
        return not self._emitter.in_transaction and self._due() is not None

    @property
    def delayed(self) -> str:
        """Why a table, or any, cannot be read just now; "" where nothing is in the way."""
        if (reason := self._throttle.reason) and not self.done:
            return reason
        return self._delays.reason(self.tables.__contains__)

    def observe(self, batch: Batch) -> None:
        """Before a batch is published: remembers which rows it wrote, and which tables' events end with it."""
        if batch.touched:
            self._window.observe(batch.touched)
        self.suspend(suspended_topics(batch.state))

    def suspend(self, topics: Collection[str]) -> None:
        """These tables are not loaded any further."""
        if self.tables.keys().isdisjoint(topics):
            return
        self.tables = {topic: table for topic, table in self.tables.items() if topic not in topics}
        self._give_up(lambda task: task.topic in topics)
        self._trace()

    def again(
        self,
        table: SourceTable,
        where: str,
        position: Position,
        resync: bool = False,
        loads: int = 0,
        taken_up: bool = False,
    ) -> None:
        """Loads a table once more, or the rows that meet a condition; between two transactions.

        Args:
            position: up to where the stream was read.
            resync: rows that the load does not bring are removed from targets.
            loads: how often it was loaded again before, where that is not known here.
            taken_up: it is captured again just now: it is loaded in any case.

        Raises:
            RefusedError: the server does not take the condition.
        """
        topic = table.topic
        before = self.tables.get(topic)
        self._reader.demand(topic, position)
        # Before anything changes: the condition may be wrong.
        reading = None if taken_up else self._reader.prepare(topic, where)
        self._give_up(lambda task: task.topic == topic)
        self._readings.pop(topic, None)
        loads = (before.loads if before is not None else loads) + 1
        load = TableLoad(total=0 if where else table.estimated_rows, loads=loads, where=where, resync=resync)
        self.tables[topic] = load
        if reading is not None:
            self._readings[topic] = reading
            self._mark_begin(topic, reading)
        self._entries[load_key(topic)] = load.to_json()
        self._trace()
        log.info("table is loaded again", table=str(table.name), where=where)

    def demand(self, position: Position) -> None:
        """At a start: the tables that were being loaded again must be seen as the stream left them."""
        for topic, table in self.tables.items():
            if table.loads and not table.done:
                self._reader.demand(topic, position)

    def begin(self, position: Position) -> None:
        """Before streaming goes on: begins the loads by which targets lose what they hold, where that can be now.

        What is streamed before need not find a table in the target that it fits.
        """
        for topic in [topic for topic, table in self.tables.items() if table.clears and self._marks]:
            with contextlib.suppress(TableBusyError, TableGoneError):
                self._prepare(topic, position)

    def read(self, position: Position) -> None:
        """Takes what was read, and begins to read what can be read now.

        Args:
            position: up to where the stream was read.
        """
        for outcome in self._readers.finished():
            self._take(outcome)
        between = not (position.in_transaction or self._emitter.in_transaction)
        while self._has_room and (topic := self._next_topic(between)) is not None:
            try:
                if not self._sees_inherited():
                    return
                self._begin(topic, position)
            except TableBusyError as error:
                self._delays.add(topic, error)
                if self._inherited:
                    return
            except TableGoneError:
                self._finish_table(topic)

    def send(self) -> dict[str, bytes]:
        """Hands a waiting chunk to the emitter once the stream has reached its high mark.

        Returns:
            The state entries that become durable with the rows (and with the batch in hand, in any case).
        """
        entries, self._entries = self._entries, {}
        task = self._due() if not self._emitter.in_transaction else None
        if task is not None:
            size = 0
            while task is not None:  # small ones together: the stream's transaction costs more
                chunk = task.chunks[0]
                if self._outdated(chunk):  # what is left of its view is read again
                    self._give_up_one(task)
                else:
                    self._send(task, chunk)
                    entries[load_key(task.topic)] = self.tables[task.topic].to_json()
                size += chunk.size
                task = self._due() if size < SMALL_BYTES else None
        elif self._window.crowded:  # what is read through newer views needs less to be remembered
            self._give_up(lambda task: task.view is not None)
        unseen = self._inherited + self._window.unseen if not self.done else []
        if unseen != self._stored_unseen:
            self._stored_unseen = unseen
            epoch = self._inherited_epoch if self._inherited else self._emitter.epoch
            entries[UNSEEN_KEY] = orjson.dumps({"epoch": epoch, "tokens": unseen})
        return entries

    def whole(self, topic: str) -> Iterable[Chunk]:
        """The chunks of a keyless table, as it was at the start position."""
        return self._reader.whole(topic, self._limit_bytes)

    def close(self) -> None:
        self._give_up(lambda task: True)  # a reader that waits for room sees it
        self._readers.close()
        self._throttle.rest()
        self._reader.close()

    # ---- reading

    @property
    def _has_room(self) -> bool:
        return self._readers.idle and self._throttle.open

    def _next_topic(self, between: bool) -> str | None:
        """A table of which something can be read now; inside a transaction of the stream none can begin."""
        for topic, table in self._left.items():
            if not self._delays.is_due(topic) or (self._marks and not table.begun and not between):
                continue
            if table.free() or not (table.divided or table.rest.taken):
                return topic
        return None

    def _begin(self, topic: str, position: Position) -> None:
        """Begins to read a chunk of the table, or to divide it."""
        reading = self._readings.get(topic) or self._prepare(topic, position)
        table = self.tables[topic]
        if table.order not in ("", reading.order):
            self._give_up(lambda task: task.topic == topic)
        if not table.order and not table.where:
            table.total = max(table.total, reading.estimated_rows)  # where nobody has analysed it, or not of late
        table.ordered(reading.order)
        table.private = reading.private
        if table.total < 2 * SPAN_ROWS:
            table.divided = True
        if (
            not table.divided
            and not table.rest.taken
            and sum(not span.taken for span in table.spans) <= self._most_readers
        ):
            self._begin_dividing(topic, table, reading)
            return
        span = table.free()
        assert span is not None
        span.taken = True
        task = _Task(topic, reading, span)
        self._tasks.append(task)
        self._readers.begin(lambda reader: self._read_view(reader, task, span), task)

    def _prepare(self, topic: str, position: Position) -> Reading:
        if self._marks and self.tables[topic].clears:
            # What was streamed of the table before its load begins does not stay in targets: views must see it.
            self._reader.demand(topic, position)
        reading = self._reader.prepare(topic, self.tables[topic].where)
        if reading is None:
            raise TableBusyError("its columns are changing: the stream must come to the statement first")
        self._readings[topic] = reading
        self._mark_begin(topic, reading)
        return reading

    def _mark_begin(self, topic: str, reading: Reading) -> None:
        table = self.tables[topic]
        if self._marks and not table.begun:
            structure = structure_at("before", self._indexes, self._reader, topic, table)
            self._emitter.load_mark(reading.table, table.begin(self._emitter.between, structure))
            self._entries[load_key(topic)] = table.to_json()

    def _begin_dividing(self, topic: str, table: TableLoad, reading: Reading) -> None:
        rest = table.rest
        rest.taken = True
        rows = max(SPAN_ROWS, table.total // MOST_SPANS)
        task = _Task(topic, reading, rest, divides=True)
        self._tasks.append(task)
        self._readers.begin(lambda reader: reader.bound(reading, rest.after, rows), task)

    def _read_view(self, reader: ChunkReader, task: _Task, span: Span) -> bool:
        """On a reader's thread: whether the table was as it was prepared."""
        ends = time.monotonic() + VIEW_SECONDS

        def open_view(opener: Callable[[], View]) -> View:
            nonlocal ends
            task.view = self._window.open(opener)
            ends = time.monotonic() + VIEW_SECONDS
            failpoints.reached("load.view")
            return task.view

        # Where the rate is bounded, all readers together ask for a second's worth: what is asked for is sent.
        rows = max(1, self._throttle.limit(VIEW_ROWS * self._most_readers) // self._most_readers)
        prepared = False
        with contextlib.closing(
            reader.read_view(task.reading, span.after, span.until, rows, self._limit_bytes, open_view)
        ) as chunks:
            for chunk in chunks:
                prepared = True
                failpoints.reached("load.chunk_read")
                while not self._room.take(chunk.size, ROOM_SECONDS):
                    if task.given_up or time.monotonic() > ends + PATIENCE_SECONDS:
                        return True
                self._readers.hand_over(task, chunk)
                if task.given_up or time.monotonic() > ends or self._throttle.reason:
                    break
        return prepared

    def _take(self, outcome: Outcome) -> None:
        """What became of a task."""
        task: _Task = outcome.task
        if outcome.part:
            self._take_chunk(task, outcome.result)
            return
        task.running = False
        topic, error = task.topic, outcome.error
        if task.given_up:
            self._end(task)  # its view may have been opened since
        elif error is not None:
            self._give_up_one(task)
            if isinstance(error, RefusedError) and self.tables[topic].where:
                self._refuse(topic, error)
                return
            if not isinstance(error, TableBusyError):
                raise error
            self._readings.pop(topic, None)
            self._delays.add(topic, error)
        elif task.divides:
            self._end(task)
            self.tables[topic].divide(outcome.result)
        elif not outcome.result:
            self._end(task)
            self._readings.pop(topic, None)
        elif not task.chunks:
            self._end(task)

    def _take_chunk(self, task: _Task, chunk: Chunk) -> None:
        if task.given_up:
            self._room.give_back(chunk.size)
            return
        self._delays.end(task.topic)
        self._throttle.read(max(chunk.read, len(chunk.rows)))
        self._reader.awaited(chunk.high)
        task.chunks.append(chunk)

    def _refuse(self, topic: str, error: RefusedError) -> None:
        """A condition that fails for some row ends its own load, and nothing else."""
        log.error("a table is not loaded again", topic=topic, error=str(error))
        self._give_up(lambda task: task.topic == topic)
        self._finish_table(topic)
        self._entries[load_key(topic)] = self.tables[topic].to_json()
        self.refused.append((topic, str(error)))

    def _give_up(self, which: Callable[[_Task], bool]) -> None:
        """What these have read, if anything, is not needed any more."""
        for task in [task for task in self._tasks if which(task)]:
            self._give_up_one(task)

    def _give_up_one(self, task: _Task) -> None:
        task.given_up = True
        self._room.give_back(sum(chunk.size for chunk in task.chunks))
        task.chunks.clear()
        if task.view is not None:
            self._window.closed(task.view)
        if not task.running:  # else its span is free when its reader has come to an end
            self._end(task)

    def _end(self, task: _Task) -> None:
        """Nothing of the task is being read, nor waits."""
        if task.view is not None:
            self._window.closed(task.view)
        task.span.taken = False
        if task in self._tasks:
            self._tasks.remove(task)

    # ---- sending

    def _due(self) -> _Task | None:
        """One with a chunk whose high mark the stream has reached."""
        mark = self._emitter.mark
        return next((task for task in self._tasks if task.chunks and mark >= task.chunks[0].high), None)

    def _outdated(self, chunk: Chunk) -> bool:
        """Whether the table was emptied or altered behind the chunk's view."""
        announced = self._emitter.announced(chunk.table.topic)  # by a newer chunk, if the log has not come to it yet
        return self._window.stale(chunk) or (announced is not None and announced > chunk.table.schema.id)

    def _send(self, task: _Task, chunk: Chunk) -> None:
        rows = self._window.remaining(chunk)
        count = self._emitter.snapshot_rows(chunk.table, rows, self._emitter.mark, chunk.fields)
        table = self.tables[task.topic]
        table.sent(task.span, chunk.after, count, chunk.size)
        failpoints.reached("load.chunk_sent")
        task.chunks.popleft()
        self._room.give_back(chunk.size)
        if not (task.chunks or task.running):
            self._end(task)
        if table.done:
            if self._marks:
                structure = structure_at("after", self._indexes, self._reader, task.topic, table)
                self._emitter.load_mark(chunk.table, table.end(structure), chunk.fields)
            self._finish_table(task.topic)
            failpoints.reached("load.table_end")

    def _finish_table(self, topic: str) -> None:
        table = self.tables[topic]
        table.done = True
        table.spans = []
        self._readings.pop(topic, None)
        log.info("table loaded", topic=topic, rows=table.rows)
        self._left.pop(topic, None)  # and so it is traced no more
        self._end_if_done()

    def _trace(self) -> None:
        self._left = {topic: table for topic, table in self.tables.items() if not table.done}
        self._emitter.traced = self._left.keys()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self.done:
            self._give_up(lambda task: True)
            self._readers.close()
            self._throttle.rest()
            for task in list(self._tasks):  # whose outcomes nobody takes any more
                self._end(task)

    def _sees_inherited(self) -> bool:
        """Transactions streamed before a restart, whose keys are forgotten, must be visible before we read on.

        On another server their tokens may mean nothing (places in the old server's log). It has committed all of them,
        or the source had not opened: they are given their time to become visible.
        """
        if self._inherited and self._inherited_epoch != self._emitter.epoch:
            if time.monotonic() <= self._visible_until:
                return False
        elif self._inherited and not self._reader.sees_all(self._inherited):
            if time.monotonic() > self._visible_until:
                raise TableBusyError(
                    "transactions that the log holds as committed stay invisible to queries",
                    where="full load",
                    fix="see whether commits wait for a synchronous standby that is away",
                )
            return False
        self._inherited = []
        return True


def loaded_tables(state: dict[str, bytes]) -> dict[str, TableLoad]:
    """All load entries of a state store, by topic; for `status` and `verify`."""
    return {
        key.removeprefix(LOAD_PREFIX): TableLoad.from_json(value)
        for key, value in state.items()
        if key.startswith(LOAD_PREFIX)
    }


def suspended_topics(state: Mapping[str, bytes]) -> set[str]:
    """The topics whose tables these state entries suspend."""
    return {
        key.removeprefix(TABLE_PREFIX)
        for key, value in state.items()
        if key.startswith(TABLE_PREFIX) and orjson.loads(value)["state"] == "suspended"
    }
