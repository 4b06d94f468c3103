"""Which events are parked, and what comes behind them: changes of one row wait for the first of them that was refused.

A table without a key is one chain: any later change may be for the row that is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import orjson

from tailrace.apply.change import SCHEMA_CHANGE, TRUNCATE, Change, Image
from tailrace.dead_letters import DeadLetter, DeadLetterStore, letter_id
from tailrace.errors import StuckError, ValueRefusedError
from tailrace.logs import logger
from tailrace.report import now_text
from tailrace.schema import TableSchema
from tailrace.stream import Partition

#: The store is asked for what somebody wants this often, while anything is parked.
LOOK_SECONDS = 2.0
_FIX = "see tailrace dead-letters list"
_REASON_CHARACTERS = 1000

log = logger()


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of an event that the target refuses.

    Attributes:
        data: "park", "skip" or "stop"; what is parked already holds up its rows in any case.
        limit: so many parked events are borne, of a sink.
    """

    data: str = "park"
    limit: int = 10_000


@dataclass(slots=True)
class _Chain:
    """Parked events of one row, or of a table without a key, in their order."""

    letters: dict[str, tuple[int, int, str]] = field(default_factory=dict)  # by id: partition, offset, sequence

    def reaches(self, change: Change) -> bool:
        """Whether the change comes behind the first one. Under a renamed key it may stand in another partition."""
        partition, offset, seq = next(iter(self.letters.values()))
        return change.offset >= offset if change.partition.number == partition else change.seq >= seq

    def holds(self, change: Change) -> bool:
        """Whether the change is one of them: a crash may bring it once more."""
        return letter_id(change.partition, change.offset) in self.letters


class Parking:
    """A sink's parked events.

    Args:
        has: whether a topic is of this worker's share.

    Attributes:
        skipped: events that were left out for good, by topic, since the start.
    """

    def __init__(self, store: DeadLetterStore, policy: Policy, has: Callable[[str], bool] = lambda topic: True) -> None:
        self._store = store
        self._has = has
        self.policy = policy
        self._chains: dict[str, dict[str, _Chain]] = {}
        self._tables: dict[str, str] = {}
        self._parked: list[DeadLetter] = []
        self._released: list[str] = []
        self.total = 0
        self.skipped: dict[str, int] = {}
        self._looked_at = float("-inf")

    def load(self) -> None:
        """Takes what the target holds; nothing of the sink's is uncommitted."""
        self._chains = {}
        self._parked.clear()
        self._released.clear()
        letters = [letter for letter in self._store.heads() if self._has(letter.topic)]
        self.total = len(letters)
        for letter in sorted(letters, key=lambda letter: letter.place):
            self._tables[letter.topic] = letter.table
            self._append(letter)

    @property
    def changed(self) -> bool:
        """Whether something is to be written by `take`."""
        return bool(self._parked or self._released)

    @property
    def due(self) -> bool:
        """Whether the store is to be asked for what somebody wants."""
        return bool(self.total) and time.monotonic() - self._looked_at >= LOOK_SECONDS

    def looked(self) -> None:
        self._looked_at = time.monotonic()

    def take(self) -> tuple[list[DeadLetter], list[str]]:
        """Letters to store, and then ids of those to remove, with the changes that were taken so far."""
        parked, released = self._parked, self._released
        self._parked, self._released = [], []
        return parked, released

    def counts(self) -> dict[str, tuple[str, int, bool]]:
        """By topic: the table, how many of its events are parked, and whether all of its changes are held up."""
        return {
            topic: (self._tables[topic], sum(len(chain.letters) for chain in chains.values()), "" in chains)
            for topic, chains in self._chains.items()
            if chains
        }

    # ---- what comes behind

    def pieces(self, changes: Sequence[Change]) -> list[tuple[int, int]]:
        """Where these are to be divided for `divert`: before control events, some of which void what is parked.

        A position may be committed before each of them, and what is void behind it must not be gone by then.
        """
        if not self._chains:
            return [(0, len(changes))]
        begins = [0, *(index for index, change in enumerate(changes) if change.control), len(changes)]
        return [(start, end) for start, end in pairwise(begins) if start < end]

    def divert(self, changes: list[Change], wanted: Callable[[Change], bool]) -> list[Change]:
        """Parks those that come behind a parked one; returns the others.

        Args:
            wanted: whether the sink takes a change's table.
        """
        if not self._chains:
            return changes
        kept: list[Change] = []
        for change in changes:
            chains = self._chains.get(change.schema.topic)
            if not chains or change.op == SCHEMA_CHANGE or change.op == TRUNCATE:
                if chains and _empties(change):
                    self._supersede(change)
                kept.append(change)
                continue
            chain = chains.get("") or chains.get(chain_of(change))
            if chain is None or not chain.reaches(change) or not wanted(change):
                kept.append(change)
            elif not chain.holds(change):
                self.park(change, None)
        return kept

    def park(self, change: Change, error: ValueRefusedError | None) -> None:
        """Puts a change at the end of its chain.

        Args:
            error: None: one of its chain is parked before it.

        Raises:
            StuckError: there are too many.
        """
        self.refuse_more_than(1, error)
        name = "" if "" in self._chains.get(change.schema.topic, ()) else chain_of(change)
        letter = _letter(change, name, "" if error is None else str(error)[:_REASON_CHARACTERS])
        self._append(letter)
        self._parked.append(letter)
        self.total += 1
        if error is not None:
            log.error("event parked: the target refused it", table=letter.table, id=letter.id, error=str(error))

    def refuse_more_than(self, more: int, error: ValueRefusedError | None) -> None:
        """Raises StuckError where so many more were too many."""
        if self.total + more > self.policy.limit:
            last = f" (the target said last: {error.what})" if error is not None else ""
            raise StuckError(
                f"more events than max_parked = {self.policy.limit} would be parked{last}",
                where=error.where if error is not None else "[errors]",
                fix=f"mend the target, then retry or discard what is parked: {_FIX}",
            )

    def skip(self, change: Change, error: ValueRefusedError) -> None:
        topic = change.schema.topic
        self.skipped[topic] = self.skipped.get(topic, 0) + 1
        log.error(
            "event skipped: the target refused it",
            table=str(change.schema.name),
            id=letter_id(change.partition, change.offset),
            error=str(error),
        )

    def brought(self, topic: str, since: str) -> list[dict[int, Any]]:
        """Parked rows at the end of a load that removes what it does not bring: their keys, by column id.

        Rows that have not been met since the load's beginning are none of the source's any more, and their events void.
        """
        keys: list[dict[int, Any]] = []
        for name, chain in list(self._chains.get(topic, {}).items()):
            if max(seq for _, _, seq in chain.letters.values()) >= since:
                keys.append(dict(orjson.loads(name)) if name else {})
            else:
                self._void(topic, name, list(chain.letters), "the source has their rows no more")
        return keys

    def _supersede(self, change: Change) -> None:
        """The table is emptied: what was parked before would be of rows that are gone."""
        emptied = {change.partition.number: change.offset}
        emptied.update((partition.number, offset) for partition, offset in change.also_at)
        for name, chain in list(self._chains[change.schema.topic].items()):
            gone = [
                letter
                for letter, (partition, offset, _) in chain.letters.items()
                if offset <= emptied.get(partition, -1)
            ]
            self._void(change.schema.topic, name, gone, "their table was emptied")

    def _void(self, topic: str, chain: str, letters: list[str], why: str) -> None:
        if not letters:
            return
        left = self._chains[topic][chain].letters
        for letter in letters:
            del left[letter]
        if not left:
            del self._chains[topic][chain]
        self._released += letters
        self.total -= len(letters)
        log.warning(f"parked events are void: {why}", table=self._tables[topic], events=len(letters))

    def _append(self, letter: DeadLetter) -> None:
        self._tables[letter.topic] = letter.table
        chain = self._chains.setdefault(letter.topic, {}).setdefault(letter.chain, _Chain())
        chain.letters[letter.id] = (letter.partition, letter.offset, letter.seq)


