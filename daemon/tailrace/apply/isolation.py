"""Finds the events that a target refuses among those that it takes, and applies the others.

Only after a refusal: the batch that was refused is read again, and until it is through, changes are written run by run
within savepoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tailrace.apply.batch import Applied, TargetBatch
from tailrace.apply.change import Change
from tailrace.apply.parking import Parking, chain_of
from tailrace.errors import StuckError, ValueRefusedError
from tailrace.sink import Sink

#: Changes of one row, or of one table without a key, in their order, and what the target said.
_Refused = tuple[list[Change], ValueRefusedError]


class Isolation:
    """Writes changes of which some will be refused.

    Args:
        batch: of the session; nothing waits in it.
        wanted: whether the sink takes a change's table.
    """

    def __init__(self, sink: Sink, batch: TargetBatch, parking: Parking, wanted: Callable[[Change], bool]) -> None:
        self._sink = sink
        self._batch = batch
        self._parking = parking
        self._wanted = wanted
        self._applied: dict[str, Applied] = {}
        #: Topics and versions of which an event was written here.
        self.met: set[tuple[str, int]] = set()

    def write(self, changes: list[Change]) -> None:
        """Applies a run of changes without a control event between them, but for those that it parks or skips.

        Raises:
            StuckError: it is no single row's matter, or too many are refused.
        """
        refusal = self._write(changes)
        if refusal is None:
            return
        if not isinstance(refusal, ValueRefusedError):
            raise refusal
        units: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            if not change.control and self._wanted(change):
                units.setdefault((change.schema.topic, chain_of(change)), []).append(change)
        found = self._search(list(units.values()), [])
        if not found:
            raise refusal
        left_out: set[int] = set()
        for unit, error in found:
            left_out.update(id(change) for change in self._settle(unit, error))
        refusal = self._write([change for change in changes if id(change) not in left_out])
        if refusal is not None:
            raise refusal

    def counted(self, applied: dict[str, Applied]) -> dict[str, Applied]:
        """What `TargetBatch.counted` told, with what was written here before."""
        self._add(applied)
        applied, self._applied = self._applied, {}
        return applied

    def _add(self, applied: dict[str, Applied]) -> None:
        for topic, more in applied.items():
            known = self._applied.setdefault(topic, Applied(more.table))
            known.events += more.events
            known.bytes += more.bytes

    def _write(self, changes: list[Change]) -> StuckError | None:
        refusal = self._attempt(changes, keep=True)
        if refusal is None:
            self._add(self._batch.counted())
        return refusal

    def _attempt(self, changes: list[Change], keep: bool) -> StuckError | None:
        self._batch.counted()
        # What this makes of tables is outside of the savepoint, and comes with the first attempt alone.
        self._batch.add(changes, self._wanted)
        work = self._batch.take()
        return self._sink.attempt(work, keep) if work else None

    def _search(self, units: list[list[Change]], found: list[_Refused]) -> list[_Refused]:
        """Halves what is refused until single rows are left."""
        refusal = self._attempt([change for unit in units for change in unit], keep=False)
        if refusal is None:
            return found
        if len(units) == 1:
            if not isinstance(refusal, ValueRefusedError):
                return found  # it meets another row, which may be in the other half
            if self._parking.policy.data == "park":
                self._parking.refuse_more_than(len(found) + 1, refusal)
            found.append((units[0], refusal))
            return found
        middle = len(units) // 2
        self._search(units[:middle], found)
        return self._search(units[middle:], found)

    def _settle(self, unit: list[Change], error: ValueRefusedError) -> Sequence[Change]:
        """Parks the first change that is refused and what comes behind it, or skips those that are refused."""
        left_out: list[Change] = []
        refusal: StuckError | None = error
        while isinstance(refusal, ValueRefusedError):
            first, error = self._first(unit, refusal)
            # What is missing in a table without a key would stop the sink at a later change of the row.
            if self._parking.policy.data == "park" or unit[first].key is None:
                self._parking.park(unit[first], error)
                for change in unit[first + 1 :]:
                    self._parking.park(change, None)
                return [*left_out, *unit[first:]]
            self._parking.skip(unit[first], error)
            left_out.append(unit[first])
            unit = [*unit[:first], *unit[first + 1 :]]
            refusal = self._attempt(unit, keep=False) if unit else None
        return left_out

    def _first(self, unit: list[Change], error: ValueRefusedError) -> tuple[int, ValueRefusedError]:
        """A change with which the row is refused, while it is taken with what comes before it.

        Changes of a row are applied as one: a value that a later one has replaced refuses nothing.
        """
        taken, refused = 0, len(unit)
        while refused - taken > 1:
            middle = (taken + refused) // 2
            refusal = self._attempt(unit[:middle], keep=False)
            if isinstance(refusal, ValueRefusedError):
                refused, error = middle, refusal
            else:
                taken = middle
        return taken, error
