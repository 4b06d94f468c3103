"""What the pipeline captures by, under the catalog's own numbers.

A publication that was dropped and created again has another number, whatever its name: changes made in between are
missing, which the log does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from tailrace_postgres.publication import Published


@dataclass(frozen=True, slots=True)
class Membership:
    """The publications as of the last opening; an entry of the stream's state store.

    Attributes:
        publications: OID by name, of those that are as old as every change still to be read.
    """

    publications: Mapping[str, int]

    @classmethod
    def of(cls, present: Mapping[str, Published]) -> Membership:
        return cls({name: publication.oid for name, publication in present.items()})

    @classmethod
    def from_json(cls, record: bytes) -> Membership:
        return cls(**orjson.loads(record))

    def to_json(self) -> bytes:
        return orjson.dumps({"publications": self.publications})

    def without(self, name: str) -> Membership:
        return Membership({other: oid for other, oid in self.publications.items() if other != name})
