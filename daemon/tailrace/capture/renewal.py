"""A request of a stopped pipeline's owner to load everything again (`tailrace.renewal`), as a session follows it.

Where the log goes on, the tables are loaded again as if somebody had asked while the pipeline ran. Where it is gone,
the source begins at its log's present end, in a new epoch, and that all tables are loaded is stored together with the
new position. Either way the request's id is stored in that transaction: a crash before it begins over, a crash behind
it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from tailrace import renewal
from tailrace.capture.load import UNSEEN_KEY, loaded_tables, suspended_topics
from tailrace.capture.spans import TableLoad
from tailrace.errors import LogGoneError
from tailrace.load_mark import Prepare
from tailrace.logs import logger
from tailrace.position import POSITION_KEY, RENEWED_KEY, TAKE_UP_PREFIX, load_key
from tailrace.source import SourceTable

log = logger()


class Renewal:
    """What is asked for, over the sessions of one process.

    Args:
        folder: the pipeline's state folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._request = renewal.asked(folder)
        self._gone = self._request.gone if self._request is not None else ""

    def look(self, state: Mapping[str, bytes]) -> None:
        """At a session's opening: a request that the stream's state says is done is not followed again; nor one of
        before the first start, which loads everything."""
        if self._request is None:
            return
        if POSITION_KEY not in state or state.get(RENEWED_KEY) == self._request.id.encode():
            self.done()

    @property
    def pending(self) -> bool:
        return self._request is not None

    @property
    def renews(self) -> bool:
        """Whether the source is to begin anew: it was asked for, and the log is gone."""
        return self._request is not None and bool(self._gone)

    @property
    def entry(self) -> dict[str, bytes]:
        """What becomes durable with that which the request has led to."""
        assert self._request is not None
        return {RENEWED_KEY: self._request.id.encode()}

    def met(self, error: LogGoneError) -> bool:
        """The log is gone; whether a session may be begun anew for it. Else it is noted for who asks later."""
        if self.pending and not self._gone:
            self._gone = error.loss
            return True
        try:
            renewal.note_gone(self._folder, error.loss)
        except OSError as failed:  # the disk may be full; a request meets the loss again
            log.warning("that the log is gone could not be noted", error=str(failed))
        return False

    def opened(self) -> None:
        """The log is there."""
        renewal.note_there(self._folder)

    def done(self) -> None:
        self._request, self._gone = None, ""
        renewal.forget(self._folder)

    def begins(self, where: str) -> None:
        log.warning("the log is begun anew at its end, and all tables are loaded again", because=self._gone, at=where)

    def plan(
        self,
        tables: Iterable[SourceTable],
        recorded: Mapping[str, bytes],
        state: Mapping[str, bytes],
        epoch: int,
        prepare: Prepare,
        resync: bool,
    ) -> dict[str, bytes | None]:
        """The state entries with which all tables are loaded behind a new beginning.

        Args:
            tables: as the source was opened with.
            recorded: what it has recorded meanwhile.
            state: of the stream, before.
            prepare: for tables that no load knows.
            resync: there are targets, which lose what the loads do not bring.
        """
        suspended, loads = suspended_topics(recorded), loaded_tables(dict(state))
        entries: dict[str, bytes | None] = {key: None for key in state if key.startswith(TAKE_UP_PREFIX)}
        # Views see the whole log before its new beginning (`SnapshotReader.demand`), whatever was not seen then.
        entries[UNSEEN_KEY] = orjson.dumps({"epoch": epoch, "tokens": []})
        for table in tables:
            if table.state != "streaming" or table.topic in suspended:
                continue
            known = loads.get(table.topic)
            load = TableLoad(total=table.estimated_rows, loads=known.loads + 1 if known else 0, resync=resync)
            if known is None:
                load.prepare = prepare
            entries[load_key(table.topic)] = load.to_json()
        return {**entries, **self.entry}
