"""What became of a view, a routine or a trigger."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.conversion.catalog import Routine, Trigger, View
from tailrace.conversion.outcome import Grade
from tailrace.conversion.translation import Remark


@dataclass(frozen=True, slots=True)
class Program:
    """
    Attributes:
        objects: the target's, in the order in which they can be made: PostgreSQL's trigger comes after its function.
            Empty where there is nothing that surely does the same; then a remark says what a person must decide.
    """

    objects: tuple[View | Routine | Trigger, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def grade(self) -> Grade:
        return Grade.worst([*(remark.grade for remark in self.remarks), *([] if self.objects else [Grade.BY_HAND])])
