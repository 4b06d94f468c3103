"""Where a table's full load begins and ends in the stream: control events that sinks act on once.

A mark is an event of `op` "s" without a row, in every partition of the table's topic. `source.snapshot` has Debezium's
words for the first and the last of a table's rows, `source.load` what a sink needs to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from tailrace.structure import TableStructure

BEGIN, END = "first_in_data_collection", "last_in_data_collection"

Prepare = Literal["do-nothing", "drop-and-create", "truncate-before-load"]


@dataclass(frozen=True, slots=True)
class LoadMark:
    """One of the two.

    Attributes:
        phase: `BEGIN` or `END`.
        load: which load of the table it is: 0 is the first, others were asked for.
        prepare: what becomes of what the target's table holds when the load begins.
        resync: at the end, rows that the load did not bring are removed from targets.
        since: `tailrace_seq` of the load's beginning: what a fenced target holds with an older one was not brought.
        rows: at the end: how many went out.
        structure: of the source's table, where sinks are to make its indexes here.
    """

    phase: str
    load: int = 0
    prepare: Prepare = "do-nothing"
    resync: bool = False
    since: str = ""
    rows: int = 0
    structure: TableStructure | None = None

    @property
    def begins(self) -> bool:
        return self.phase == BEGIN

    @property
    def replaces(self) -> bool:
        """Whether the target's table is dropped here, whatever it is."""
        return self.begins and self.prepare == "drop-and-create"

    @property
    def name(self) -> str:
        """Tells it from the topic's other marks; sorts as they follow each other."""
        return f"{self.load:08d} {'begin' if self.begins else 'end'}"

    def to_json(self) -> bytes:
        """The member `load` of `source`."""
        member: dict[str, Any] = {
            "load": self.load,
            "prepare": self.prepare,
            "resync": self.resync,
            "since": self.since,
            "rows": self.rows,
        }
        if self.structure is not None:
            member["structure"] = self.structure.to_record()
        return orjson.dumps(member)

    @classmethod
    def from_source(cls, source: dict[str, Any]) -> LoadMark | None:
        """Of an event's `source`; None where the event is no mark.

        Raises:
            KeyError, TypeError: it is none that tailrace wrote.
        """
        load = source.get("load")
        if load is None:
            return None
        structure = load.get("structure")
        return cls(
            source["snapshot"],
            load["load"],
            load["prepare"],
            load["resync"],
            load["since"],
            load["rows"],
            None if structure is None else TableStructure.from_record(structure),
        )