def chain_of(change: Change) -> str:
    """Names the row: by the values of its key and the ids of their columns, which a rename leaves as they are."""
    if change.key is None:
        return ""
    values = orjson.loads(change.key)
    return orjson.dumps(sorted((column.id, values[column.name]) for column in change.schema.key)).decode()


def change_of(letter: DeadLetter, schema: TableSchema, partition: Partition) -> Change:
    """The change that was parked, in this version of its table."""
    event: Mapping[str, Any] = orjson.loads(letter.event)
    return Change(
        letter.op,
        letter.seq,
        schema,
        letter.key.encode() if letter.key else None,
        event["before"],
        event["after"],
        event["unchanged"],
        False,
        event["ts_ms"],
        partition,
        letter.offset,
        len(letter.event),
    )


def runs(changes: Sequence[Change], met: set[tuple[str, int]]) -> list[tuple[int, int]]:
    """Where each run of changes to rows begins and ends.

    A control event is a run of its own, and a run begins where a table is met in a version for the first time: before
    the target's table is made ready for it, everything else is to be written.

    Args:
        met: topics and versions met before; those that are met here are added.
    """
    begins = [0]
    for index, change in enumerate(changes):
        version = (change.schema.topic, change.schema.id)
        if change.control:
            begins += [index, index + 1]
        elif version not in met:
            begins.append(index)
        met.add(version)
    begins.append(len(changes))
    return [(start, end) for start, end in pairwise(begins) if start < end]


def _empties(change: Change) -> bool:
    load = change.load
    return change.op == TRUNCATE or (load is not None and load.begins and load.prepare != "do-nothing")


def _letter(change: Change, chain: str, reason: str) -> DeadLetter:
    event = {
        "before": _fragment(change.before),
        "after": _fragment(change.after),
        "unchanged": change.unchanged,
        "ts_ms": change.ts_ms,
    }
    return DeadLetter(
        id=letter_id(change.partition, change.offset),
        topic=change.schema.topic,
        table=str(change.schema.name),
        chain=chain,
        key=change.key.decode() if change.key is not None else "",
        op=change.op,
        seq=change.seq,
        schema_id=change.schema.id,
        partition=change.partition.number,
        offset=change.offset,
        reason=reason,
        since=now_text(),
        event=orjson.dumps(event),
    )


def _fragment(image: Image | None) -> Any:
    return orjson.Fragment(image) if isinstance(image, bytes) else image
