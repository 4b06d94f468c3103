"""What became of a piece of SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tailrace.conversion.outcome import Complexity, Grade


class Use(StrEnum):
    """Where an expression stands: it decides what a target takes there."""

    DEFAULT = "default"
    CHECK = "check"
    GENERATED = "generated column"
    INDEX = "index"
    PREDICATE = "predicate"
    PARTITION = "partition"
    QUERY = "query"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be said of a translation; `Item` has the same words, and the object besides."""

    code: str
    grade: Grade
    reason: str
    proposal: str
    complexity: Complexity | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """
    Attributes:
        sql: in the target's dialect; "" where there is none that surely means the same (`grade` is by hand then).
    """

    sql: str
    remarks: tuple[Remark, ...] = ()

    @property
    def grade(self) -> Grade:
        return Grade.worst([*(remark.grade for remark in self.remarks), *([] if self.sql else [Grade.BY_HAND])])
