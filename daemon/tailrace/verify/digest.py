"""Row digests gathered in buckets by key, so that two tables can be compared in bounded memory and any order.

Databases sort keys by their own collations, so that the two sides cannot be merged in key order. A row's digest is
added to the bucket that its key's digest chooses; sums do not depend on order. Only buckets that differ are looked at
again, key by key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

BUCKETS = 4096
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Item:
    """One row of either side: `key` names it (the whole row in a keyless table), `row` is its canonical form."""

    key: bytes
    row: bytes


def digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


@dataclass(slots=True)
class Buckets:
    """Sums and counts of row digests, by key bucket."""

    sums: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    @classmethod
    def of(
        cls, items: Iterable[Item], chosen: Collection[int] = (), found: dict[bytes, Entry] | None = None
    ) -> Buckets:
        """The buckets of all rows; rows of the `chosen` ones are put into `found` besides, by key."""
        buckets = cls()
        sums, counts = buckets.sums, buckets.counts
        for item in items:
            key = digest(item.key)
            bucket = key % BUCKETS
            # Key and row in one digest: rows that changed places within a bucket must not cancel out.
            sums[bucket] = (sums[bucket] + digest(item.key + b"\0" + item.row)) & _MASK
            counts[bucket] += 1
            if found is not None and bucket in chosen:
                _enter(item, found)
        return buckets

    @property
    def rows(self) -> int:
        return sum(self.counts)

    def differing(self, other: Buckets) -> list[int]:
        return [
            bucket
            for bucket in range(BUCKETS)
            if self.sums[bucket] != other.sums[bucket] or self.counts[bucket] != other.counts[bucket]
        ]


@dataclass(slots=True)
class Entry:
    """A key of a differing bucket: its row's digest, and in how many rows it stands (keyless tables repeat)."""

    row: int
    count: int = 1


def entries(items: Iterable[Item], buckets: Collection[int]) -> dict[bytes, Entry]:
    """The rows of some buckets, by key."""
    chosen = frozenset(buckets)
    found: dict[bytes, Entry] = {}
    for item in items:
        if digest(item.key) % BUCKETS in chosen:
            _enter(item, found)
    return found


def _enter(item: Item, found: dict[bytes, Entry]) -> None:
    entry = found.get(item.key)
    if entry is None:
        found[item.key] = Entry(digest(item.row))
    else:
        entry.count += 1


def first_group(buckets: Iterable[int], left: Buckets, right: Buckets, limit_rows: int) -> list[int]:
    """The first of the differing buckets, of at most about `limit_rows` rows together; one at least."""
    result: list[int] = []
    size = 0
    for bucket in buckets:
        size += left.counts[bucket] + right.counts[bucket]
        if result and size > limit_rows:
            break
        result.append(bucket)
    return result
