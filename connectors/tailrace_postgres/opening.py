"""From where capture reads: a new slot, or the stored position; and what happened to the tables in between."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from tailrace.config.start import StartAt
from tailrace.errors import LogGoneError, RefusedError, UnreachableError
from tailrace.position import Position, streaming, suspension, table_key, take_up_key
from tailrace.sequence import lsn_mark
from tailrace_postgres import wal
from tailrace_postgres.catalog import Catalog
from tailrace_postgres.chunks import Horizon
from tailrace_postgres.connection import Connection, literal
from tailrace_postgres.continuity import Identity, continued
from tailrace_postgres.lsn import lsn_text, parse_lsn
from tailrace_postgres.membership import Membership
from tailrace_postgres.past_start import PastStart
from tailrace_postgres.publication import Publications, Published
from tailrace_postgres.relations import FROM_PREFIX, RELOAD, storage_key
from tailrace_postgres.selection import Selected
from tailrace_postgres.slot import (
    Created,
    Slot,
    create_slot,
    drop_slot,
    end_silent,
    find_slot,
    freed_slot,
    hand_to_standbys,
    last_heard,
    refuse_foreign,
    refuse_two_phase,
    verify_resumable,
)
from tailrace_postgres.snapshot import Anchor
from tailrace_postgres.view import Snapshot

#: State entries of our own: the snapshot at the slot's start; OIDs of the tables published at the last opening; what
#: they were published by; that the first start was in the past; by topic, the transaction id that views of a table
#: added later must have left behind.
START_KEY = "postgres-start"
PUBLISHED_KEY = "postgres-published"
MEMBERSHIP_KEY = "postgres-membership"
PAST_KEY = "postgres-past"
FLOOR_PREFIX = "postgres-floor:"
#: Of entries that hold no more: a floor, or a place, before everything.
_NONE = b"0"
#: A slot whose session was cut off by the network is given back later than one whose process is gone.
SLOT_SECONDS = 20.0


@dataclass(slots=True)
class Beginning:
    """What opening found and did.

    Attributes:
        membership: by which publications it is captured; a session asks for these.
        records: entries for the stream's state store.
        anchor: holds the slot's snapshot for keyless tables; None where nothing is to be read with it.
        past: this is a first start, before the log's end: the catalog may be ahead of it.
        taken_up: suspended tables that are captured again from now on.
        declined: by topic, why one that was asked for is not.
        elsewhere: another server or database was read before.
    """

    position: Position
    selected: list[Selected]
    membership: Membership
    horizon: Horizon = field(default_factory=Horizon)
    records: dict[str, bytes] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    anchor: Anchor | None = None
    past: bool = False
    taken_up: list[Selected] = field(default_factory=list)
    declined: dict[str, str] = field(default_factory=dict)
    elsewhere: bool = False


@dataclass(slots=True)
class Opening:
    """The connections and names that opening works with.

    Attributes:
        queries: an ordinary connection.
        replication: a replication connection.
        connect: makes another ordinary connection.
        loads: whether the pipeline loads tables (any mode but "cdc").
        failover: the server is to hand the slot to its standbys.
    """

    queries: Connection
    replication: Connection
    connect: Callable[[], Connection]
    slot: str
    publications: Publications
    database: str
    loads: bool
    failover: bool = False

    # ---- a first start

    def first(self, selected: Sequence[Selected]) -> Beginning:
        """Nothing was delivered from a slot that may be there: it is made anew.

        The publication comes first, because pgoutput looks it up as of the change that it sends.
        """
        self._require_logical()
        identity = Identity.of(self.replication)
        self._remove_slot()
        if statements := self.publications.statements(selected):
            self.publications.apply(statements)
        keyless = [table.table.oid for table in selected if table.captured and table.source.keyless]
        storage = {oid: columns.storage for oid, columns in Catalog(self.queries).columns_of(keyless).items()}
        created = create_slot(self.replication, self.slot, self.failover)
        position = Position(1, str(identity), lsn_text(created.start), mark=lsn_mark(created.start))
        membership = Membership.of(self.publications.present(), _captured(selected))
        beginning = Beginning(position, list(selected), membership)
        beginning.records[PUBLISHED_KEY] = _published(selected)
        beginning.records[MEMBERSHIP_KEY] = membership.to_json()
        if self.loads:
            self._hold(beginning, created, storage)
        return beginning

    def renewed(self, selected: Sequence[Selected], stored: Position, state: Mapping[str, bytes]) -> Beginning:
        """A new slot, at the log's present end, in place of a log that is gone: all tables are taken up anew.

        What was noted of the old log's places, and of transactions of a server that may be another, means nothing now.
        """
        self._require_logical()
        identity = Identity.of(self.replication)
        self._remove_slot()
        if statements := self.publications.statements(selected):
            self.publications.apply(statements)
        created = create_slot(self.replication, self.slot)
        mark = lsn_mark(created.start)
        position = Position(stored.epoch + 1, str(identity), lsn_text(created.start), stored.delivered, mark)
        membership = Membership.of(self.publications.present(), _captured(selected))
        elsewhere = not identity.same_database(Identity.parse(stored.identity))
        beginning = Beginning(position, list(selected), membership, elsewhere=elsewhere)
        beginning.records = {key: _NONE for key in state if key.startswith((FLOOR_PREFIX, FROM_PREFIX))}
        if PAST_KEY in state:
            beginning.records[PAST_KEY] = _NONE
        beginning.records[PUBLISHED_KEY] = _published(selected)
        beginning.records[MEMBERSHIP_KEY] = membership.to_json()
        self._hold(beginning, created, {})
        for table in selected:
            if table.captured:
                beginning.records[table_key(table.source.topic)] = streaming()
                beginning.taken_up.append(table)
        return beginning

    def _remove_slot(self) -> None:
        slot = find_slot(self.queries, self.slot)
        if slot is not None:
            refuse_foreign(slot, self.database, self.queries.where)
            refuse_two_phase(slot, self.queries.where)
            drop_slot(self.queries, freed_slot(self.queries, slot))

    def past(
        self, selected: Sequence[Selected], start: StartAt, connect_replication: Callable[[], Connection]
    ) -> Beginning:
        """Begins at a place that a slot made by somebody before still reaches back to. Makes nothing.

        Raises: as `PastStart.find`.
        """
        self._require_logical()
        identity = Identity.of(self.replication)
        looking = PastStart(self.queries, connect_replication, self.slot, self.database, self.publications)
        place = looking.find(selected, start)
        position = Position(1, str(identity), lsn_text(place), mark=lsn_mark(place))
        membership = Membership.of(self.publications.present(), _captured(selected))
        beginning = Beginning(position, list(selected), membership, past=True)
        beginning.records[PUBLISHED_KEY] = _published(selected)
        beginning.records[MEMBERSHIP_KEY] = membership.to_json()
        beginning.records[PAST_KEY] = b"1"
        beginning.records.update(looking.partitions(selected))
        self._publish(beginning)
        self._require_free(beginning)
        return beginning

    def _require_logical(self) -> None:
        """Said before a publication is made: a slot's creation would say it too late."""
        level = self.queries.value("SHOW wal_level")
        if level != "logical":
            raise RefusedError(
                f"wal_level is {level}",
                where=self.queries.where,
                fix="ALTER SYSTEM SET wal_level = 'logical', then restart the server",
            )

    def _hold(self, beginning: Beginning, created: Created, storage: Mapping[int, str]) -> None:
        """Takes over the slot's snapshot, which ends with the replication connection's next command."""
        connection = self.connect()
        connection.query(
            f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {literal(created.snapshot)}"
        )
        text = connection.value("SELECT pg_current_snapshot()::text")
        beginning.horizon.start = Snapshot.parse(text)
        beginning.records[START_KEY] = text.encode()
        if storage:
            beginning.anchor = Anchor(connection, beginning.horizon.start, created.start, storage)
        else:
            connection.close()

    # ---- a later start

    def resumed(self, selected: Sequence[Selected], position: Position, state: Mapping[str, bytes]) -> Beginning:
        """Goes on where the stored position stands.

        Raises:
            LogGoneError: the log does not reach back to it, or is another server's.
            UnreachableError: an earlier session still holds the slot.
        """
        where = self.queries.where
        position = continued(position, Identity.of(self.replication), self.replication)
        slot = verify_resumable(find_slot(self.queries, self.slot), self.slot, parse_lsn(position.restart), where)
        refuse_foreign(slot, self.database, where)
        refuse_two_phase(slot, where)
        wal.require_reached(self.queries, parse_lsn(position.restart))
        present = self.publications.present()
        if self.publications.name not in present:
            raise LogGoneError(
                f"publication {self.publications.name} is gone: changes made without it cannot be had from the log",
                where=where,
            )
        stored = Membership.from_json(state[MEMBERSHIP_KEY]) if MEMBERSHIP_KEY in state else None
        if stored is not None and stored.recreated(self.publications.name, present):
            raise recreated(self.publications.name, where)
        if stored is not None:
            self.publications.require_whole(present)
        beginning = Beginning(position, [], Membership({}, {}))
        self._recall(beginning, state)
        usable = self._usable(present, stored)
        members = (stored or beginning.membership).unbroken(present, self.publications.wanted(selected))
        new = [self._judged(table, beginning, state, members, usable) for table in selected]
        self._publish(beginning)
        topics = [topic for topic in new if topic]
        if topics:
            # Of our own after the ALTER: all that wrote before it have lower ones.
            floor = wal.xid_floor(self.queries)
            for topic in topics:
                beginning.horizon.floors[topic] = floor
                beginning.records[FLOOR_PREFIX + topic] = b"%d" % floor
        membership = Membership.of(self.publications.present(), _captured(beginning.selected))
        beginning.membership = membership if usable else membership.without(self.publications.inserts_name)
        for key, record in (
            (PUBLISHED_KEY, _published(beginning.selected)),
            (MEMBERSHIP_KEY, beginning.membership.to_json()),
        ):
            if record != state.get(key):
                beginning.records[key] = record
        free = self._require_free(beginning)
        if self.failover and free is not None and not wal.in_recovery(self.queries):
            hand_to_standbys(self.replication, free)
        return beginning

    def _require_free(self, beginning: Beginning) -> Slot | None:
        slot = find_slot(self.queries, self.slot)
        if slot is not None and slot.active_pid is not None:
            heard = last_heard(self.queries, slot)
            slot = freed_slot(self.queries, slot, SLOT_SECONDS)
            if slot.active_pid is not None and end_silent(self.queries, slot, heard):
                beginning.warnings.append(
                    f"the reader of replication slot {slot.name} had been silent for long, and its session was ended"
                )
                slot = freed_slot(self.queries, slot)
        if slot is not None and slot.active_pid is not None:
            raise UnreachableError(
                f"replication slot {slot.name} is in use by server process {slot.active_pid}",
                where=self.queries.where,
                fix="stop the other reader; a session that was cut off is ended after a minute",
            )
        return slot

    def _publish(self, beginning: Beginning) -> None:
        statements = self.publications.statements(beginning.selected)
        try:
            if statements:
                self.publications.apply(statements)
        except RefusedError as error:
            # A table too many in a publication is passed over when it is read.
            if not self.publications.only_remove(statements):
                raise
            beginning.warnings.append(
                f"tables that are not captured stay published, and updates and deletes of them may fail: {error}"
            )

    def _usable(self, present: Mapping[str, Published], stored: Membership | None) -> bool:
        """Whether the publication for inserts can be asked for: it is as old as what is read from, or need not be."""
        name = self.publications.inserts_name
        if self.publications.pass_over_missing:
            return True
        if name not in present:
            return False
        return stored is None or stored.publications.get(name) == present[name].oid

    def _recall(self, beginning: Beginning, state: Mapping[str, bytes]) -> None:
        if start := state.get(START_KEY):
            beginning.horizon.start = Snapshot.parse(start.decode())
        for key, value in state.items():
            if key.startswith(FLOOR_PREFIX):
                beginning.horizon.floors[key.removeprefix(FLOOR_PREFIX)] = int(value)

    def _judged(
        self,
        table: Selected,
        beginning: Beginning,
        state: Mapping[str, bytes],
        members: Container[int],
        inserts_usable: bool,
    ) -> str | None:
        """Adds the table to `beginning`, suspended if changes of it were or would be missed; its topic if it is new."""
        topic = table.source.topic
        stored = orjson.loads(state.get(table_key(topic), b"{}"))
        if take_up_key(topic) in state and self._take_up(table, beginning, inserts_usable):
            return topic
        if stored.get("state") == "suspended":
            beginning.selected.append(_suspended(table, stored.get("reason", "")))
            return None
        before = orjson.loads(state[PUBLISHED_KEY]) if PUBLISHED_KEY in state else members
        # A member that an opening added, and then crashed before it was recorded, is still to be treated as new.
        kept = table.table.oid in members and table.table.oid in before
        unreadable = table.inserts_only and not inserts_usable
        known = orjson.loads(state.get(storage_key(topic), b"null"))
        replaced = known is not None and known["oid"] != table.table.oid
        # Also by a table that is captured under another name: the two were renamed.
        if not table.captured or (kept and not unreadable and not replaced):
            beginning.selected.append(table)
            return None
        reason = ""
        if kept and replaced:
            reason = "the table was replaced by another one of the same name"
        elif table.table.oid in before and not kept:
            reason = "somebody took the table out of the publication, so changes of it are missing"
        elif unreadable:
            reason = (
                f"publication {self.publications.inserts_name} was not there when the pipeline was begun, or was"
                " dropped since, and PostgreSQL before 18 reads no older changes with it"
            )
        elif replaced:
            reason = "the table was replaced by another one of the same name"
        elif known is not None and self.loads:
            reason = "the table was not captured for a while, so changes of it are missing"
        if reason:
            beginning.records[table_key(topic)] = suspension(f"{reason}; {RELOAD}")
            beginning.selected.append(_suspended(table, f"{reason}; {RELOAD}"))
            return None
        beginning.warnings.append(f"{table.source.name} is new: it is captured from now on")
        beginning.selected.append(table)
        return topic

    def _take_up(self, table: Selected, beginning: Beginning, inserts_usable: bool) -> bool:
        """Captures a suspended table again, if it can be; it is made a member of its publication anew.

        The log then describes the table again behind that place, and all that wrote to it before is over once views see
        the table's floor.
        """
        topic = table.source.topic
        if not table.captured:
            beginning.declined[topic] = table.source.reason
            return False
        if table.inserts_only and not inserts_usable:
            beginning.declined[topic] = f"publication {self.publications.inserts_name} cannot be read with"
            return False
        try:
            place = self.publications.renew(table)
        except RefusedError as error:
            beginning.declined[topic] = str(error)
            return False
        beginning.records[FROM_PREFIX + topic] = b"%d" % place
        beginning.records[table_key(topic)] = streaming()
        beginning.warnings.append(f"{table.source.name} was suspended: it is captured again from now on")
        beginning.selected.append(table)
        beginning.taken_up.append(table)
        return True


def _suspended(table: Selected, reason: str) -> Selected:
    return replace(table, source=replace(table.source, state="suspended", reason=reason))


def _captured(selected: Sequence[Selected]) -> list[int]:
    return sorted(table.table.oid for table in selected if table.captured)


def _published(selected: Sequence[Selected]) -> bytes:
    return orjson.dumps(_captured(selected))


def recreated(publication: str, where: str) -> LogGoneError:
    return LogGoneError(
        f"somebody dropped publication {publication} and created it again: changes made without it cannot be had from"
        " the log",
        where=where,
    )
