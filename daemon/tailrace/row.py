"""A row on its way into a target; compiled where a compiler is there (`row.pxd`), because every event makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Row:
    """One row to write.

    Attributes:
        seq: `tailrace_seq` of the event that it comes from (the newest one, where events were compacted).
        json: the row as the JSON object that the event carries, where its members are exactly the target's columns
            (of a delete the key's), by their present names and in the order of the source's log; else None. A sink may
            go by it instead of by `values`.
        created: the batch has the row from its creation on, so that the target hardly has it: a sink may try a plain
            insert first. It may have it all the same.
    """

    def __init__(
        self,
        seq: str,
        values: dict[str, Any] | None = None,
        json: bytes | None = None,
        parse: Callable[[bytes], dict[str, Any]] | None = None,
        created: bool = False,
    ) -> None:
        """Either `values`, or `json` and what makes values of it."""
        self.seq = seq
        self.json = json
        self.created = created
        self._values = values
        self._parse = parse

    @property
    def values(self) -> dict[str, Any]:
        """Column name to value in its JSON form (`tailrace.schema`); names are `TargetTable`'s. For a delete only the
        key's columns.

        Raises:
            StuckError: the event's columns are not those of its schema version.
        """
        if self._values is None:
            assert self._parse is not None
            assert self.json is not None
            self._values = self._parse(self.json)
        return self._values
