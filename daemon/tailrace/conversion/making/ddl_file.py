"""Statements as a script that a person reads, and the system's own client runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tailrace.conversion.catalog import Dialect, ObjectKind
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.report.words import SYSTEMS, called, source_line
from tailrace.conversion.target import Stage, Statement

_RULE = "-- " + "-" * 74
_PROGRAMS = (ObjectKind.FUNCTION, ObjectKind.PROCEDURE)
_STAGES = {
    Stage.TABLES: "Before the first row",
    Stage.REST: "After the load",
    Stage.CUTOVER: "At cut-over: they would act on what the sink writes, or hold what is there just then",
}


def script(conversion: Conversion, statements: Sequence[Statement]) -> str:
    """All stages, with a heading for each object, and at the end what is not in it."""
    lines = _lines(conversion, statements)
    if conversion.target.dialect is Dialect.DYNAMODB:  # commands for a shell
        lines = (f"#{line.removeprefix('--')}" if line.startswith("--") else line for line in lines)
    return "\n".join(lines) + "\n"


def _lines(conversion: Conversion, statements: Sequence[Statement]) -> Iterator[str]:
    dialect = conversion.target.dialect
    named = f" (sink {_line(conversion.sink)})" if conversion.sink else ""
    yield f"-- {_line(source_line(conversion.source))}"
    yield f"-- as {SYSTEMS[dialect]} has it{named}, by tailrace schema"
    if dialect is Dialect.POSTGRESQL and any(statement.kind in _PROGRAMS for statement in statements):
        yield from ("", "-- Bodies of functions may name what comes later.", "SET check_function_bodies = off;")
    stage: Stage | None = None
    heading = ""
    # What is made in an earlier part needs nothing of a later one.
    for statement in sorted(statements, key=lambda statement: list(Stage).index(statement.stage)):
        if statement.stage is not stage:
            stage = statement.stage
            yield from ("", "", _RULE, f"-- {_STAGES[stage]}", _RULE)
        dot = "." if statement.member and not statement.member.startswith("(") else ""
        now = f"{statement.kind} {statement.name}{dot}{statement.member}"
        head = f"{statement.name}"
        if head != heading:
            heading = head
            yield ""
        yield f"-- {_line(now)}"
        yield from _closed(statement.sql.strip(), dialect)
    yield from _by_hand(conversion)


def _closed(sql: str, dialect: Dialect) -> Iterator[str]:
    """With what ends a statement for the client: MySQL's cuts at each semicolon, so that a body needs another end."""
    if dialect.mysql_like and ";" in sql:
        yield from ("DELIMITER //", f"{sql} //", "DELIMITER ;")
    else:
        yield sql if dialect is Dialect.DYNAMODB else f"{sql};"


def _by_hand(conversion: Conversion) -> Iterator[str]:
    verdicts = [verdict for verdict in conversion.verdicts if verdict.grade is Grade.BY_HAND]
    if not verdicts:
        return
    reasons = {(item.kind, item.name, item.member): item for item in conversion.items if item.grade is Grade.BY_HAND}
    yield from ("", "", _RULE, "-- Not in this script: a person decides, see the report", _RULE)
    for verdict in verdicts:
        item = reasons.get((verdict.kind, verdict.name, verdict.member))
        yield f"-- {verdict.kind} {_line(called(verdict))}" + (f": {_line(item.reason)}" if item else "")


def _line(text: str) -> str:
    """Nothing in it ends the comment."""
    return " ".join(text.split())
