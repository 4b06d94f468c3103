"""Row events: which table they are of, and how its rows become events.

https://dev.mysql.com/doc/dev/mysql-server/latest/classmysql_1_1binlog_1_1event_1_1Rows__event.html. A table map gives a
table an id for the row events that follow; each of these holds the images of many rows.
"""

from __future__ import annotations

from typing import Any

from tailrace.emitter import Emitter, EventTable
from tailrace.errors import LogFormatError
from tailrace.render import digits
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog import events, table_map
from tailrace_mysql.binlog.binding import Binding, Mapped
from tailrace_mysql.binlog.events import Gtid
from tailrace_mysql.binlog.integers import cut, number
from tailrace_mysql.binlog.log_file import LogFile
from tailrace_mysql.binlog.packets import Packets
from tailrace_mysql.binlog.sparse import SparseRows, columns_of
from tailrace_mysql.binlog.tables import LackingError, Place, Tables
from tailrace_mysql.binlog.versioned import VersionedRows

_WRITE_ROWS = types.WRITE_ROWS
_PARTIAL_UPDATE_ROWS = types.PARTIAL_UPDATE_ROWS
_HEADER = events.HEADER
_DUMMY_TABLE_IDS = (0xFFFFFF, 0xFFFFFFFFFFFF)
#: STRICT_TRANS_TABLES and STRICT_ALL_TABLES in sql_mode.
_STRICT = 1 << 21 | 1 << 22


