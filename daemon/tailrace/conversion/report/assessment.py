"""What conversions come to, in numbers: computed from verdicts and items, the same for every form of the report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.outcome import Complexity, Conversion, Grade, Item, Verdict
from tailrace.conversion.report import subjects

#: Parts of a table that go with it: each has a verdict, and the table's grade in the totals is the worst of them.
WITHIN_TABLES = frozenset({ObjectKind.COLUMN, ObjectKind.COMMENT})
#: What has a program in it, as AWS SCT counts code objects; everything else is storage.
CODE = frozenset(
    {
        ObjectKind.VIEW,
        ObjectKind.MATERIALIZED_VIEW,
        ObjectKind.FUNCTION,
        ObjectKind.PROCEDURE,
        ObjectKind.PACKAGE,
        ObjectKind.TRIGGER,
        ObjectKind.EVENT,
    }
)

#: What an item of a code and class takes: `Rules.hours`.
Hours = Callable[[str, Complexity], float]
Key = tuple[ObjectKind, ObjectName, str]


@dataclass(frozen=True, slots=True)
class Figures:
    """How many objects, by what became of them."""

    automatic: int = 0
    changed: int = 0
    by_hand: int = 0

    @property
    def total(self) -> int:
        return self.automatic + self.changed + self.by_hand

    @property
    def made(self) -> int:
        return self.automatic + self.changed

    def percent(self, part: int) -> int:
        """Rounded, but 0 and 100 only where it is none and all."""
        if part in (0, self.total):
            return 100 if part and self.total else 0
        return min(max(round(100 * part / self.total), 1), 99)

    @classmethod
    def of(cls, grades: Iterable[Grade]) -> Figures:
        counted = Counter(grades)
        return cls(counted[Grade.AUTOMATIC], counted[Grade.CHANGED], counted[Grade.BY_HAND])

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.automatic + other.automatic, self.changed + other.changed, self.by_hand + other.by_hand)


@dataclass(frozen=True, slots=True)
class Effort:
    """Of one class of complexity.

    Attributes:
        objects: that the worst of their items puts into this class.
        items: of this class.
        hours: for all of them.
    """

    complexity: Complexity
    objects: int
    items: int
    hours: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be said.

    Attributes:
        columns: of the item's table, where it is about some of them.
    """

    item: Item
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of several places alike."""

    reason: str
    proposal: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items of one code, in the order of the source's objects.

    Attributes:
        grade, complexity: the worst that one of them has.
        hours: for all of them.
    """

    code: str
    grade: Grade
    complexity: Complexity | None
    hours: float
    said: tuple[Said, ...]

    @property
    def title(self) -> str:
        return subjects.title(self.code)

    @property
    def plain(self) -> str:
        """What it means, without the trade's words; the first reason's sentence where nothing else is said of it."""
        return subjects.plain(self.code) or self.said[0].reason.partition(". ")[0]

    @property
    def items(self) -> list[Item]:
        return [place.item for said in self.said for place in said.places]


@dataclass(frozen=True, slots=True)
class Target:
    """One target's part of the assessment.

    Attributes:
        kinds: every kind that the source has, in the order of `ObjectKind`; all but `WITHIN_TABLES` add up to the
            totals, since a table is as good as the worst of what goes with it.
        storage, code: totals without what is within tables.
        effort: one for each class, the simplest first.
        actions: what leaves work, the most hours first.
        findings: what is to be known and leaves nothing to do at once, changes of meaning first.
        verdicts: one for every object of the source.
    """

    sink: str
    dialect: Dialect
    version: str
    kinds: Mapping[ObjectKind, Figures]
    storage: Figures
    code: Figures
    effort: tuple[Effort, ...]
    actions: tuple[Group, ...]
    findings: tuple[Group, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def objects(self) -> Figures:
        return self.storage + self.code

    @property
    def hours(self) -> float:
        return sum(effort.hours for effort in self.effort)

    def risks(self) -> list[Group]:
        """What a manager should have heard of, the worst first: what takes long, then what means something else."""
        changing = [group for group in self.findings if group.grade is not Grade.AUTOMATIC]
        return [*self.actions, *changing, *(group for group in self.findings if group not in changing)]


@dataclass(frozen=True, slots=True)
class Assessment:
    """
    Attributes:
        source: what was converted, the same for every target.
        created: when.
    """

    source: Catalog
    targets: tuple[Target, ...]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


def assess(conversions: Sequence[Conversion], hours: Hours, again: float = 1.0) -> Assessment:
    """
    Args:
        conversions: of one source, one for each target; at least one.
        hours: as the rules estimate them.
        again: share of its hours that an item takes where another of its code has asked the same, and the object is
            made, or the item repeats: a question is answered once.
    """
    return Assessment(conversions[0].source, tuple(_target(conversion, hours, again) for conversion in conversions))


def _target(conversion: Conversion, hours: Hours, again: float) -> Target:
    rolled = _rolled(conversion.verdicts)
    kinds: dict[ObjectKind, list[Grade]] = defaultdict(list)
    for kind, grade in rolled:
        kinds[kind].append(grade)
    for verdict in conversion.verdicts:
        if verdict.kind in WITHIN_TABLES:
            kinds[verdict.kind].append(verdict.grade)
    leaving = [item for item in conversion.items if _leaves_work(item)]
    knowing = [item for item in conversion.items if not _leaves_work(item)]
    charged = _charged(leaving, hours, again)
    source = conversion.source
    return Target(
        sink=conversion.sink,
        dialect=conversion.target.dialect,
        version=conversion.target.version,
        kinds={kind: Figures.of(kinds[kind]) for kind in ObjectKind if kind in kinds},
        storage=Figures.of(grade for kind, grade in rolled if kind not in CODE),
        code=Figures.of(grade for kind, grade in rolled if kind in CODE),
        effort=_effort(charged),
        actions=tuple(sorted(_groups(charged, source), key=_by_hours)),
        findings=tuple(sorted(_groups([(item, 0.0) for item in knowing], source), key=_by_grade)),
        verdicts=conversion.verdicts,
    )


def _leaves_work(item: Item) -> bool:
    return item.complexity is not None or item.grade is Grade.BY_HAND


def _rolled(verdicts: Iterable[Verdict]) -> list[tuple[ObjectKind, Grade]]:
    """What stands by itself, with the worst grade of what goes with it."""
    within: dict[ObjectName, list[Grade]] = defaultdict(list)
    standing: list[Verdict] = []
    for verdict in verdicts:
        if verdict.kind in WITHIN_TABLES:
            within[verdict.name].append(verdict.grade)
        else:
            standing.append(verdict)
    carrying = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)
    return [(v.kind, Grade.worst([v.grade, *within[v.name]]) if v.kind in carrying else v.grade) for v in standing]


