"""What a source connector provides. Third parties implement exactly this (entry point `tailrace.sources`).

A source is used by one thread of one process, but for its `ChunkReader`s, which have a thread each. Methods block,
within the bounds stated; errors are those of `tailrace.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tailrace.batch import Batch
from tailrace.emitter import Emitter, EventTable
from tailrace.position import Position
from tailrace.schema import TableName, TableSchema
from tailrace.structure import TableStructure

if TYPE_CHECKING:
    from tailrace.config.interpolation import Interpolated


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `tailrace check`.

    Attributes:
        name: what was looked at, in a word or two (``"wal_level"``).
        ok: False makes `check` exit 1; None is a warning: said, but nothing fails.
        detail: what was found.
        fix: what to do, where not ok.
    """

    name: str
    ok: bool | None
    detail: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table of the source that the pipeline's globs select.

    Attributes:
        state: "streaming", or "suspended" where it cannot be captured safely.
        reason: why it is suspended, with the statement that mends it.
        keyless: read whole in one snapshot, applied row by row.
        estimated_rows: from the server's statistics.
    """

    name: TableName
    topic: str
    state: str = "streaming"
    reason: str = ""
    keyless: bool = False
    estimated_rows: int = 0


#: What a row takes in memory beside its bytes; counts against a chunk's `limit_bytes`.
ROW_OVERHEAD = 160


class View(Protocol):
    """What a chunk's SELECT could see."""

    def sees(self, transaction: str) -> bool:
        """Whether the streamed transaction (its `Touch.transaction` token) was visible to the read.

        Never guessed from the log's current position: a commit reaches the log before SELECT sees it.
        """
        ...


@dataclass(slots=True)
class Chunk:
    """A key range of one table as one read view saw it.

    Attributes:
        rows: (key, row object) as JSON, byte for byte as the stream would carry the same row. A key is None
            only in a keyless table.
        after: the last key, opaque to all but the reader: where the next chunk begins. None: the range was read to its
            end.
        view: what the read could see.
        high: mark that the stream must reach before the rows go out: everything visible lies before it.
        fields: members of `source` as the stream's events have them, each followed by a comma.
        size: bytes of the rows, about.
        read: how many rows were read, where the table's filter left some out.
    """

    table: EventTable
    rows: list[tuple[bytes | None, bytes]]
    after: str | None
    view: View
    high: str
    fields: bytes = b""
    size: int = 0
    read: int = 0


class Reading(Protocol):
    """How a table is read, as it is now; opaque to all but the reader."""

    @property
    def table(self) -> EventTable:
        """The version that its rows have."""
        ...

    @property
    def order(self) -> str:
        """Names the key's order: bounds that were made in another order mean nothing."""
        ...

    @property
    def private(self) -> bool:
        """The key has values that must not reach the stream: bounds are not stored, and a restart reads from the
        table's beginning."""
        ...

    @property
    def estimated_rows(self) -> int:
        """How many rows the table has, from what the server knows now; 0 unknown."""
        ...


#: Opens a view by the function that it is given, and makes it known; what that function raises goes through.
OpenView = Callable[[Callable[[], View]], View]


class ChunkReader(Protocol):
    """Reads chunks of any table through connections of its own; used by one thread at a time."""

    def read_view(
        self, reading: Any, after: str | None, until: str | None, limit_rows: int, limit_bytes: int, view: OpenView
    ) -> Generator[Chunk]:
        """The next rows in key order behind `after` (None: from the beginning), as far as `until`, which is included
        (None: to the end); keys are compared by the database. All chunks are of one view, and have its high mark.

        Whoever has enough closes the generator, which ends the view.

        Args:
            reading: what `SnapshotReader.prepare` gave.
            limit_rows: of all chunks together.
            limit_bytes: of one chunk, about.
            view: the view must be opened through it: views are opened one after the other, so that each sees what the
                ones before saw.

        Yields:
            Nothing where the table is not any more as `reading` has it: it must be prepared again.

        Raises:
            TableBusyError: the table cannot be read just now; it may be asked for again.
        """
        ...

    def bound(self, reading: Any, after: str | None, rows: int) -> str | None:
        """The key of the row that is `rows` rows behind `after`, as `Chunk.after`; None where there are not so many."""
        ...

    def interrupt(self) -> None:
        """From another thread: what waits for the server, fails."""
        ...

    def close(self) -> None: ...