class RowEvents(Packets):
    """The row events of one connection; the decoder, which follows the transactions, adds these."""

    def __init__(self, emitter: Emitter, tables: Tables, log: LogFile, mariadb: bool) -> None:
        super().__init__()
        self._emitter = emitter
        self._tables = tables
        self._mariadb = mariadb
        self._log = log
        self._maps: dict[int, Mapped] = {}
        self._last_id = -1  # the table id that was looked up last, and what it stands for
        self._last_mapped: Mapped | None = None
        self._ts = 0  # of the event in hand
        # Of the transaction in hand; its mark is "" between two.
        self._mark = ""
        self._token = ""  # what read views call it, once the emitter knows of it
        self._gtid = Gtid()
        self._waits = False  # what of it happened is not known yet: its changes are held
        self._over = False  # it is done, and read a second time
        self._skipping = False  # and nothing of it is held either
        self._changes = 0  # row events and statements of the transaction
        self._reading: EventTable | None = None  # for messages
        self._bound: Binding
        self._whole: Any = None
        self._sparse = SparseRows(emitter, tables, mariadb)
        self._versioned = VersionedRows(emitter, tables, mariadb)

    def _open(self) -> None:
        """The emitter learns of a transaction at its first change of a captured table."""
        raise NotImplementedError

    def _hold(self, event: bytes, binding: Binding) -> None:
        """Keeps a row event until the outcome of its transaction."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """For messages."""
        return str(self._log)

    # ---- rows

    def _table_map(self, event: bytes) -> None:
        if self._skipping:
            return
        size = self._log.table_id_size
        table_id = number(event, _HEADER, size)
        known = self._find(table_id)
        described = cut(event, _HEADER + size, len(event))
        if known is not None and known.generation == self._tables.generation and described == known.described:
            return
        binding = self._bind(event)
        self._maps[table_id] = Mapped(described, self._tables.generation, binding)
        self._last_id = -1

    def _find(self, table_id: int) -> Mapped | None:
        if table_id != self._last_id:
            self._last_mapped = self._maps.get(table_id)
            self._last_id = table_id
        return self._last_mapped

    def _bind(self, event: bytes) -> Binding | None:
        database, table = table_map.name_of(event, self._log.table_id_size)
        if not self._tables.captures(database, table):
            return None
        try:
            described = table_map.parse(event, self._log.table_id_size, self._mariadb)
        except ValueError as error:
            self._tables.suspend(database, table, f"{error} (at {self.place})")
            return None
        return self._tables.bind(described, self._here())

    def _rows(self, event: bytes, images: int) -> int:
        """Where the row images of `_bound` begin; 0 where nobody wants them."""
        size = self._log.table_id_size
        at = _HEADER + size
        table_id = number(event, _HEADER, size)
        self._changes += 1
        if not self._mark:
            raise ValueError("a row event stands outside a transaction")
        if self._skipping or table_id in _DUMMY_TABLE_IDS:
            return 0
        known = self._find(table_id)
        if known is None:
            raise ValueError(f"a row event has no table map for table {table_id}")
        binding = known.binding
        if binding is None:
            return 0
        if self._waits:
            self._hold(event, binding)
            return 0
        at += 2
        if event[4] >= _WRITE_ROWS:  # version 2 has extra data, its length included in itself
            at += number(event, at, 2)
        count = number(event, at, 1)
        if count < 251:
            at += 1
        else:
            count, at = events.packed_integer(event, at)
        if count != binding.width:
            raise ValueError("a row event has another number of columns than its table map")
        width = (count + 7) // 8
        bits = at
        complete = True
        for _ in range(images):
            if not _all_set(event, at, count):
                complete = False
            at += width
        if not complete and not self._sparse.identifies(binding, columns_of(event, bits, count)):
            self._lack(known, LackingError("row images lack columns, and have no primary key (binlog_row_image)"))
            return 0
        self._reading = binding.table
        self._open()
        version = binding.version
        if not version.announced:
            version.announced = True
            self._emitter.schema_change(version.table, self._changes << 24 | 1, b'"pos":%d,"row":0,' % self._log.pos)
        self._bound = binding
        plain = binding.end < 0 and not binding.rowwise
        if complete and plain and event[4] != _PARTIAL_UPDATE_ROWS:
            return at
        self._apart(event, at, known, [columns_of(event, bits + width * image, count) for image in range(images)])
        return 0

    def _apart(self, event: bytes, at: int, known: Mapped, present: list[list[int]]) -> None:
        """Rows of `_bound` whose images do not have all columns as they are, or that may be history.

        Args:
            present: the columns that each image has.
        """
        binding, ordinal, place, kind = self._bound, self._changes << 24, self._here(), event[4]
        try:
            if binding.end >= 0:
                self._versioned.changes(event, at, binding, present, ordinal, place)
            elif len(present) == 2:
                old, new = present
                partial = kind == _PARTIAL_UPDATE_ROWS
                self._sparse.updates(event, at, binding, (old, new), ordinal, place, self._token, partial)
            elif kind in (_WRITE_ROWS, types.WRITE_ROWS_V1):
                self._sparse.inserts(event, at, binding, present[0], ordinal, place)
            else:
                self._sparse.deletes(event, at, binding, present[0], ordinal, place)
        except LackingError as error:
            self._lack(known, error)
        finally:
            self._tables.release()

    def _lack(self, known: Mapped, error: LackingError) -> None:
        """The table cannot be followed any more."""
        binding = known.binding
        if binding is not None:
            name = binding.table.schema.name
            self._tables.suspend(name.database, name.table, f"{error.reason}, at {self.place}; {error.fix}")
        known.binding = None

    def _partial_update(self, event: bytes) -> None:
        """An update that may have JSON documents as differences."""
        self._rows(event, 2)

    def _single_images(self, event: bytes, deleted: bool) -> None:
        """Rows of which the event has one image: the new or the old one."""
        at = self._rows(event, 1)
        if not at:
            return
        binding = self._bound
        emitter, read, table = self._emitter, binding.read, binding.table
        ordinal, row, end, head = self._changes << 24, 0, len(event), b'"pos":' + digits(self._log.pos) + b',"row":'
        if self._whole is not None:
            at, row = self._whole.row_event(event, at, binding, "d" if deleted else "c", ordinal, self._log.pos)
        while at < end:
            image, key, at = read(event, at)
            place = head + digits(row) + b","
            row += 1
            if deleted:
                emitter.delete(table, ordinal | row, key, image, place)
            else:
                emitter.insert(table, ordinal | row, key, image, place)

    def _update_rows(self, event: bytes) -> None:
        at = self._rows(event, 2)
        if not at:
            return
        binding = self._bound
        emitter, read, table = self._emitter, binding.read, binding.table
        ordinal, row, end, head = self._changes << 24, 0, len(event), b'"pos":' + digits(self._log.pos) + b',"row":'
        if self._whole is not None:
            at, row = self._whole.row_event(event, at, binding, "u", ordinal, self._log.pos)
        while at < end:
            before, old_key, at = read(event, at)
            after, key, at = read(event, at)
            emitter.update(table, ordinal | row + 1, old_key, key, before, after, (), head + digits(row) + b",")
            row += 1

    # ---- inside

    def _here(self, query: events.Query | None = None) -> Place:
        log = self._log
        if query is None:
            return Place(log.file, log.pos, self._mark, log.end())
        # The end of a two-phase ALTER is a statement of its own; its values were made by the first.
        started = 0 if self._gtid.alter else self._ts
        strict = query.sql_mode > 0 and query.sql_mode & _STRICT != 0
        explicit = query.explicit_timestamps is True
        micros = query.micros if self._mariadb else -1
        return Place(log.file, log.pos, self._mark, log.end(), started, query.time_zone, strict, explicit, micros)

    def _error(self, what: str, fix: str) -> LogFormatError:
        return LogFormatError(what, where=self.place, fix=fix)


def _all_set(event: bytes, at: int, count: int) -> bool:
    """Whether the first `count` bits of a bit field are ones."""
    whole = count // 8
    for index in range(whole):
        if number(event, at + index, 1) != 0xFF:
            return False
    rest = (1 << count % 8) - 1
    return rest == 0 or number(event, at + whole, 1) & rest == rest
