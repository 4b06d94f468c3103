"""Suspended tables that somebody wants back: the source is asked to take them up, until it does or says why not.

The request is stored, so that it outlives a crash, and the source may be opened anew for it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from tailrace.capture.spans import TableLoad
from tailrace.errors import RefusedError, TableBusyError
from tailrace.logs import logger
from tailrace.position import TAKE_UP_PREFIX, load_key, take_up_key
from tailrace.source import Source, SourceTable

#: Between two times in which the source is asked.
_ASK_SECONDS = 0.25
_RESYNC = b"resync"

log = logger()


class TakeUps:
    """What was asked for and is not done.

    Args:
        state: the stream's state store.
    """

    def __init__(self, source: Source, state: Mapping[str, bytes]) -> None:
        self._source = source
        self._topics = [key.removeprefix(TAKE_UP_PREFIX) for key in state if key.startswith(TAKE_UP_PREFIX)]
        self._asked: list[str] = []  # the stream does not hold the request yet
        self._resyncs = {topic for topic in self._topics if state[take_up_key(topic)] == _RESYNC}
        self._at = 0.0
        #: Why a table is not taken up yet.
        self.reason = ""
        #: Topics that are not taken up, with the reason; whoever tells of them, takes them out.
        self.refused: list[tuple[str, str]] = []

    @property
    def pending(self) -> bool:
        return bool(self._topics or self._asked)

    @property
    def due(self) -> bool:
        """Whether `look` would ask the source."""
        return bool(self._topics) and time.monotonic() - self._at >= _ASK_SECONDS

    def ask(self, topic: str, resync: bool) -> dict[str, bytes]:
        """Somebody wants the table, and what its load does not bring removed; the entries to store."""
        if topic not in self._topics and topic not in self._asked:
            self._asked.append(topic)
        if resync:
            self._resyncs.add(topic)
        return {take_up_key(topic): _RESYNC if resync else b"1"}

    def resyncs(self, topic: str) -> bool:
        """Whether targets are to lose the rows that the load of the table does not bring."""
        return topic in self._resyncs

    def stored(self, state: Collection[str]) -> None:
        """These keys of the state store are durable: the source may be asked for the tables among them."""
        for topic in [topic for topic in self._asked if take_up_key(topic) in state]:
            self._asked.remove(topic)
            self._topics.append(topic)

    def opened(self, tables: Iterable[SourceTable], loads: Mapping[str, TableLoad]) -> dict[str, bytes | None]:
        """The entries to store for the tables that the source has taken up while it was opened: they are loaded.

        Args:
            tables: as the source was opened with.
            loads: by topic, as they were.
        """
        entries: dict[str, bytes | None] = {}
        for table in tables:
            topic = table.topic
            if table.state != "streaming" or topic not in self._topics:
                continue
            self._topics.remove(topic)
            before = loads[topic].loads if topic in loads else 0
            load = TableLoad(total=table.estimated_rows, loads=before + 1, resync=self.resyncs(topic))
            entries[load_key(topic)] = load.to_json()
            entries[take_up_key(topic)] = None
        return entries

    def look(self) -> tuple[list[str], dict[str, bytes | None]]:
        """Asks the source, between two transactions.

        Returns:
            The topics that it has taken up, and the entries to store with what it recorded for them.

        Raises:
            UnreachableError: the source is to be opened anew.
        """
        self._at = time.monotonic()
        taken: list[str] = []
        entries: dict[str, bytes | None] = {}
        self.reason = ""
        for topic in list(self._topics):
            try:
                if self._source.take_up(topic):
                    taken.append(topic)
                    log.info("a suspended table is captured again", topic=topic)
                else:
                    self.reason = f"{topic}: the stream must come to what the catalogue shows"
                    continue
            except TableBusyError as error:
                self.reason = f"{topic} cannot be taken up just now: {error}"
                continue
            except RefusedError as error:
                log.error("a suspended table is not captured again", topic=topic, error=str(error))
                self.refused.append((topic, str(error)))
            self._topics.remove(topic)
            entries[take_up_key(topic)] = None
        return taken, entries
