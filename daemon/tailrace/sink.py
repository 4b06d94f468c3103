"""What a sink connector provides (entry point `tailrace.sinks`), and the work that it is handed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tailrace.dead_letters import DeadLetterStore
from tailrace.errors import StuckError
from tailrace.load_mark import LoadMark
from tailrace.row import Row as Row
from tailrace.schema import Column, TableName
from tailrace.source import Finding
from tailrace.stream import Partition
from tailrace.structure import Outcome, TableStructure

#: Follows a topic's name in that of the table beside the topic's own that keeps which keys a load has brought
#: (`tailrace.apply.loading`); no topic of Kafka is called so.
KEPT_KEYS = "#seen"


@dataclass(frozen=True, slots=True)
class TargetTable:
    """What a target's table must hold, after all schema versions met so far.

    Attributes:
        source: the table at the source.
        version: the newest schema version contained.
        columns: those of the newest version, in its order, named as at the source.
        retained: columns that the source dropped; they stay in the target, nullable, under these names.
        since: `tailrace_seq` of the event with which this version was met; "" unknown. A target without transactional
            DDL tells by it which rows it has brought to this version already.
        renamed: the target's name for the table; "" where it is the source's. `name` says it in either case.
    """

    source: TableName
    topic: str
    version: int
    columns: tuple[Column, ...]
    retained: tuple[Column, ...] = ()
    since: str = field(default="", compare=False)
    renamed: str = ""
    key: tuple[Column, ...] = field(init=False, compare=False, repr=False, hash=False)

    def __post_init__(self) -> None:
        key = tuple(sorted((c for c in self.columns if c.key), key=lambda c: c.key))
        object.__setattr__(self, "key", key)

    @property
    def keyless(self) -> bool:
        return not self.key

    @property
    def name(self) -> str:
        """Of the target's table."""
        return self.renamed or self.source.table


@dataclass(frozen=True, slots=True)
class Preview:
    """What a target would make of a table.

    Attributes:
        table: its name there, as a person of that system writes it.
        columns: name and type of each, in their order.
    """

    table: str
    columns: tuple[tuple[str, str], ...]


class RowChange(NamedTuple):
    """One change of a keyless table, to be applied to exactly one matching row."""

    seq: str
    op: str  # c, u, d, r
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(slots=True)
class TableWork:
    """Changes of one table between two control events, compacted: a key stands in one of the lists only, once.

    Attributes:
        upserts: whole rows; insert or overwrite.
        updates: rows that lack the columns the log did not carry: update what is there, a missing row stays
            missing (its load will bring it whole).
        deletes: keys; deleting a missing row is no error.
        inserts_only: all upserts are rows of a full load; a sink may use a faster way into an empty table,
            as long as applying them twice leaves what applying them once leaves (I4).
        sequential: instead of the above, for keyless tables: changes in order, one matching row each.
        truncate: empty the table first.
        late: the changes were parked for a while, and their rows have had no others since. A fence may be newer all
            the same, of what was done to the whole table meanwhile.
    """

    table: TargetTable
    upserts: list[Row] = field(default_factory=list)
    updates: list[Row] = field(default_factory=list)
    deletes: list[Row] = field(default_factory=list)
    sequential: list[RowChange] = field(default_factory=list)
    truncate: bool = False
    truncate_seq: str = ""
    inserts_only: bool = False
    late: bool = False


def refuse_nothing_seen(table: TargetTable, load: LoadMark, seen: bool) -> None:
    """Before `Sink.remove_others` removes anything.

    Raises:
        StuckError: the load brought rows, and none was kept.
    """
    if load.rows and not seen:
        raise StuckError(
            "the keys of the rows that were loaded are gone from the target, so that those to remove are not known",
            where=f"table {table.source}",
            fix="see who emptied the table _tailrace_seen_…, then reload the table with --resync",
        )


