"""Tables without a key are loaded whole, beside the stream: at a later start, and when somebody asks for it again.

Rows without a key cannot be told apart, so that a chunk's rows cannot be held against what the log brings. The table is
read in one view whose place in the log is exact. From the moment in which the view is asked for, copies of the table's
events are kept. Once the stream has passed the view's place, targets are told to empty the table, its rows go out,
piece by piece between two batches of the log, and then what was kept from the view's place on. All other tables go on.

Nothing of it outlives the session: a load that was cut off begins again with a view of its own. What the targets have
then, a part of the rows, is emptied first. Until then the table's events go out where targets have all of its rows, and
must not go out where they have a part: targets refuse a change to a row that they have not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tailrace import failpoints
from tailrace.batch import Batch, Run
from tailrace.capture.delays import Delays
from tailrace.capture.kept import Event, Kept, ending, ends_transaction, mark_of, transaction_of
from tailrace.capture.load import suspended_topics
from tailrace.capture.readers import Outcome, Readers
from tailrace.capture.spans import Span, TableLoad
from tailrace.capture.throttle import Throttle
from tailrace.emitter import Emitter
from tailrace.errors import RefusedError, TableBusyError, TableGoneError, UnreachableError
from tailrace.logs import logger
from tailrace.position import load_key
from tailrace.sequence import SNAPSHOT_ORDINAL, sequence
from tailrace.source import Chunk, Reading, SnapshotReader, SourceTable, WholeReader

log = logger()


@dataclass(slots=True, eq=False)
class _Attempt:
    """One view of a table, and what of it has gone out.

    Attributes:
        place: mark of the view; None until it is open.
        busy: the reader is at work.
        chunk: was read and is to go out.
        sent: the truncate has gone out, and rows.
        ended: all rows have.
        last: the piece that ended them.
        kept: events of the table since the view was asked for.
    """

    topic: str
    kept: Kept
    place: str | None = None
    busy: bool = True
    chunk: Chunk | None = None
    sent: bool = False
    ended: bool = False
    last: Chunk | None = None


class _Filtered:
    """What is left of a batch's runs. Where a transaction's last event is taken out, the one before is its last."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def leave(self, run: Run) -> None:
        self.runs.append(run)

    def take_out(self, value: bytes | None) -> None:
        """The event that comes next is not left."""
        if value is None or not self.runs or not ends_transaction(value):
            return  # what was handed on in a batch before is ended by what the load sends next
        values = self.runs[-1].values
        index = len(values) - 1
        while index > 0 and values[index] is None:  # tombstones
            index -= 1
        last = values[index]
        if last is not None and transaction_of(last) == transaction_of(value):
            values[index] = ending(last)