class WholeReader(Protocol):
    """Reads tables without a key, each in one view with an exact place in the log; used by one thread at a time."""

    def open(self, reading: Any) -> str:
        """Opens a view of the table, whatever was open before.

        Args:
            reading: what `SnapshotReader.prepare_whole` gave.

        Returns:
            The mark of its place: as to this table every transaction before it is visible, and none from there on.

        Raises:
            TableBusyError: there is no such view to be had just now, or the table is not any more as `reading` has it.
        """
        ...

    def read(self, limit_bytes: int) -> Chunk:
        """The next rows of the view; `Chunk.after` is None with the last ones."""
        ...

    def interrupt(self) -> None:
        """From another thread: what waits for the server, fails."""
        ...

    def close(self) -> None: ...


class SnapshotReader(Protocol):
    """Reads tables for the full load, on connections of its own, locking nothing but what `check` announces."""

    def whole(self, topic: str, limit_bytes: int) -> Iterator[Chunk]:
        """A keyless table, whole, as it was at the start position; only before streaming begins."""
        ...

    def demand(self, topic: str, position: Position) -> None:
        """From now on, views for the table must see all transactions that end at or before the position.

        Nobody remembers which rows of it those wrote: the table was not being loaded.
        """
        ...

    def prepare(self, topic: str, where: str) -> Reading | None:
        """Looks at the table, by the stream's side: which version of it the rows would have.

        Args:
            where: a condition in the source's SQL; only rows that meet it are read. "" all.

        Returns:
            None where the stream must first come to what the catalogue shows already.

        Raises:
            TableGoneError: there is no such table any more, or it is not captured any more.
            TableBusyError: it may be asked for again.
            RefusedError: the server does not take the condition.
        """
        ...

    def chunks(self) -> ChunkReader:
        """Connects once more; may be called, and the result used, on another thread."""
        ...

    def prepare_whole(self, topic: str) -> Reading | None:
        """As `prepare`, for a `WholeReader`: the table need not have a key."""
        ...

    def whole_reader(self) -> WholeReader:
        """Connects once more; may be called, and the result used, on another thread."""
        ...

    def awaited(self, mark: str) -> None:
        """The stream is to reach this mark, even while the source is idle."""
        ...

    def sees_all(self, transactions: Sequence[str]) -> bool:
        """Whether a view opened now would see all these transactions (asked after a restart)."""
        ...

    def structure(self, topic: str) -> TableStructure:
        """Indexes, foreign keys and numbering of the table as they are now, in the stream's names."""
        ...

    def rows(self, topic: str) -> Iterator[tuple[bytes | None, bytes]]:
        """All rows as they are now, for `verify`; server-side cursor, bounded memory."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure of the source's state.

    Attributes:
        name: as the system's people call it: ``"Threads_running"``, ``"lag of replica db2:3306"``.
        value: a number, or seconds; None: it cannot be known, and counts as too much.
        problem: why.
    """

    name: str
    value: float | None
    problem: str = ""


