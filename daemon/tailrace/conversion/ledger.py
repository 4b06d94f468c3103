"""Keeps what is said of the source's objects during a conversion, and makes the verdicts of it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName
from tailrace.conversion.outcome import Complexity, Grade, Item, Verdict
from tailrace.conversion.translation import Remark

_Key = tuple[ObjectKind, ObjectName, str]


class Ledger:
    """Of one conversion. What nothing was said of by its end is a person's, with an item that says so."""

    def __init__(self, source: Catalog) -> None:
        self._source = source
        self._lines: dict[_Key, int] = {}
        for kind, name, member, line in source.count():
            self._lines.setdefault((kind, name, member), line)
        self._items: list[Item] = []
        self._grades: defaultdict[_Key, list[Grade]] = defaultdict(list)
        # Constraints of a script may have no names: what became of them comes in their order.
        self._outcomes: defaultdict[_Key, deque[tuple[str, Grade]]] = defaultdict(deque)
        self._targets: dict[_Key, str] = {}

    # ---- what became of an object

    def made(self, kind: ObjectKind, name: ObjectName, member: str, target: str) -> None:
        """It is in the target, as `target`; items may say how it differs."""
        self._outcomes[kind, name, member].append((target, Grade.AUTOMATIC))
        self._targets[kind, name, member] = target

    def gone(self, kind: ObjectKind, name: ObjectName, member: str) -> None:
        """It is not in the target, and nobody needs to do anything: an item says why, of it or of its table."""
        self._outcomes[kind, name, member].append(("", Grade.AUTOMATIC))

    def refused(self, kind: ObjectKind, name: ObjectName, member: str) -> None:
        """It is not in the target, and an item that was added says why."""
        self._outcomes[kind, name, member].append(("", Grade.BY_HAND))

    def by_hand(
        self,
        kind: ObjectKind,
        name: ObjectName,
        member: str,
        code: str,
        reason: str,
        proposal: str,
        complexity: Complexity = Complexity.SIMPLE,
        *,
        original: str = "",
        replacement: str = "",
        repeats: bool = False,
    ) -> None:
        """It is not in the target."""
        self._outcomes[kind, name, member].append(("", Grade.BY_HAND))
        self.say(
            kind,
            name,
            member,
            code,
            Grade.BY_HAND,
            reason,
            proposal,
            complexity,
            original=original,
            replacement=replacement,
            repeats=repeats,
        )

    # ---- what is to be said of it

    def say(
        self,
        kind: ObjectKind,
        name: ObjectName,
        member: str,
        code: str,
        grade: Grade,
        reason: str,
        proposal: str,
        complexity: Complexity | None = None,
        *,
        original: str = "",
        replacement: str = "",
        repeats: bool = False,
    ) -> None:
        line = self._lines.get((kind, name, member), 0)
        self.add(
            Item(code, kind, name, member, grade, reason, proposal, complexity, line, original, replacement, repeats),
        )

    def add(self, item: Item) -> None:
        self._items.append(item)
        self._grades[item.kind, item.name, item.member].append(item.grade)

    def remarks(
        self,
        kind: ObjectKind,
        name: ObjectName,
        member: str,
        remarks: Iterable[Remark],
        original: str = "",
        replacement: str = "",
    ) -> None:
        for remark in remarks:
            self.say(
                kind,
                name,
                member,
                remark.code,
                remark.grade,
                remark.reason,
                remark.proposal,
                remark.complexity,
                original=original,
                replacement=replacement,
            )

    # ---- asked later

    def target_of(self, kind: ObjectKind, name: ObjectName, member: str = "") -> str:
        """What an object is called in the target, "" where it is not made."""
        return self._targets.get((kind, name, member), "")

    def close(self) -> tuple[tuple[Item, ...], tuple[Verdict, ...]]:
        """All items, and a verdict for each entry of `Catalog.count`."""
        verdicts = [self._verdict(*entry) for entry in self._source.count()]
        return tuple(self._items), tuple(verdicts)

    def _verdict(self, kind: ObjectKind, name: ObjectName, member: str, line: int) -> Verdict:
        key = kind, name, member
        outcomes = self._outcomes[key]
        if not outcomes:
            reason = f"there is no conversion of this {kind} yet"
            self.by_hand(kind, name, member, "not-converted", reason, "write it for the target")
            outcomes = self._outcomes[key]
        target, grade = outcomes.popleft()
        return Verdict(kind, name, member, line, Grade.worst([grade, *self._grades[key]]), target)
