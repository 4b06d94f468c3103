"""What a target's system makes of an index: the index and what is to be said of it, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from tailrace.conversion.catalog import Column, Dialect, Table
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.translation import Remark
from tailrace.conversion.work import Work
from tailrace.structure import Index


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Attributes:
        gone: nothing is lost without it, so that nobody needs to do anything.
    """

    code: str
    reason: str
    proposal: str
    complexity: Complexity = Complexity.SIMPLE
    original: str = ""
    replacement: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    index: Index
    remarks: tuple[Remark, ...] = ()


def known(code: str, reason: str, proposal: str = "nothing") -> Remark:
    """Something to know, that changes no meaning."""
    return Remark(code, Grade.AUTOMATIC, reason, proposal)


def changed(code: str, reason: str, proposal: str) -> Remark:
    return Remark(code, Grade.CHANGED, reason, proposal, Complexity.SIMPLE)


def nullable(index: Index, columns: dict[str, Column]) -> bool:
    """Whether a column of the target's index may be NULL."""
    return any(not part.column or columns[part.column].nullable for part in index.parts)


def nulls(work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]) -> bool:
    """Whether NULLs are different from each other in a unique index of the source, so that many rows may have them."""
    if work.source.dialect is Dialect.TSQL and not given.where:
        return False
    return given.nulls_distinct


def distinct_remarks(
    work: Work, table: Table, given: Index, prepared: Index, columns: dict[str, Column]
) -> list[Remark]:
    """What a target says of NULLs that has no NULLS NOT DISTINCT."""
    if not given.unique or not nullable(prepared, columns):
        return []
    if not nulls(work, table, given, prepared, columns):
        reason = "at the source one row may have NULL, in the target any number"
        return [changed("unique-nulls", reason, "let the application see to it")]
    return oracle_remarks(work, given, prepared, columns)


def oracle_remarks(work: Work, given: Index, prepared: Index, columns: dict[str, Column]) -> list[Remark]:
    """Oracle's unique keys of several columns: rows that have NULL in some of them are compared by the others."""
    if work.source.dialect is Dialect.ORACLE and given.unique and len(given.parts) > 1 and nullable(prepared, columns):
        reason = "Oracle refuses rows that are alike but for NULLs in the same columns; the target takes them"
        return [changed("unique-nulls", reason, "NULLS NOT DISTINCT, where all of its columns must be compared")]
    return []