class Sink(Protocol):
    """A target. Used by one thread at a time; everything between two commits is one target transaction."""

    #: False where `commit` is no transaction of the target (key-value stores): writes are fenced instead.
    transactional: bool
    #: Whether `ensure` takes part in the target transaction. Where it ends one (MySQL), the positions of what was
    #: applied before are committed first.
    transactional_ddl: bool
    #: Whether `apply` and `commit` may run in another thread than the rest, one call at a time. Worth it where they let
    #: go of the interpreter while the target works: the next batch is read and prepared meanwhile.
    overlaps: bool

    @property
    def dead_letters(self) -> DeadLetterStore:
        """The events of this sink that the target refused."""
        ...

    def check(self) -> list[Finding]:
        """Every prerequisite, each with its fix; changes nothing."""
        ...

    def preview(self, table: TargetTable) -> Preview:
        """What `ensure` would make of a table that is not there; changes nothing.

        Raises:
            StuckError: the target cannot hold such a table.
        """
        ...

    def open(self, stream_id: str, topics: Collection[str] | None = None) -> dict[Partition, int]:
        """Connects, takes ownership of this sink's positions, and returns them.

        Not all are offsets of the stream's partitions: under negative numbers the apply loop keeps notes of its own,
        which a sink stores and returns as it does the others. -1 is free for the sink's own use.

        A predecessor that sleeps in a transaction must not hold this worker up, where the target can prevent it.

        Args:
            topics: of a worker that shares the sink with others: it takes these alone, whether they have positions yet
                or not, and gets theirs. A worker that has taken the whole sink loses all of it by that. None: the whole
                sink, also from workers that share it.

        Raises:
            DataLossError: the stored positions belong to another stream's content.
        """
        ...

    def fold(self, name: str) -> str:
        """The name by which the target tells tables apart: two tables of the source with one fold become one table."""
        ...

    def ensure(self, table: TargetTable, previous: TargetTable | None) -> None:
        """Creates the table, or brings it to this version: added, renamed, retained columns. Idempotent.

        Called before the first work of a version in this process; `previous` is the version that the target had
        (None: unknown; look at the target's catalog).
        """
        ...

    def drop(self, table: TargetTable) -> None:
        """Drops the target's table, whoever made it; none there is no error. `ensure` makes it anew."""
        ...

    def remove_others(self, table: TargetTable, load: LoadMark, seen: TargetTable | None) -> int | None:
        """Removes rows that a load has not brought.

        Args:
            seen: holds the keys that were brought, in the key's columns; None where `transactional` is not: what has an
                older fence than `load.since` was not brought.

        Returns:
            How many, where that is known.

        Raises:
            StuckError: `seen` is empty, though the load brought rows.
        """
        ...

    def apply(self, work: Sequence[TableWork]) -> None:
        """Writes; the order of the list holds.

        Raises:
            ValueRefusedError: a value that the target's column cannot hold exactly (I5), or that a rule of the target
                for single rows forbids.
        """
        ...

    def attempt(self, work: Sequence[TableWork], keep: bool) -> StuckError | None:
        """As `apply`, but what is refused leaves the transaction as it was, and is returned; for use after a refusal.

        Args:
            keep: False: nothing stays in any case. Where writes are fenced it may stay: what is taken comes again.
        """
        ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Ends the target transaction together with the positions, by compare-and-set.

        Without positions, what the worker has taken must still be its own.

        Raises:
            OwnershipLostError: another worker has taken the positions over; everything was rolled back.
        """
        ...

    def rollback(self) -> None: ...

    def add_indexes(self, table: TargetTable, structure: TableStructure, unique: bool) -> Sequence[Outcome]:
        """Makes the source's indexes that the target's table lacks; takes part in the target transaction as `ensure`.

        Args:
            unique: unique ones too; else they are left to `complete`.
        """
        ...

    def complete(self, tables: Sequence[tuple[TargetTable, TableStructure]], dry_run: bool) -> Iterator[Outcome]:
        """For cut-over: makes what the target lacks of the tables' structure, and tells what became of each thing.

        Indexes first, then what numbers rows, beyond the values that are there and those that the source has given,
        then foreign keys. What is there already is left as it is. Called without `open`, on connections of its own,
        while nobody applies anything. With `dry_run` nothing is changed.
        """
        ...

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        """All live rows in the JSON forms of their source types, for `verify`; bounded memory."""
        ...

    def teardown(self, dry_run: bool) -> list[str]:
        """Drops this pipeline's position table rows; never target rows."""
        ...

    def close(self) -> None: ...
