"""What is said of a conversion: a grade for every object, and items for a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName


class Grade(StrEnum):
    """How far an object was converted; the order is from best to worst."""

    AUTOMATIC = "automatic"
    CHANGED = "changed"  # made, and means something else in a way that the item says
    BY_HAND = "by hand"  # not made: a person writes it, or decides to leave it out

    @classmethod
    def worst(cls, grades: Iterable[Grade]) -> Grade:
        return max(grades, key=list(cls).index, default=cls.AUTOMATIC)


class Complexity(StrEnum):
    """Of what is left to a person, as AWS SCT classes it: below 2 hours, 2 to 6, more than 6."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    SIGNIFICANT = "significant"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a person should read, or must do.

    Attributes:
        code: of the rule that says it, stable ("time-zone", "enum-order"); items of one code are shown together.
        name: the object's at the source; `member`: the column, index, … of it, "" for itself.
        line: in the script or in the object's definition; 0 unknown.
        grade: what it makes of the object. A finding that bites later without a change leaves it automatic.
        complexity: of the work that it leaves; None: nothing to do but to know it.
        reason: what is different, and what follows from that.
        proposal: what to do.
        original: the source's SQL that it is about, "" where the name says enough.
        replacement: the target's SQL, where there is some.
        repeats: its like is decided once, so that its hours count once for its code; else what is by hand has its own.
    """

    code: str
    kind: ObjectKind
    name: ObjectName
    member: str
    grade: Grade
    reason: str
    proposal: str
    complexity: Complexity | None = None
    line: int = 0
    original: str = ""
    replacement: str = ""
    repeats: bool = False

    @property
    def where(self) -> str:
        return f"{self.name}.{self.member}" if self.member else str(self.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one object of the source, as `Catalog.count` names it.

    Attributes:
        target: its name in the target; "" where it is not made.
    """

    kind: ObjectKind
    name: ObjectName
    member: str
    line: int
    grade: Grade
    target: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """
    Attributes:
        source: what was converted.
        target: what the target shall have, in its own dialect.
        verdicts: one for every object of the source.
        sink: the name of the sink, or of the kind of target.
    """

    source: Catalog
    target: Catalog
    items: tuple[Item, ...]
    verdicts: tuple[Verdict, ...]
    sink: str = ""

    @property
    def needs_person(self) -> bool:
        return any(verdict.grade is Grade.BY_HAND for verdict in self.verdicts)
