"""The keys in which two sides differ, and which of them still differ on a second look.

The first look reads both sides once for the digests of their buckets, and once more for the keys of the first buckets
that differ. However many rows differ, no more keys than these are held; rows of further buckets are only counted. Each
later look is one pass over both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from tailrace.verify.digest import Buckets, Entry, Item, entries, first_group

#: Rows held at once while the keys of differing buckets are compared.
LIMIT_ROWS = 50_000

Read = Callable[[], Iterable[Item]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One key: its row at the source and at the target, each None where it is missing."""

    source: Entry | None
    target: Entry | None

    @property
    def kind(self) -> str:
        if self.target is None:
            return "missing"
        if self.source is None:
            return "extra"
        return "different"


@dataclass(frozen=True, slots=True)
class Counted:
    """A bucket whose keys were not looked at: its numbers of rows, and the digest of the target's."""

    source: int
    target: int
    target_sum: int


@dataclass(slots=True)
class Differences:
    """
    Attributes:
        buckets: those whose keys were looked at.
        counted: further buckets that differ.
    """

    source_rows: int = 0
    target_rows: int = 0
    keys: dict[bytes, Difference] = field(default_factory=dict)
    buckets: frozenset[int] = frozenset()
    counted: dict[int, Counted] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.keys or self.counted)


def compare(source: Read, target: Read) -> Differences:
    """A first look."""
    left, right = Buckets.of(source()), Buckets.of(target())
    differing = left.differing(right)
    result = Differences(left.rows, right.rows)
    if not differing:
        return result
    group = first_group(differing, left, right, LIMIT_ROWS)
    result.buckets = frozenset(group)
    result.keys = _unequal(entries(source(), group), entries(target(), group))
    result.counted = _counted([bucket for bucket in differing if bucket not in result.buckets], left, right)
    return result


def look_again(earlier: Differences, source: Read, target: Read) -> Differences:
    """What of an earlier look still differs, with the target's rows unmoved since.

    While changes flow a row may be on its way; then the target's row moves (or the difference goes). A row that the
    target never touches between two looks is not on its way, even when the source's keeps changing.
    """
    left, here = _look(source, earlier.buckets)
    right, there = _look(target, earlier.buckets)
    later = _unequal(here, there)
    counted = _counted(earlier.counted.keys() & set(left.differing(right)), left, right)
    return Differences(
        left.rows,
        right.rows,
        {
            key: difference
            for key, difference in later.items()
            if key in earlier.keys and earlier.keys[key].target == difference.target
        },
        earlier.buckets,
        {
            bucket: found
            for bucket, found in counted.items()
            if (found.target, found.target_sum) == (earlier.counted[bucket].target, earlier.counted[bucket].target_sum)
        },
    )


def _look(read: Read, buckets: Collection[int]) -> tuple[Buckets, dict[bytes, Entry]]:
    """One pass for the digests of all buckets and the keys of some."""
    found: dict[bytes, Entry] = {}
    return Buckets.of(read(), buckets, found), found


def _unequal(here: dict[bytes, Entry], there: dict[bytes, Entry]) -> dict[bytes, Difference]:
    pairs = ((key, Difference(here.get(key), there.get(key))) for key in here.keys() | there.keys())
    return {key: difference for key, difference in pairs if difference.source != difference.target}


def _counted(buckets: Iterable[int], left: Buckets, right: Buckets) -> dict[int, Counted]:
    return {bucket: Counted(left.counts[bucket], right.counts[bucket], right.sums[bucket]) for bucket in buckets}
