"""What a table has besides its rows, for the mark at which sinks make it."""

from __future__ import annotations

from tailrace.capture.spans import TableLoad
from tailrace.errors import TailraceError
from tailrace.logs import logger
from tailrace.source import SnapshotReader
from tailrace.structure import TableStructure

log = logger()


def structure_at(when: str, indexes: str, reader: SnapshotReader, topic: str, load: TableLoad) -> TableStructure | None:
    """The structure that goes with a mark; None where sinks are to make nothing of it there.

    Only a table's first load brings it: what somebody has dropped in a target since stays dropped.

    Args:
        when: "before" or "after" the load's rows.
        indexes: as `[load]` says it.
    """
    if indexes != when or load.loads:
        return None
    try:
        return reader.structure(topic)
    except TailraceError as error:
        log.warning("the table's indexes are not known, and left to cutover", topic=topic, error=str(error))
        return None
