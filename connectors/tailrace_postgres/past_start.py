"""A first start in the past (`[source] start`), on a slot that somebody made before.

PostgreSQL makes no slot that begins in the past. One that is there gives everything that was committed since, as far as
the publications had it then: pgoutput goes by the publications as they were at each change, and says nothing of what
they left out. So they must be older than all that the slot sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from tailrace.config.start import StartAt, moment_text
from tailrace.errors import DataLossError, RefusedError, UnreachableError
from tailrace_postgres import wal
from tailrace_postgres.catalog import Catalog
from tailrace_postgres.connection import Connection, literal
from tailrace_postgres.integers import i64, u64
from tailrace_postgres.lsn import lsn_text, parse_lsn
from tailrace_postgres.partitions import PARTITIONS_PREFIX
from tailrace_postgres.publication import Publications
from tailrace_postgres.replication import ReplicationStream
from tailrace_postgres.selection import Selected
from tailrace_postgres.slot import Slot, find_slot, freed_slot, refuse_foreign, refuse_two_phase

# PostgreSQL counts microseconds from 2000-01-01.
_EPOCH_MICROS = 946_684_800_000_000
_TAKE_BYTES = 1 << 20
_ASK_SECONDS = 0.5
_BEGIN = 25  # where a message of pgoutput begins behind the header of XLogData
_SHOWN = 3

# What was made by a transaction that may not have been over when the slot's log begins.
_YOUNG = """
SELECT 'publication ' || p.pubname FROM pg_publication p, pg_replication_slots s
 WHERE s.slot_name = %(slot)s AND p.pubname = ANY(%(names)s::name[]) AND age(p.xmin) <= age(s.catalog_xmin)
UNION ALL
SELECT 'table ' || r.prrelid::regclass::text FROM pg_publication_rel r, pg_publication p, pg_replication_slots s
 WHERE s.slot_name = %(slot)s AND p.oid = r.prpubid AND p.pubname = ANY(%(names)s::name[])
   AND r.prrelid = ANY(%(tables)s::oid[]) AND age(r.xmin) <= age(s.catalog_xmin)
"""
# Partitions that were surely attached before.
_OLD_LEAVES = """
SELECT leaf::oid::int8 FROM unnest(%(leaves)s::oid[]) leaf, pg_replication_slots s
 WHERE s.slot_name = %(slot)s AND NOT EXISTS (
       SELECT FROM pg_inherits i WHERE age(i.xmin) <= age(s.catalog_xmin)
          AND i.inhrelid IN (SELECT relid FROM pg_partition_ancestors(leaf))
          AND i.inhrelid NOT IN (SELECT relid FROM pg_partition_ancestors(%(root)s)))
