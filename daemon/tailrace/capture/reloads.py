"""Tables that are to be loaded again: some of them, asked for while the pipeline runs, or all, while it was stopped.

What can be read is begun at once; a suspended table is asked back from the source first (`takeup`). All of it begins
between two transactions, because of one that goes on nobody has noted the rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from tailrace.capture.load import Load
from tailrace.capture.progress import Progress
from tailrace.capture.renewal import Renewal
from tailrace.capture.takeup import TakeUps
from tailrace.capture.whole import WholeLoads
from tailrace.emitter import Emitter
from tailrace.errors import RefusedError, TableBusyError, TableGoneError
from tailrace.position import RENEWED_KEY, Position
from tailrace.report import Control, Reload
from tailrace.source import Source, SourceTable


@dataclass(slots=True)
class Reloads:
    """Of one session.

    Attributes:
        control: brings what is asked for while the pipeline runs.
        renewal: brings what was asked for while it was stopped.
        loads: by topic, how often a table was loaded again, as of the session's opening.
        resync: there are targets, which lose what a load of everything does not bring.
        suspended: topics; kept up to date by the session.
    """

    source: Source
    emitter: Emitter
    control: Control
    progress: Progress
    load: Load
    whole: WholeLoads
    take_ups: TakeUps
    renewal: Renewal | None
    loads: dict[str, int]
    resync: bool
    suspended: set[str]
    _all: bool = False  # the request for all of them is followed, and not durable yet

    @property
    def pending(self) -> bool:
        """All tables are to be loaded again, and the stream does not hold that yet."""
        return self.renewal is not None and self.renewal.pending

    def begin(self, position: Position) -> dict[str, bytes | None]:
        """Begins what was asked for, between two transactions.

        Args:
            position: up to which the stream has, or is being given, the log.

        Returns:
            The entries to store for it.
        """
        entries: dict[str, bytes | None] = {}
        if position.in_transaction or self.emitter.in_transaction:
            return entries
        if self.take_ups.due:
            taken, entries = self.take_ups.look()
            tables = {table.topic: table for table in self.source.tables()} if taken else {}
            for topic in taken:
                self.suspended.discard(topic)
                request = Reload((), resync=self.take_ups.resyncs(topic))
                self._again(tables[topic], request, position, taken_up=True, busy=True)
        everything = self.renewal is not None and self.renewal.pending and not self._all
        if self.renewal is not None and everything:
            request = Reload(tuple(str(table.name) for table in self.source.tables()), resync=self.resync)
            entries.update(self.renewal.entry)
            self._all = True
        elif self.control.reloads.empty():
            return entries
        else:
            request = self.control.reloads.get()
        found = {str(table.name): table for table in self.source.tables() if str(table.name) in request.tables}
        self.progress.refused_by_name(set(request.tables) - found.keys(), "the source has no such table any more")
        for table in found.values():
            try:
                entries.update(self._asked(table, request, position, busy=everything))
            except (RefusedError, TableBusyError, TableGoneError) as error:
                self.load.refused.append((table.topic, str(error)))
        return entries

    def stored(self, keys: Collection[str]) -> None:
        """These entries of the state store are durable."""
        if self.take_ups.pending:
            self.take_ups.stored(keys)
        if self.renewal is not None and RENEWED_KEY in keys:
            self.renewal.done()

    def _asked(self, table: SourceTable, request: Reload, position: Position, busy: bool) -> dict[str, bytes]:
        """Somebody wants the table to be loaded; the entries to store."""
        suspended = table.topic in self.suspended or table.state == "suspended"
        if request.where and (suspended or table.keyless):
            why = "it is suspended" if suspended else "it has no primary key"
            raise RefusedError(f"{why}, so that it can only be loaded whole", fix="leave --where out")
        if suspended:
            return self.take_ups.ask(table.topic, request.resync)
        self._again(table, request, position, taken_up=False, busy=busy)
        return {}

    def _again(self, table: SourceTable, request: Reload, position: Position, taken_up: bool, busy: bool) -> None:
        """
        Args:
            taken_up: targets lack changes of it.
            busy: its load waits where it cannot be looked at just now; else that is refused, to whoever asked.
        """
        topic = table.topic
        loads = self.loads.get(topic, 0)
        if table.keyless:
            for known in (self.load.tables, self.whole.tables):
                loads = known[topic].loads if topic in known else loads
            self.load.suspend([topic])
            self.whole.again(table, loads, intact=not taken_up)
        else:
            self.whole.suspend([topic])
            # What was read of a table that was suspended until now has not moved the position.
            here = replace(position, restart=self.emitter.restart, mark=self.emitter.mark)
            self.load.again(table, request.where, here, request.resync, loads, taken_up=busy)
