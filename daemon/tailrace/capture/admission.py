"""Tables that a later start meets for the first time: created meanwhile, or selected only now.

Their changes come with the log, but the rows that are there already do not: these must be loaded, in chunks
(`capture/load.py`), or whole where there is no key (`capture/whole.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tailrace.capture.load import Load, suspended_topics
from tailrace.load_mark import Prepare
from tailrace.logs import logger
from tailrace.position import SCHEMA_PREFIX, load_key
from tailrace.source import SourceTable

log = logger()


def admitted(
    tables: Iterable[SourceTable], state: Mapping[str, bytes], prepare: Prepare = "do-nothing"
) -> dict[str, bytes]:
    """The state entries with which tables that no load knows are captured: they are loaded.

    A table without a key that has schema versions in the state is followed from its creation on, by the log alone.
    """
    suspended = suspended_topics(state)
    followed = {key.removeprefix(SCHEMA_PREFIX).rpartition(":")[0] for key in state if key.startswith(SCHEMA_PREFIX)}
    entries: dict[str, bytes] = {}
    for table in tables:
        topic = table.topic
        if table.state != "streaming" or topic in suspended or load_key(topic) in state:
            continue
        if table.keyless and topic in followed:
            continue
        log.info("a table that is new to the pipeline will be loaded", table=str(table.name))
        entries.update(Load.plan([table], prepare))
    return entries
