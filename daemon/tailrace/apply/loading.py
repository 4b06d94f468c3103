"""What a target does where the load of a table begins and ends: the marks in the stream, acted on.

A load that is to remove what it does not bring (resync) needs to know at its end which rows it brought. A target whose
writes are fenced tells by the fences. In another, the keys of all rows that were written since the beginning are kept
in a table of the target's own, written in the same transactions as the rows.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tailrace.load_mark import LoadMark
from tailrace.logs import logger
from tailrace.row import Row
from tailrace.sink import KEPT_KEYS, Sink, TableWork, TargetTable
from tailrace.structure import FAILED, LEFT_OUT

log = logger()


class Loading:
    """Loads of a sink's tables.

    Args:
        resyncs: by topic, which load is to remove what it does not bring; what `notes` told before a restart.
        ordered: whether all changes of a topic are met in the source's order, so that values which are unique there are
            never met twice here.
        held: `Parking.brought`; None: nothing is parked.
    """

    def __init__(
        self,
        sink: Sink,
        resyncs: Mapping[str, int],
        ordered: Callable[[str], bool],
        held: Callable[[str, str], list[dict[int, Any]]] | None = None,
    ) -> None:
        self._sink = sink
        self._ordered = ordered
        self._held = held
        self._resyncs = {topic: number for topic, number in resyncs.items() if number}
        self._seen: dict[str, TargetTable] = {}
        self._changed: dict[str, int] = {}
        self._over: list[TargetTable] = []

    def begin(self, table: TargetTable, load: LoadMark) -> None:
        """The load's rows follow."""
        match load.prepare:
            case "drop-and-create":
                log.info("target table is made anew", table=str(table.source))
                self._sink.drop(table)
                self._sink.ensure(table, None)
            case "truncate-before-load":
                log.info("target table is emptied", table=str(table.source))
                self._sink.apply([TableWork(table, truncate=True, truncate_seq=load.since)])
        self._give_up(table)
        if load.resync and not table.keyless:
            self._note(table.topic, _number(table, load.load))
            self.meet(table)
            if (seen := self._seen.get(table.topic)) is not None:
                self._over = [other for other in self._over if other.topic != seen.topic]
                self._sink.apply([TableWork(seen, truncate=True)])
        self._index(table, load)

    def end(self, table: TargetTable, load: LoadMark) -> None:
        """All the load's rows are written."""
        self._index(table, load)
        topic = table.topic
        if not load.resync or table.keyless:
            return
        self.meet(table)
        if self._resyncs.get(topic) != _number(table, load.load):
            log.error("rows that the source has no more stay: the load's beginning is unknown", table=str(table.source))
            return
        seen = self._seen.get(topic)
        # What waits to be applied was brought all the same.
        held = self._held(topic, load.since) if self._held is not None else []
        if seen is not None and held:
            rows = [{column.name: key[column.id] for column in seen.columns if column.id in key} for key in held]
            whole = [Row(load.since, row) for row in rows if len(row) == len(seen.columns)]
            self._sink.apply([TableWork(seen, upserts=whole)])
        removed = self._sink.remove_others(table, load, seen)
        log.info("rows that the source has no more are removed", table=str(table.source), rows=removed)
        self._give_up(table)

    def _index(self, table: TargetTable, load: LoadMark) -> None:
        """Makes the source's indexes, where the mark brings them."""
        if load.structure is None:
            return
        unique = self._ordered(table.topic)
        for outcome in self._sink.add_indexes(table, load.structure, unique):
            say = log.warning if outcome.state in (LEFT_OUT, FAILED) else log.info
            told = {"table": str(table.source), "index": outcome.name, "state": outcome.state}
            say("index of the target", **told, **({"detail": outcome.detail} if outcome.detail else {}))

    def resyncs(self, topic: str) -> bool:
        """Whether rows that the topic's load does not bring are to be removed at its end."""
        return topic in self._resyncs

    def meet(self, table: TargetTable) -> None:
        """Changes of the table are about to be gathered, in this version of it; the sink is free to be called."""
        topic = table.topic
        if topic not in self._resyncs or not self._sink.transactional:
            return
        if self._resyncs[topic] & _KEY_BITS == _key_digest(table):
            if topic not in self._seen:
                self._seen[topic] = _seen_table(table)
                self._sink.ensure(self._seen[topic], None)
        else:
            log.error(
                "rows that the source has no more stay: the table's key has changed since its load began",
                table=str(table.source),
                fix="reload it with --resync again",
            )
            self._give_up(table)

    def seen(self, work: Sequence[TableWork]) -> list[TableWork]:
        """The keys of the rows that this work writes, of tables where they are kept."""
        if not self._seen:
            return []
        return [self._keys(table_work, seen) for table_work in work if (seen := self._seen.get(table_work.table.topic))]

    @property
    def notes(self) -> dict[str, int]:
        """What must become durable with the next commit, by topic."""
        return dict(self._changed)

    def committed(self, notes: Mapping[str, int]) -> None:
        """These notes are durable; tables that are not needed any more can go."""
        for topic, number in notes.items():
            if self._changed.get(topic) == number:
                del self._changed[topic]
        for seen in self._over:
            self._sink.drop(seen)
        self._over.clear()

    def _keys(self, work: TableWork, seen: TargetTable) -> TableWork:
        names = [column.name for column in seen.columns]
        rows = [*work.upserts, *work.updates]
        keys = [Row(row.seq, {name: row.values[name] for name in names}) for row in rows]
        return TableWork(seen, upserts=keys, truncate=work.truncate, truncate_seq=work.truncate_seq)

    def _give_up(self, table: TargetTable) -> None:
        """Nothing of the table is to be removed any more."""
        if table.topic not in self._resyncs:
            return
        self._note(table.topic, 0)
        self._seen.pop(table.topic, None)
        if not self._sink.transactional:
            return
        if self._sink.transactional_ddl:
            self._sink.drop(_seen_table(table))
        else:  # before the note is durable, the end may be met once more
            self._over.append(_seen_table(table))

    def _note(self, topic: str, number: int) -> None:
        self._changed[topic] = number
        if number:
            self._resyncs[topic] = number
        else:
            self._resyncs.pop(topic, None)


#: In a note stands the load's number, from 1, above these bits, and in them what the table's key was.
_KEY_BITS = 0xFFFFFFFF


def _number(table: TargetTable, load: int) -> int:
    return (load + 1) << _KEY_BITS.bit_length() | _key_digest(table)


def _key_digest(table: TargetTable) -> int:
    return zlib.crc32(repr([(column.name, column.type) for column in table.key]).encode())


def _seen_table(table: TargetTable) -> TargetTable:
    """Its name is the same in every process, and short enough for every target."""
    digest = hashlib.sha256(table.topic.encode()).hexdigest()[:16]
    return TargetTable(
        source=table.source,
        topic=f"{table.topic}{KEPT_KEYS}",
        version=1,
        columns=table.key,
        renamed=f"_tailrace_seen_{digest}",
    )