class WholeLoads:
    """The tables that are to be loaded whole, one after the other.

    Args:
        tables: all that are captured.
        state: the stream's state store: tables without a key whose entry is not done are loaded.
        limit_bytes: of a piece.
        folder: for events that wait and are too many for memory; None: the system's own.
        marks: sinks are told where the load of each table begins and ends.
    """

    def __init__(
        self,
        tables: Collection[SourceTable],
        state: Mapping[str, bytes],
        reader: SnapshotReader,
        emitter: Emitter,
        limit_bytes: int,
        throttle: Throttle | None = None,
        folder: Path | None = None,
        marks: bool = False,
    ) -> None:
        self._reader = reader
        self._emitter = emitter
        self._limit_bytes = limit_bytes
        self._throttle = throttle or Throttle(0)
        self._folder = folder
        self._marks = marks
        #: Tables that are to be loaded, and those that were.
        self.tables: dict[str, TableLoad] = {}
        #: Topics whose events go out until the truncate does: the targets have all of their rows.
        self._intact: set[str] = set()
        self._readers = Readers(self._connect, 1)
        self._attempt: _Attempt | None = None
        self._delays = Delays()
        self._entries: dict[str, bytes] = {}
        for table in tables:
            record = state.get(load_key(table.topic))
            if record is None or not table.keyless or table.state != "streaming":
                continue
            if not (load := TableLoad.from_json(record)).done:
                self.tables[table.topic] = _anew(load)

    # ---- how it stands

    @property
    def done(self) -> bool:
        return all(table.done for table in self.tables.values())

    @property
    def active(self) -> bool:
        """A table is being read, or what was read waits."""
        return self._attempt is not None

    @property
    def ready(self) -> bool:
        """Something can go out now."""
        attempt = self._attempt
        return attempt is not None and self._may_send(attempt) and (attempt.chunk is not None or attempt.ended)

    @property
    def delayed(self) -> str:
        """Why a table cannot be read just now; "" where nothing is in the way."""
        return self._delays.reason(self._is_loading)

    # ---- what is to be loaded

    def again(self, table: SourceTable, loads: int, intact: bool) -> None:
        """Loads a table; between two transactions.

        Args:
            loads: how often it was loaded again before.
            intact: targets have had all of its events so far.
        """
        topic = table.topic
        if self._attempt is not None and self._attempt.topic == topic:
            self._give_up()
        if intact and not self._is_loading(topic):
            self._intact.add(topic)
        load = self.tables[topic] = TableLoad(total=table.estimated_rows, loads=loads + 1)
        self._entries[load_key(topic)] = load.to_json()
        self._delays.end(topic)
        log.info("table is loaded again, whole", table=str(table.name))

    def suspend(self, topics: Collection[str]) -> None:
        """These tables are not loaded any further."""
        for topic in self.tables.keys() & set(topics):
            if self._attempt is not None and self._attempt.topic == topic:
                self._give_up()
            del self.tables[topic]
            self._intact.discard(topic)

    # ---- reading

    def read(self) -> None:
        """Takes what was read, and begins to read what can be read now.

        Raises:
            TailraceError: what reading has met, but for a table that is only busy.
        """
        for outcome in self._readers.finished():
            self._take(outcome)
        attempt = self._attempt
        if attempt is None:
            topic = next(
                (topic for topic in self.tables if self._is_loading(topic) and self._delays.is_due(topic)), None
            )
            if topic is not None:
                self._begin(topic)
        elif not attempt.busy and attempt.chunk is None and not attempt.ended and self._throttle.open:
            attempt.busy = True
            self._readers.begin(lambda reader: reader.read(self._limit_bytes), attempt)

    def _connect(self) -> WholeReader:
        return self._reader.whole_reader()

    def _begin(self, topic: str) -> None:
        try:
            reading = self._reader.prepare_whole(topic)
            if reading is None:
                raise TableBusyError("its columns are changing: the stream must come to the statement first")
        except (TableBusyError, RefusedError) as error:
            self._delays.add(topic, error)
            return
        except TableGoneError:
            self._finish(topic)
            return
        self._open(topic, reading)

    def _open(self, topic: str, reading: Reading) -> None:
        attempt = self._attempt = _Attempt(topic, Kept(self._folder))
        self._readers.begin(lambda reader: reader.open(reading), attempt)

    def _take(self, outcome: Outcome) -> None:
        attempt: _Attempt = outcome.task
        if attempt is not self._attempt:
            return
        attempt.busy = False
        if outcome.error is not None:
            self._give_up()
            if not isinstance(outcome.error, TableBusyError | RefusedError):
                raise outcome.error  # but a missing grant, say, is told, and the log read on
            self._delays.add(attempt.topic, outcome.error)
        elif attempt.place is None:
            attempt.place = outcome.result
            self._reader.awaited(outcome.result)
            self._let_go_before(attempt)
        else:
            chunk: Chunk = outcome.result
            attempt.chunk = chunk
            failpoints.reached("load.chunk_read")
            self._delays.end(attempt.topic)
            self._throttle.read(max(chunk.read, len(chunk.rows)))

    def _let_go_before(self, attempt: _Attempt) -> None:
        """The view turns out to see the first of what was kept."""
        place = attempt.place
        assert place is not None
        while (event := attempt.kept.first()) is not None and (event[1] is None or mark_of(event[1]) < place):
            attempt.kept.take(1)

    # ---- the stream's events

    def hold(self, batch: Batch) -> None:
        """Before a batch is published: takes the events out of it that must wait, or are not to go out at all."""
        self.suspend(suspended_topics(batch.state))
        if not any(self._concerns(run) for run in batch.runs):
            return
        left = _Filtered()
        for run in batch.runs:
            if not self._concerns(run):
                left.leave(run)
            elif run.every_partition:
                # It was emptied, or has other columns from here on: a view of it is of no use any more.
                if self._attempt_of(run.topic) is not None:
                    self._give_up()
                    self._delays.add(run.topic, TableBusyError("it was altered or emptied while it was read"))
                left.leave(run)
            else:
                self._sort(run, left)
        batch.runs = left.runs
        batch.events = sum(len(run) - run.values.count(None) for run in left.runs)
        batch.bytes = sum(run.size for run in left.runs)

    def _concerns(self, run: Run) -> bool:
        topic = run.topic
        return self._is_loading(topic) and (topic not in self._intact or self._attempt_of(topic) is not None)

    def _sort(self, run: Run, left: _Filtered) -> None:
        """Keeps what the view does not see of the run's events; they go out too where targets have all of the rows."""
        attempt = self._attempt_of(run.topic)
        intact = run.topic in self._intact
        keep = False
        for key, value in run:
            if value is not None:  # a tombstone goes with its delete
                keep = attempt is not None and (attempt.place is None or mark_of(value) >= attempt.place)
            if keep and attempt is not None:
                attempt = self._keep(attempt, key, value)
            if not intact:
                left.take_out(value)
        if intact:
            left.leave(run)

    def _keep(self, attempt: _Attempt, key: bytes | None, value: bytes | None) -> _Attempt | None:
        """Where there is no room for it, the view is left: a later one sees the change."""
        try:
            attempt.kept.add(key, value)
        except UnreachableError as error:
            self._give_up()
            self._delays.add(attempt.topic, TableBusyError(error.what, where=error.where, fix=error.fix))
            return None
        return attempt

    def _give_up(self) -> None:
        """The view is left; a fresh one is opened later."""
        attempt, self._attempt = self._attempt, None
        assert attempt is not None
        attempt.kept.close()
        self.tables[attempt.topic] = _anew(self.tables[attempt.topic])
        self._readers.close()  # and with it the view, which holds the table's lock

    # ---- sending

    def add_to(self, batch: Batch) -> dict[str, bytes]:
        """Adds what can go out to a batch, behind its events.

        Returns:
            The state entries that become durable with it.
        """
        entries, self._entries = self._entries, {}
        attempt = self._attempt
        if attempt is None or not self._may_send(attempt):
            return entries
        load = self.tables[attempt.topic]
        if attempt.chunk is not None:
            chunk, attempt.chunk = attempt.chunk, None
            mark = attempt.place or self._emitter.mark
            if not attempt.sent:
                attempt.sent = True
                self._intact.discard(attempt.topic)
                self._begin_rows(chunk, load, mark)
            load.rows += self._emitter.snapshot_rows(chunk.table, chunk.rows, mark, chunk.fields)
            load.bytes += chunk.size
            failpoints.reached("load.chunk_sent")
            attempt.ended = chunk.after is None
            attempt.last = chunk if attempt.ended else None
            batch.extend(self._emitter.take())
            entries[load_key(attempt.topic)] = load.to_json()
        if attempt.ended:
            events = attempt.kept.take(self._limit_bytes)
            if events:
                run = _run(attempt.topic, events)
                batch.extend(Batch([run], len(run) - run.values.count(None), run.size))
            if not attempt.kept:
                self._end_rows(attempt, load)
                batch.extend(self._emitter.take())
                entries[load_key(attempt.topic)] = load.to_json()
                failpoints.reached("load.table_end")
        return entries

    def _begin_rows(self, chunk: Chunk, load: TableLoad, mark: str) -> None:
        """Targets learn of a load once, and lose what they hold of it at each attempt."""
        if self._marks and not load.begun:
            begun = load.begin(sequence(self._emitter.epoch, mark, SNAPSHOT_ORDINAL))
            self._emitter.load_mark(chunk.table, begun, chunk.fields, mark)
        self._emitter.snapshot_truncate(chunk.table, mark, chunk.fields)

    def _end_rows(self, attempt: _Attempt, load: TableLoad) -> None:
        self._attempt = None
        self._readers.close()
        self._finish(attempt.topic)
        if self._marks:
            assert attempt.last is not None
            self._emitter.load_mark(attempt.last.table, load.end(), attempt.last.fields)

    def close(self) -> None:
        self._readers.close()
        if self._attempt is not None:
            self._attempt.kept.close()
            self._attempt = None

    # ---- inside

    def _may_send(self, attempt: _Attempt) -> bool:
        place = attempt.place
        return place is not None and not self._emitter.in_transaction and self._emitter.mark >= place

    def _finish(self, topic: str) -> None:
        load = self.tables[topic]
        load.done = True
        load.spans = []
        self._intact.discard(topic)
        self._delays.end(topic)
        log.info("table loaded", topic=topic, rows=load.rows)

    def _attempt_of(self, topic: str) -> _Attempt | None:
        return self._attempt if self._attempt is not None and self._attempt.topic == topic else None

    def _is_loading(self, topic: str) -> bool:
        load = self.tables.get(topic)
        return load is not None and not load.done


def _anew(load: TableLoad) -> TableLoad:
    return replace(load, done=False, rows=0, bytes=0, order="", divided=False, spans=[Span()])


def _run(topic: str, events: list[Event]) -> Run:
    run = Run(topic)
    for key, value in events:
        run.keys.append(key)
        run.values.append(value)
        run.size += len(key or b"") + len(value or b"")
    return run
