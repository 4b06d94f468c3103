"""The keys in which two sides differ, and which of them still differ on a second look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tailrace.verify.digest import Buckets, Entry, Item, entries, groups

#: Rows held at once while the keys of differing buckets are compared.
LIMIT_ROWS = 400_000

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


@dataclass(slots=True)
class Differences:
    source_rows: int = 0
    target_rows: int = 0
    keys: dict[bytes, Difference] = field(default_factory=dict)


def compare(source: Read, target: Read) -> Differences:
    """Reads both sides once, and those buckets that differ again."""
    left, right = Buckets.of(source()), Buckets.of(target())
    result = Differences(left.rows, right.rows)
    for group in groups(left.differing(right), left, right, LIMIT_ROWS):
        here, there = entries(source(), group), entries(target(), group)
        for key in here.keys() | there.keys():
            difference = Difference(here.get(key), there.get(key))
            if difference.source != difference.target:
                result.keys[key] = difference
    return result


def persisting(earlier: Differences, later: Differences) -> dict[bytes, Difference]:
    """Differences of a second look that were there at the first, with the target's row unmoved since.

    While changes flow a row may be on its way; then the target's row moves (or the difference goes). A row that the
    target never touches between two looks is not on its way, even when the source's keeps changing.
    """
    return {
        key: difference
        for key, difference in later.keys.items()
        if key in earlier.keys and earlier.keys[key].target == difference.target
    }