"""


@dataclass(slots=True)
class PastStart:
    """Looks for the place, and whether all is there that was committed since.

    Attributes:
        queries: an ordinary connection.
        connect: makes a replication connection.
    """

    queries: Connection
    connect: Callable[[], Connection]
    slot: str
    database: str
    publications: Publications

    def find(self, selected: Sequence[Selected], start: StartAt, seconds: float | None = None) -> int:
        """The place: what was committed before it is passed over, and everything else is sent.

        Args:
            seconds: how long the log may be searched for a time; None: as long as it takes, with a message written into
                it, which the search surely reaches.

        Raises:
            DataLossError: the slot does not reach back to it.
            RefusedError: there is no such slot, or the publications are not as old as it.
            UnreachableError: the time is up, or the slot is in use.
        """
        slot = self._required_slot()
        self._require_published(selected)
        if not start.position:
            return self._at_time(slot, start, seconds)
        place = parse_lsn(start.position)
        end = wal.current(self.queries)
        if place > end:
            raise RefusedError(
                f"the server's log ends at {lsn_text(end)}, before {lsn_text(place)}",
                where=self.queries.where,
                fix='see whether this is the server that start is about, or write start = "now"',
            )
        if slot.confirmed > place:
            raise DataLossError(
                f"replication slot {self.slot} stands at {lsn_text(slot.confirmed)}, beyond {lsn_text(place)}: what was"
                " committed in between cannot be had any more",
                where=self.queries.where,
                fix=f'begin at start = "position:{lsn_text(slot.confirmed)}" or later, or with a full load',
            )
        return place

    def partitions(self, selected: Sequence[Selected]) -> dict[str, bytes]:
        """State entries: the partitions that were attached before. The others are looked into."""
        roots = {table.table.oid: table for table in selected if table.captured and table.table.kind == "p"}
        entries = {}
        for root, leaves in Catalog(self.queries).leaves(roots).items() if roots else ():
            values = {"leaves": sorted(leaves), "root": root, "slot": self.slot}
            old = [leaf for (leaf,) in self.queries.query(_OLD_LEAVES, values)]
            entries[PARTITIONS_PREFIX + roots[root].source.topic] = orjson.dumps(sorted(old))
        return entries

    # ---- inside

    def _required_slot(self) -> Slot:
        where = self.queries.where
        slot = find_slot(self.queries, self.slot)
        if slot is None:
            raise RefusedError(
                f"there is no replication slot {self.slot}, and PostgreSQL makes none that begins in the past",
                where=where,
                fix="name one with `slot` in [source] that was made before, with its publication; for the next time: "
                f"SELECT pg_create_logical_replication_slot({literal(self.slot)}, 'pgoutput')",
            )
        refuse_foreign(slot, self.database, where)
        refuse_two_phase(slot, where)
        if slot.lost:
            raise DataLossError(
                f"the server has given up replication slot {self.slot} ({slot.lost})",
                where=where,
                fix="drop it, and begin with a full load",
            )
        return slot

    def _require_published(self, selected: Sequence[Selected]) -> None:
        where = self.queries.where
        again = f"drop slot {self.slot} and make it again: it begins there"
        statements = self.publications.statements(selected)
        if not self.publications.only_remove(statements):
            raise RefusedError(
                f"publication {self.publications.name} does not publish all that is to be captured, and what it did not"
                " publish at the time is not sent",
                where=where,
                fix=f"exclude those tables; or run {'; '.join(statements)}, then {again}",
            )
        present = self.publications.present()
        values = {
            "slot": self.slot,
            "names": list(present),
            "tables": [table.table.oid for table in selected if table.captured],
        }
        young = [str(what) for (what,) in self.queries.query(_YOUNG, values)]
        if young:
            shown = ", ".join(young[:_SHOWN]) + (f" and {len(young) - _SHOWN} more" if len(young) > _SHOWN else "")
            raise RefusedError(
                f"whether replication slot {self.slot} is younger than what it is read by cannot be seen: {shown} may"
                f" not have been published from its beginning on",
                where=where,
                fix="publish first; once all transactions have ended that were running then, and other slots have gone"
                f" on (catalog_xmin), {again}",
            )

    def _at_time(self, slot: Slot, start: StartAt, seconds: float | None) -> int:
        where = self.queries.where
        now = int(self.queries.value("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"))
        if start.micros > now:
            raise RefusedError(
                f"{start.moment} is in the future: the server's clock says {moment_text(now)}",
                where=where,
                fix='write start = "now"',
            )
        end = wal.current(self.queries) if seconds is not None else wal.log_end(self.queries)
        slot = freed_slot(self.queries, slot)
        if slot.active_pid is not None:
            raise UnreachableError(
                f"replication slot {slot.name} is in use by server process {slot.active_pid}",
                where=where,
                fix="stop the other reader",
            )
        search = _Search(start.micros, end)
        connection = self.connect()
        try:
            names = list(self.publications.present())
            stream = ReplicationStream(connection, self.slot, slot.confirmed, names, in_progress=False)
            try:
                search.run(stream, where, seconds)
            finally:
                stream.close()
        finally:
            connection.close()
        if not search.earlier:
            first = f", but one of {moment_text(search.first)}" if search.first else ""
            raise DataLossError(
                f"whether replication slot {self.slot} reaches back to {start.moment} cannot be seen: it holds no"
                f" earlier change{first}",
                where=where,
                fix=f'begin where it stands: start = "position:{lsn_text(slot.confirmed)}"',
            )
        return search.place or end


class _Search:
    """Reads a slot's transactions up to the first one committed at a time or later; acknowledges nothing.

    Attributes:
        place: where its commit stands in the log; 0: there is none before `end`.
        first: when the first transaction was committed; 0: there was none.
        earlier: there are transactions committed before that time.
    """

    def __init__(self, micros: int, end: int) -> None:
        self._micros = micros
        self._end = end
        self._received = 0
        self._done = False
        self.place = 0
        self.first = 0
        self.earlier = False

    def run(self, stream: ReplicationStream, where: str, seconds: float | None) -> None:
        deadline = None if seconds is None else time.monotonic() + seconds
        stream.report(0, 0, ask=True)
        while not self._done:
            messages = stream.messages(_TAKE_BYTES)
            for message in messages:
                self._take(message)
            if time.monotonic() - stream.reported_at >= _ASK_SECONDS:
                stream.report(self._received, 0, ask=True)
            if deadline is not None and time.monotonic() > deadline:
                raise UnreachableError("the slot's log could not be searched in time", where=where)
            if not messages and not self._done:
                stream.wait(_ASK_SECONDS)

    def _take(self, message: bytes) -> None:
        if self._done:
            return
        kind = message[0]
        if kind == 0x6B:  # k: everything up to there was sent
            self._received = max(self._received, u64(message, 1))
            self._done = self._received >= self._end
        elif kind == 0x77 and message[_BEGIN] == 0x42:  # w, with B
            place = u64(message, _BEGIN + 1)
            committed = i64(message, _BEGIN + 9) + _EPOCH_MICROS
            self._received = max(self._received, place)
            if place >= self._end:
                self._done = True
                return
            self.first = self.first or committed
            if committed >= self._micros:
                self.place = place
                self._done = True
            else:
                self.earlier = True
