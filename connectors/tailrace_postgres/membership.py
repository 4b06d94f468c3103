"""What the pipeline captures by, under the catalog's own numbers.

A publication that was dropped and created again has another number, whatever its name, and so has a table's membership
that was ended and begun again: changes made in between are missing, which neither log nor names tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tailrace_postgres.publication import Published


@dataclass(frozen=True, slots=True)
class Membership:
    """The publications and their members as of the last opening; an entry of the stream's state store.

    Attributes:
        publications: OID by name, of those that are as old as every change still to be read.
        members: by the table's OID, the OIDs of its publication and of its membership there; of captured tables.
    """

    publications: Mapping[str, int]
    members: Mapping[int, tuple[int, int]]

    @classmethod
    def of(cls, present: Mapping[str, Published], captured: Iterable[int]) -> Membership:
        captured = set(captured)
        return cls(
            {name: publication.oid for name, publication in present.items()},
            {
                table: (publication.oid, member.oid)
                for publication in present.values()
                for table, member in publication.members.items()
                if table in captured
            },
        )

    @classmethod
    def from_json(cls, record: bytes) -> Membership:
        stored: dict[str, Any] = orjson.loads(record)
        members = {int(table): (publication, member) for table, (publication, member) in stored["members"].items()}
        return cls(stored["publications"], members)

    def to_json(self) -> bytes:
        members = {str(table): member for table, member in sorted(self.members.items())}
        return orjson.dumps({"publications": self.publications, "members": members})

    def without(self, name: str) -> Membership:
        return Membership({other: oid for other, oid in self.publications.items() if other != name}, self.members)

    def recreated(self, name: str, present: Mapping[str, Published]) -> bool:
        """Whether the publication of that name is another one than it was."""
        return name in self.publications and self.publications[name] != present[name].oid

    def unbroken(self, present: Mapping[str, Published], wanted: Mapping[int, str]) -> set[int]:
        """The tables that are published, and were all along as far as is known.

        Args:
            wanted: the publication that each captured table is to be in. A table that is there already and was in
                another one is taken for moved by us: a move is one transaction, and its record may be lost in a crash.
        """
        existing = {publication.oid for publication in present.values()}
        result = set()
        for name, publication in present.items():
            for table, member in publication.members.items():
                before = self.members.get(table)
                moved = before is not None and before[0] in existing - {publication.oid} and wanted.get(table) == name
                if before is None or moved or before == (publication.oid, member.oid):
                    result.add(table)
        return result
