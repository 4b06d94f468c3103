"""Transactions whose outcome stands in the log behind their changes, or elsewhere in it: their row events are held.

XA: a group of the log ends in XA_PREPARE; its outcome is a group of its own, ``XA COMMIT`` or ``XA ROLLBACK``, later.
Its changes become events there, with everything that the fence and the envelope have from that group. In one phase the
group is its own outcome. MariaDB's GTID event says it before: https://mariadb.com/kb/en/gtid_event/ (FL_PREPARED_XA).

Savepoints: where a transaction has changed a table of an engine without transactions, the server does not cut off what
ROLLBACK TO takes back, and logs the changes and the statement. What stands behind a SAVEPOINT is held until the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tailrace.emitter import Emitter
from tailrace.errors import TailraceError
from tailrace.sequence import mark_binlog
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog import events
from tailrace_mysql.binlog.binding import Binding, Mapped
from tailrace_mysql.binlog.events import Gtid
from tailrace_mysql.binlog.held import Change, Changes, Mark, Room
from tailrace_mysql.binlog.integers import number
from tailrace_mysql.binlog.log_file import LogFile
from tailrace_mysql.binlog.prepared import Passed, Prepared, Waiting
from tailrace_mysql.binlog.row_events import RowEvents
from tailrace_mysql.binlog.tables import Tables
from tailrace_mysql.gtid import GtidState
from tailrace_mysql.restart import Restart

_HEADER = events.HEADER
#: So many bytes of events are made of held changes in one go.
_AT_ONCE = 64 << 10


class Undecided(RowEvents):
    """The decoder, which follows the transactions, adds this."""

    def __init__(
        self,
        emitter: Emitter,
        tables: Tables,
        restart: Restart,
        gtids: GtidState,
        mariadb: bool,
        checksum: bool,
        room: Room,
    ) -> None:
        super().__init__(emitter, tables, LogFile(restart.begin, checksum), mariadb)
        self._gtids = gtids
        self._begun = False  # the emitter knows of the transaction in hand
        # What is read again for the sake of transactions that wait, and these.
        self._passed = Passed(restart, gtids) if restart.held is not None else None
        self._prepared = Prepared(room, restart.blind)
        # The changes of the transaction in hand that wait, and the name of the one that it decides.
        self._held: Changes | None = None
        self._deciding = ""
        self._savepoints: list[tuple[str, Mark]] = []  # by name, how much was held there
        # While held changes become events: those to come, and the maps of the log.
        self._releasing: Iterator[Change] | None = None
        self._log_maps: dict[int, Mapped] = {}
        self._handlers: dict[int, Callable[[bytes], None]] = {}

    def _commit(self, _event: bytes) -> None:
        """The transaction in hand is complete, and what it did has happened."""
        raise NotImplementedError

    def _end(self) -> None:
        """The transaction in hand is complete, and all its events are made."""
        raise NotImplementedError

    def _explained(self, error: Exception) -> TailraceError:
        """An error with its place."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more is fed."""
        self._releasing = None
        self._let_go()
        self._prepared.close()

    @property
    def inside(self) -> bool:
        """Whether the emitter has a part of a transaction that the log may still take back (MariaDB)."""
        return self._mariadb and self._begun and self._releasing is None

    # ---- XA

    def _hold(self, event: bytes, binding: Binding) -> None:
        if self._held is None:
            self._held = Changes(self._prepared.room)
        self._held.add(binding, self._changes, self._log.pos, event)

    def _let_go(self) -> None:
        """What the transaction in hand holds has not happened."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _xa_prepare(self, event: bytes) -> None:
        one_phase, name = events.xa_prepare(event)
        if not one_phase:
            held, self._held = self._held, None
            if held is not None or self._prepared.blind:
                self._prepared.park(name, Waiting(self._since(), held, self._ts))
        self._commit(event)

    def _since(self) -> Restart:
        """Where a re-read must begin to meet the transaction in hand."""
        if self._passed is not None:
            return self._passed.since
        return Restart(self._log.file, mark_binlog(self._mark)[1], self._gtids.text, self._log.created)

    def _outcome(self, text: bytes, event: bytes) -> None:
        name, committed = events.xa_outcome(text)
        if committed and not self._over:
            waiting = self._prepared.find(name)
            if waiting is None:
                self._prepared.missed(name, self.place)
            elif waiting.changes is not None:
                # It stays known until its changes are all given out: a batch may end in between.
                self._held, self._deciding = waiting.changes, name
                self._commit(event)
                return
        self._prepared.drop(name)
        if not committed:
            self._let_go()
        self._commit(event)

    # ---- savepoints

    def _savepoint(self, text: bytes) -> None:
        if self._skipping:
            return
        self._waits = True
        if self._held is None:
            self._held = Changes(self._prepared.room)
        name = events.savepoint(text)
        # One of the same name is none any more.
        self._savepoints = [known for known in self._savepoints if known[0] != name]
        self._savepoints.append((name, self._held.mark))

    def _back_to(self, text: bytes) -> None:
        if self._skipping or not (self._begun or self._held):
            return
        name = events.savepoint(text)
        for index, (known, mark) in enumerate(self._savepoints):
            if known == name:
                self._take_back(mark)
                del self._savepoints[index + 1 :]
                return
        raise self._error(
            "changes of a captured table are taken back to a savepoint that is not in the log",
            "report this with the server's version",
        )

    def _take_back(self, mark: Mark) -> None:
        """What is held beyond a mark has not happened, but for tables of engines that take nothing back."""
        if self._held is None:
            return
        for change in self._held.cut(mark):
            if not self._over:
                self._tables.takes_back(change.binding, self._here())

    # ---- the outcome

    def _release(self) -> None:
        """What is held has happened, here."""
        held = self._held
        assert held is not None
        if self._over:
            self._let_go()
            self._end()
            return
        self._waits = False
        self._log_maps = self._maps
        self._releasing = iter(held)
        self._go_on()
        self.pending = self._releasing is not None

    def _go_on(self) -> None:
        """Makes events of held changes, not too many at once (I6)."""
        size = self._log.table_id_size
        outcome = self._log.pos
        enough = self._emitter.size + _AT_ONCE
        while self._releasing is not None and self._emitter.size < enough:
            change = next(self._releasing, None)
            if change is None:
                break
            if self._tables.holds(change.binding, self._here()):
                self._changes = change.number - 1
                table_id = number(change.event, _HEADER, size)
                self._maps = {table_id: Mapped(b"", self._tables.generation, change.binding)}
                self._last_id = -1
                if not self._deciding:  # what XA has held happens where it is committed, all else where it stands
                    self._log.pos = change.pos
                self._row_event(change.event)
                self._log.pos = outcome
        else:
            return
        self._maps, self._log_maps = self._log_maps, {}
        self._last_id = -1
        self._releasing = None
        if self._deciding:
            self._held = None
            self._prepared.drop(self._deciding)
            self._deciding = ""
        else:
            self._let_go()
        self._end()

    def _row_event(self, event: bytes) -> None:
        kind = event[4]
        if kind in (types.UPDATE_ROWS, types.UPDATE_ROWS_V1):
            self._update_rows(event)
        elif kind in (types.WRITE_ROWS, types.WRITE_ROWS_V1):
            self._single_images(event, False)
        elif kind in (types.DELETE_ROWS, types.DELETE_ROWS_V1):
            self._single_images(event, True)
        else:
            self._handlers[kind](event)

    def _passes(self, begun_by: Gtid) -> bool:
        """Whether the transaction that begins is done, and only read for what it may hold."""
        passed = self._passed
        assert passed is not None
        if passed.covers(begun_by, self._mark):
            return True
        self._end_passing(self._mark)
        return False

    def _end_passing(self, mark: str) -> None:
        if self._passed is not None and self._passed.ends_at(mark):
            self._passed = None
            self._maps.clear()  # their plans are those of earlier places
            self._last_id = -1
            self._prepared.remind()