class Gauges(Protocol):
    """Asks how hard the source and its replicas are at work, through connections of its own; used by one thread."""

    def active_sessions(self) -> Gauge:
        """Sessions that are at work now."""
        ...

    def replica_lags(self) -> list[Gauge]:
        """How far each replica is behind, in seconds. One that does not answer has no value."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Retained:
    """How much log a source keeps for us.

    Attributes:
        bytes: of log, from what we need first to its end.
        limit_bytes: at so many the server gives us up by itself; None: never.
        limit_seconds: so old the server removes its log, read by us or not; None: never.
        note: what the system itself says of it, "" nothing.
    """

    bytes: int
    limit_bytes: int | None = None
    limit_seconds: float | None = None
    note: str = ""


@dataclass(slots=True)
class Opened:
    """A source that is ready to read.

    Attributes:
        position: where it will read from; equals what was handed in where there was one.
        tables: the selected tables, suspended ones included.
        emitter: what `read` takes its batches from; the capture loop adds rows of the full load to it.
        past: this is a first start, and begins before the log's end (`[source] start`).
    """

    position: Position
    tables: list[SourceTable]
    emitter: Emitter
    warnings: list[str] = field(default_factory=list)
    past: bool = False


class Source(Protocol):
    """The log of one database server."""

    def check(self) -> list[Finding]:
        """Every prerequisite, each with its fix; changes nothing."""
        ...

    def tables(self) -> list[SourceTable]:
        """The tables that the globs select now; changes nothing."""
        ...

    def schemas(self) -> list[TableSchema]:
        """The columns that the selected tables have now, each as a first version; changes nothing.

        Tables whose types are not supported are not among them.
        """
        ...

    def open(self, position: Position | None, state: dict[str, bytes]) -> Opened:
        """Connects and begins to read the log.

        Args:
            position: where the stream says capture stands; None for a first start, which creates what the source
                needs (slot, publication) and a read view for `SnapshotReader.whole`.
            state: the stream's state entries (schema versions of earlier runs among them).

        Raises:
            UnreachableError, RefusedError: as named.
            LogGoneError: the log does not reach back to the position, or is another server's.
        """
        ...

    def renew(self, position: Position, state: dict[str, bytes]) -> Opened:
        """As `open`, in place of a log that is gone: begins at the log's present end, in an epoch above the position's.

        All tables are captured with the columns that they have now, suspended ones too where they can be, and will be
        loaded anew; what the state says of places in the old log means nothing any more.

        Args:
            position: as stored; its `delivered` is kept.
        """
        ...

    def snapshot(self) -> SnapshotReader:
        """After `open` for the full load; without `open` for `verify`."""
        ...

    def gauges(self, replicas: Sequence[Interpolated]) -> Gauges:
        """Connects when first asked; may be called, and the result used, on another thread.

        Args:
            replicas: URLs of replicas to ask; empty: those that the source itself knows.

        Raises:
            ConfigError: such replicas cannot be asked.
        """
        ...

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        """Waits up to `timeout` seconds for something; None when nothing moved.

        Returns what has arrived, not more than about `limit_bytes`, without waiting for more. A batch may hold no
        events and only move the position (heartbeats, foreign transactions), or only say what was touched. It is
        everything that the emitter has gathered.
        """
        ...

    def take_up(self, topic: str) -> bool:
        """A suspended table is to be captured again, from here on and with the columns that it has now; asked for
        between two transactions.

        The source announces the columns (`Emitter.announce`) and records that the table streams
        (`position.streaming`); all of it becomes durable with the next batch. The table's rows are loaded then.

        Returns:
            False where the stream must come to what the catalogue shows first: it is asked for again.

        Raises:
            RefusedError: what the table was suspended for still holds, or it cannot be captured for another reason.
            UnreachableError: the source must be opened anew; a table with an entry under `position.take_up_key` is
                taken up then.
        """
        ...

    def retained(self, position: Position | None) -> Retained | None:
        """How much log the server keeps for us; needs no `open`. None where nothing is kept, or it cannot be told.

        Args:
            position: where capture stands, as far as it is known.
        """
        ...

    def give_up(self) -> str:
        """Stops reading, and drops what makes the server keep its log for us; returns what that was.

        Only of sources whose settings have the budget's action "drop-slot".
        """
        ...

    def acknowledge(self, position: Position) -> None:
        """The stream holds everything up to `position` durably: the source may forget it (I1)."""
        ...

    def position_text(self, position: Position) -> str:
        """The position as a person of this system writes it; needs no connection."""
        ...

    def log_end(self) -> str:
        """Mark of the log's end now; the stream of batches reaches it even while the source is idle."""
        ...

    def lag_bytes(self, mark: str) -> int:
        """Bytes of log between `mark` and the log's end."""
        ...

    def end(self) -> str:
        """Mark of the log's end now. Unlike `log_end` it writes nothing: asked once a second, for the lag."""
        ...

    def teardown(self, position: Position | None, dry_run: bool) -> list[str]:
        """Drops what `open` created at the server (slot, publication); returns what, or what it would."""
        ...

    def close(self) -> None: ...
