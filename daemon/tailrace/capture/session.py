"""One connection of a source and a stream, from opening to closing.

The order is the promise: the stream holds the events, the load's progress and the position, in one transaction; then
the source may forget them (I1). One batch is on its way into the stream while the next one is read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.capture.admission import admitted
from tailrace.capture.budget import Guard
from tailrace.capture.first_load import FirstLoad
from tailrace.capture.load import Load, loaded_tables, suspended_topics
from tailrace.capture.ordering import ordered
from tailrace.capture.progress import Progress
from tailrace.capture.publishing import Publisher
from tailrace.capture.reloads import Reloads
from tailrace.capture.renewal import Renewal
from tailrace.capture.suspension import date, refusals
from tailrace.capture.takeup import TakeUps
from tailrace.capture.throttle import opened_throttle
from tailrace.capture.whole import WholeLoads
from tailrace.config.file import LoadSettings
from tailrace.emitter import Emitter
from tailrace.errors import RefusedError, UnreachableError
from tailrace.logs import logger
from tailrace.position import LOAD_PREFIX, NO_LOG, POSITION_KEY, SCHEMA_PREFIX, Position
from tailrace.report import Control
from tailrace.source import Opened, Source, SourceTable
from tailrace.stream import StreamWriter

#: A batch is read up to this many bytes and then handed to the stream, small against the memory bound.
BATCH_BYTES = 1 << 20
#: Under backlog a transaction of the stream takes several batches, to spread its cost.
TRANSACTION_BYTES = 8 << 20
#: The same while tables are loaded, a chunk of which is a batch.
LOAD_TRANSACTION_BYTES = 32 << 20
CHUNK_BYTES = 4 << 20
READ_SECONDS = 0.25
#: While a batch is on its way: so soon it is looked at again where the log brings nothing.
BUSY_SECONDS = 0.02
#: The same for chunks that are being read, or wait for their mark.
LOADING_SECONDS = 0.003
#: Positions that moved without events are stored this often; the source's log is freed only up to a stored one.
IDLE_STORE_SECONDS = 1.0

log = logger()


class Session:
    """Reads and publishes until told to stop, or until an error ends the session."""

    def __init__(
        self,
        source: Source,
        writer: StreamWriter,
        mode: str,
        control: Control,
        progress: Progress,
        load: LoadSettings | None = None,
        marks: bool = False,
        folder: Path | None = None,
        guard: Guard | None = None,
        renewal: Renewal | None = None,
    ) -> None:
        """`folder`: for events that wait for a load and are too many for memory. `renewal`: all tables may be asked for
        to be loaded again."""
        self._source = source
        self._writer = writer
        self._publisher = Publisher(writer)
        self._mode = mode
        self._load_settings = load or LoadSettings()
        self._throttle = opened_throttle(source, self._load_settings)
        self._marks = marks  # sinks are told where the load of each table begins and ends
        self._guard = guard or Guard(None)
        self._renewal = renewal
        self._control = control
        self._progress = progress
        self._position: Position  # up to here everything was given to the publisher
        self._stored: Position  # up to here the stream holds it
        self._emitter: Emitter
        self._load: Load
        self._whole: WholeLoads
        self._folder = folder
        self._take_ups: TakeUps
        self._reloads: Reloads
        self._suspended: set[str] = set()
        self._prepared: set[str] = set()
        self._stored_at = 0.0
        self._full = ""
        self._overlap = False
        self._begun_bytes = 0  # of the stream's transaction that goes on
        self._exceeding = False

    def open(self) -> None:
        """Opens the source; returns early with `control.stop`."""
        state = self._writer.state()
        record = state.get(POSITION_KEY)
        stored = Position.from_json(record) if record else None
        if stored is not None:
            self._require_same_log(stored)
            self._progress.continues(stored)
        entries: dict[str, bytes] = {}
        if self._renewal is not None:
            self._renewal.look(state)
        renews = stored is not None and self._renewal is not None and self._renewal.renews
        if stored is not None and self._mode != "cdc" and not renews:
            entries = admitted(self._source.tables(), state, self._load_settings.prepare)
            state = state | entries
        moment = time.monotonic()
        if stored is not None and renews:
            opened = self._source.renew(stored, state)
        else:
            opened = self._source.open(stored, state)
        if self._renewal is not None:
            self._renewal.opened()
        for warning in opened.warnings:
            log.warning(warning)
        self._position = self._stored = opened.position
        self._emitter = opened.emitter
        self._prepare([table.topic for table in opened.tables if table.state == "streaming"])
        if stored is None:
            if opened.past:
                self._progress.continues(opened.position)
            else:
                self._progress.begins(moment)
            begun = self._begin(opened, state)
            if begun is None:
                return
            state = state | begun
        elif renews:
            self._progress.begins(moment)
            state = self._renew(opened, state)
        elif self._mode != "cdc":
            self._admit(opened, entries, state)
        state = self._note_refusals(opened, state)
        state = self._taken_up(opened, state)
        self._suspended = suspended_topics(state) | {t.topic for t in opened.tables if t.state == "suspended"}
        self._open_load(opened.tables, state)
        self._load.demand(self._position)
        if not self._position.in_transaction:
            self._load.begin(self._position)
        loads = {**self._load.tables, **self._whole.tables}
        self._progress.opened(opened.tables, loads or loaded_tables(state), state)
        log.info("capture opened", position=self._position.restart, tables=len(opened.tables), loading=not self._loaded)
        failpoints.reached("capture.opened")

    def run(self) -> None:
        """Until `control.stop`, or, with `control.finish`, until caught up with the log as it stood when loaded."""
        goal: str | None = None
        while not self._control.stop.is_set():
            if self._control.finish.is_set() and goal is None and self._loaded:
                goal = self._source.log_end()
                log.info("catching up", goal=goal)
            if goal is not None and self._position.mark >= goal:
                break
            self._step(at_once=goal is not None)
        self._finish()

    def close(self) -> None:
        self._publisher.close()
        self._throttle.rest()
        if hasattr(self, "_whole"):
            self._whole.close()
        if hasattr(self, "_load"):
            self._load.close()

    # ---- one step

    def _step(self, at_once: bool) -> None:
        if self._full or not self._overlap:
            self._finish()
            self._full = self._backlog_full()
            if self._full and not self._position.in_transaction:
                self._pause(self._full)
                return
            self._exceed(self._full)
        asked = self._reloads.begin(self._position)
        if not self._load.done:
            self._load.read(self._position)
        if not self._whole.done:
            self._whole.read()
        for refused in (self._load.refused, self._take_ups.refused):
            while refused:
                self._progress.refused(*refused.pop())
        reason = self._load.delayed or self._whole.delayed or self._take_ups.reason
        self._progress.state("streaming" if self._loaded else "loading", reason)
        batch = self._source.read(self._patience, BATCH_BYTES)
        if batch is None:  # nothing to publish; but of a look-ahead event the load must know before a chunk goes out
            batch = self._emitter.take()
        else:
            failpoints.reached("read.decoded")
        self._load.observe(batch)
        if not self._whole.done:
            self._whole.hold(batch)
        entries: dict[str, bytes | None] = {**asked, **self._load.send()}
        rows = self._emitter.take()
        self._load.observe(rows)  # what reading a chunk has shown may suspend its table
        batch.extend(Batch(rows.runs, rows.events, rows.bytes, state=rows.state))
        if not self._whole.done:
            entries.update(self._whole.add_to(batch))
        self._store(batch, entries, at_once)
        self._report()

    @property
    def _loaded(self) -> bool:
        return self._load.done and self._whole.done and not self._reloads.pending

    def _store(self, batch: Batch, entries: Mapping[str, bytes | None], at_once: bool) -> None:
        moved = batch.mark != self._position.mark or batch.restart != self._position.restart
        if not batch.runs and not entries and not batch.state:
            due = at_once or not self._loaded or time.monotonic() - self._stored_at >= IDLE_STORE_SECONDS
            if not moved or not due:
                self._settle()
                self._end()
                return
        position = replace(
            self._position,
            restart=batch.restart,
            delivered=batch.delivered or self._position.delivered,
            mark=batch.mark,
            commit_ts_ms=batch.commit_ts_ms or self._position.commit_ts_ms,
        )
        date(batch.state, self._progress.lag_seconds)
        self._suspended |= suspended_topics(batch.state)
        self._begin_publishing(batch, {**batch.state, **entries}, position)

    @property
    def _patience(self) -> float:
        """Seconds to wait for the log's next change."""
        if self._begun_bytes or self._load.ready or self._whole.ready:
            return 0
        if self._load.waiting or self._load.reading or self._whole.active:
            return LOADING_SECONDS
        return BUSY_SECONDS if self._publisher.busy else READ_SECONDS

    def _begin_publishing(self, batch: Batch, state: dict[str, bytes | None], position: Position) -> None:
        if self._publisher.busy:
            self._settle()
            self._full = self._backlog_full()
        self._prepare_for(batch)
        if batch.state and any(key.startswith(SCHEMA_PREFIX) for key in batch.state):
            failpoints.reached("schema.publish")
        # Under backlog the next batch is read while this one is on its way. With less to do this one is waited for:
        # what arrives meanwhile leaves in one transaction, where reading at once would find a single change and make
        # it wait. Where no other batch is at hand, the transaction ends with the next step.
        size = self._begun_bytes + batch.bytes
        self._overlap = size >= BATCH_BYTES
        most = TRANSACTION_BYTES if self._loaded else LOAD_TRANSACTION_BYTES
        more = batch.bytes >= BATCH_BYTES and size < most
        if not more:
            state[POSITION_KEY] = position.to_json()
        self._publisher.begin(batch, state, position, more)
        self._begun_bytes = size if more else 0
        self._position = position
        self._stored_at = time.monotonic()

    def _end(self) -> None:
        """Ends the stream's transaction, where one goes on and no batch follows; nothing may be on its way."""
        if self._begun_bytes:
            self._begin_publishing(Batch(), {}, self._position)

    def _finish(self) -> None:
        """Waits until everything that was read is durable."""
        self._settle()
        self._end()
        self._settle()

    def _settle(self) -> None:
        """Waits for what is on its way; what is durable then, the source may forget."""
        published = self._publisher.settle()
        self._overlap = False
        if published is None:
            return
        if published.durable:
            self._stored = published.position
            failpoints.reached("acknowledge.begin")
            self._source.acknowledge(self._stored)
            failpoints.reached("acknowledge.done")
        self._tell(published.batch)
        for key in published.state:
            if not key.startswith(LOAD_PREFIX):
                continue
            topic = key.removeprefix(LOAD_PREFIX)
            load = self._load.tables.get(topic) or self._whole.tables.get(topic)
            if load is not None:
                self._progress.loaded(topic, load)
        self._reloads.stored(published.stored)

    def _tell(self, batch: Batch) -> None:
        """Counts what was published."""
        stored = self._stored
        self._progress.published(batch, stored.mark, self._source.position_text(stored), stored.commit_ts_ms)

    def _publish(self, batch: Batch, state: Mapping[str, bytes | None]) -> None:
        """Publishes, and waits for it; only while nothing is on its way."""
        self._prepare_for(batch)
        self._writer.publish(batch.runs, state)
        self._stored_at = time.monotonic()

    def _prepare_for(self, batch: Batch) -> None:
        new = {run.topic for run in batch.runs} - self._prepared
        if new:
            self._finish()
            self._prepare(sorted(new))

    def _prepare(self, topics: list[str]) -> None:
        self._writer.prepare(topics)
        self._prepared.update(topics)

    def _pause(self, reason: str, state: str = "paused") -> None:
        """Nothing can be published: the source is not read, but its connection is kept alive, and its log grows."""
        self._progress.state(state, reason)
        self._source.acknowledge(self._stored)
        self._control.stop.wait(READ_SECONDS)
        if self._progress.due:
            self._measure()
            self._progress.send()

    def _backlog_full(self) -> str:
        """Why nothing can be published; what the stream may hold is not the last word while the source must forget."""
        full = self._writer.backlog_full()
        if self._guard.spilling:
            self._guard.spilled(full)
            full = full and self._writer.spill_full()
        return full

    def _exceed(self, full: str) -> None:
        """Sinks commit at the ends of transactions: inside one, waiting for them would be for ever."""
        if full and not self._exceeding:
            log.warning("a source transaction is larger than the stream may keep, and goes on", reason=full)
        self._exceeding = bool(full)

    def _report(self) -> None:
        if not self._progress.due:
            return
        if self._measure() == 0:
            self._progress.proven_idle()
        self._source.acknowledge(self._stored)
        self._progress.send()

    def _measure(self) -> int:
        """Asks the source how far its log goes beyond what is stored; the bytes."""
        moment = time.monotonic()
        mark = self._stored.mark
        behind = self._source.lag_bytes(mark)
        # The end is that of a moment later, which only makes the lag wider.
        self._progress.measured(moment, mark, self._source.end() if behind else mark, behind)
        self._guard.position = self._stored
        if self._guard.due:
            self._guard.look(self._source, self._progress.lag_seconds)
            self._progress.retained(self._guard.report)
        return behind

    # ---- the first start

    def _begin(self, opened: Opened, state: dict[str, bytes]) -> dict[str, bytes] | None:
        """Keyless tables first, whole, as of the start position; then the position is stored and streaming begins.

        Returns:
            The entries that are stored now; None where we were asked to stop before.
        """
        entries: dict[str, bytes] = {}
        if self._mode != "cdc":
            entries = Load.plan(opened.tables, self._load_settings.prepare)
            keyless = [t for t in opened.tables if t.keyless and t.state == "streaming"]
            keyless = ordered(keyless, self._load_settings.order)
            if keyless:
                loaded = self._load_keyless(opened, keyless, state, entries)
                if loaded is None:
                    return None
                entries.update(loaded)
        batch = self._emitter.take()
        entries.update(batch.state)
        self._publish(batch, {**entries, POSITION_KEY: opened.position.to_json()})
        self._source.acknowledge(opened.position)
        return entries

    def _load_keyless(
        self, opened: Opened, tables: list[SourceTable], state: dict[str, bytes], plan: dict[str, bytes]
    ) -> dict[str, bytes] | None:
        self._progress.opened(opened.tables, loaded_tables(plan), state)
        self._progress.state("loading")
        settings, throttle = self._load_settings, self._throttle
        load = FirstLoad(
            self._source.snapshot(), self._emitter, opened.position, throttle, settings, CHUNK_BYTES, self._marks
        )
        with contextlib.closing(load.pieces(tables, state)) as pieces:
            for piece in pieces:
                if not self._await_room():
                    return None
                self._publish(piece.batch, piece.entries)
                self._source.acknowledge(opened.position)
                self._tell(piece.batch)
                self._progress.loaded(piece.topic, piece.load)
                if self._progress.due:
                    self._measure()
                    self._progress.send()
        return load.done

    def _await_room(self) -> bool:
        """Waits while the stream takes nothing, or nothing may be read; False when asked to stop."""
        while not self._control.stop.is_set():
            if full := self._backlog_full():
                self._pause(full)
            elif not self._throttle.open:
                self._pause(self._throttle.reason, "loading")
            else:
                break
        if self._control.stop.is_set():
            return False
        self._progress.state("loading")
        return True

    # ---- a later start

    def _require_same_log(self, stored: Position) -> None:
        """A load without a log has no place in it, and a place in the log would be held for ever without its reader."""
        without = stored.restart == NO_LOG
        if without != (self._mode == "full-load"):
            before = "full-load" if without else "cdc or full-load-and-cdc"
            raise RefusedError(
                f"the pipeline's state is of mode {before}, and the file says {self._mode}",
                fix="run `tailrace teardown` first, or give the new pipeline another name",
            )

    def _admit(self, opened: Opened, entries: Mapping[str, bytes], state: Mapping[str, bytes]) -> None:
        """Stores how new tables are captured, once the source has opened: it may have been another server's."""
        if admitted(opened.tables, state):
            raise UnreachableError("a table was created at the moment in which capture began", fix="it is tried again")
        if entries:
            self._publish(Batch(), entries)

    def _renew(self, opened: Opened, state: dict[str, bytes]) -> dict[str, bytes]:
        """Stores the new beginning of the log, and that all tables are loaded behind it; returns the state with it."""
        assert self._renewal is not None
        self._renewal.begins(self._source.position_text(opened.position))
        batch = self._emitter.take()
        prepare, epoch = self._load_settings.prepare, opened.position.epoch
        plan = self._renewal.plan(opened.tables, batch.state, state, epoch, prepare, self._marks)
        entries: dict[str, bytes | None] = {**batch.state, **plan, POSITION_KEY: opened.position.to_json()}
        self._publish(batch, entries)
        self._source.acknowledge(opened.position)
        self._renewal.done()
        return _brought_up_to_date(state, entries)

    def _note_refusals(self, opened: Opened, state: dict[str, bytes]) -> dict[str, bytes]:
        """Stores since when tables are refused; returns the state with it."""
        entries = refusals(opened.tables, state)
        if entries:
            self._publish(Batch(), entries)
        return _brought_up_to_date(state, entries)

    def _taken_up(self, opened: Opened, state: dict[str, bytes]) -> dict[str, bytes]:
        """Stores that suspended tables are captured again which the source has taken up while it was opened."""
        self._take_ups = TakeUps(self._source, state)
        entries = self._take_ups.opened(opened.tables, loaded_tables(state))
        if not entries:
            return state
        batch = self._emitter.take()
        recorded = {**batch.state, **entries}
        self._publish(batch, recorded)
        return _brought_up_to_date(state, recorded)

    def _open_load(self, tables: list[SourceTable], state: dict[str, bytes]) -> None:
        settings = self._load_settings
        tables = ordered(tables, settings.order, loaded_tables(state))
        reader, throttle = self._source.snapshot(), self._throttle
        self._load = Load(
            tables,
            state,
            reader,
            self._emitter,
            CHUNK_BYTES,
            settings.readers,
            throttle,
            marks=self._marks,
            indexes=settings.indexes,
        )
        self._whole = WholeLoads(tables, state, reader, self._emitter, CHUNK_BYTES, throttle, self._folder, self._marks)
        self._reloads = Reloads(
            self._source,
            self._emitter,
            self._control,
            self._progress,
            self._load,
            self._whole,
            self._take_ups,
            self._renewal,
            loads={topic: load.loads for topic, load in loaded_tables(state).items()},
            resync=self._marks,
            suspended=self._suspended,
        )


def _brought_up_to_date(state: Mapping[str, bytes], entries: Mapping[str, bytes | None]) -> dict[str, bytes]:
    kept = {key: value for key, value in state.items() if key not in entries}
    return kept | {key: value for key, value in entries.items() if value is not None}