def class_of(item: Item) -> Complexity:
    """What is by hand and not classed is something to look at."""
    return item.complexity or Complexity.SIMPLE


def _charged(items: Sequence[Item], hours: Hours, again: float) -> list[tuple[Item, float]]:
    """Each item with its hours: what is by hand takes its own, a question that is decided once the most of its code."""
    asked: dict[str, Item] = {}
    for item in items:
        if not _stands_alone(item):
            first = asked.setdefault(item.code, item)
            if hours(item.code, class_of(item)) > hours(item.code, class_of(first)):
                asked[item.code] = item
    whole = {id(item) for item in asked.values()}
    return [
        (item, hours(item.code, class_of(item)) * (1.0 if _stands_alone(item) or id(item) in whole else again))
        for item in items
    ]


def _stands_alone(item: Item) -> bool:
    return item.grade is Grade.BY_HAND and not item.repeats


def _effort(charged: Iterable[tuple[Item, float]]) -> tuple[Effort, ...]:
    order = list(Complexity)
    counted: Counter[Complexity] = Counter()
    taken: dict[Complexity, float] = defaultdict(float)
    worst: dict[Key, Complexity] = {}
    for item, hours in charged:
        complexity = class_of(item)
        counted[complexity] += 1
        taken[complexity] += hours
        key = (item.kind, item.name, item.member)
        worst[key] = max(worst.get(key, complexity), complexity, key=order.index)
    objects = Counter(worst.values())
    return tuple(
        Effort(complexity, objects[complexity], counted[complexity], taken[complexity]) for complexity in order
    )


def _groups(charged: Iterable[tuple[Item, float]], source: Catalog) -> Iterator[Group]:
    order = list(Complexity)
    by_code: dict[str, list[tuple[Item, float]]] = defaultdict(list)
    for item, hours in charged:
        by_code[item.code].append((item, hours))
    tables = {table.name: table for table in source.tables}
    for code, members in by_code.items():
        items = sorted((item for item, _ in members), key=lambda item: (item.name, item.line, item.member))
        leaving = [class_of(item) for item in items if _leaves_work(item)]
        yield Group(
            code=code,
            grade=Grade.worst(item.grade for item in items),
            complexity=max(leaving, key=order.index, default=None),
            hours=sum(hours for _, hours in members),
            said=tuple(_said(items, tables)),
        )


def _said(items: Iterable[Item], tables: Mapping[ObjectName, Table]) -> Iterator[Said]:
    """Items that say the same, together, whichever columns of a table they are about."""
    together: dict[tuple[str, str], list[Place]] = defaultdict(list)
    for item in items:
        table = tables.get(item.name) if item.kind is ObjectKind.TABLE else None
        columns, reason = _columns(item.reason, table)
        together[reason, item.proposal].append(Place(item, columns))
    for (reason, proposal), places in together.items():
        yield Said(reason, proposal, tuple(places))


def _columns(reason: str, table: Table | None) -> tuple[tuple[str, ...], str]:
    """A reason that begins with columns of the table and a colon, taken apart."""
    named, colon, rest = reason.partition(": ")
    columns = tuple(named.split(", "))
    if table is None or not colon or any(table.column(name) is None for name in columns):
        return (), reason
    return columns, rest


def _by_hours(group: Group) -> tuple[float, int, str]:
    return -group.hours, -list(Grade).index(group.grade), group.code


def _by_grade(group: Group) -> tuple[int, int, str]:
    return -list(Grade).index(group.grade), -len(group.items), group.code
