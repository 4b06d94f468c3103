"""Checks: the source's own, those of its domains, and those that keep a text to an enum's labels."""

from __future__ import annotations

from dataclasses import replace

from tailrace.conversion.catalog import Check, Column, Dialect, ObjectKind, Table
from tailrace.conversion.identifiers import styled
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.tables.columns import inlined
from tailrace.conversion.tables.identity import counting
from tailrace.conversion.tables.labels import keeps_labels, labels_check, labels_check_name
from tailrace.conversion.tables.literals import quoted
from tailrace.conversion.tables.periods import period_checks
from tailrace.conversion.translation import Use
from tailrace.conversion.work import Work

_CHECK = ObjectKind.CHECK
_NOT_ENFORCED = 18


def converted_checks(work: Work, table: Table, columns: list[Column]) -> list[Check]:
    """
    Args:
        columns: the target's.
    """
    made = {column.name: column for column in columns}
    if work.dialect is Dialect.POSTGRESQL:  # which gives its NOT NULL such names
        for column in columns:
            if not column.nullable:
                work.taken.take(_room(work, table), f"{_target(work, table)}_{column.name}_not_null", str(table.name))
    found = [converted for check in table.checks if (converted := _check(work, table, check, made)) is not None]
    found += [
        replace(check, name=work.taken.free(_room(work, table), check.name, holder=""))
        for check in period_checks(work, table)
    ]
    altered = work.names.altered.get(table.name, {})
    for column in table.columns:
        target = made.get(work.names.columns[table.name].get(column.name, ""))
        if target is None or column.name in altered:
            continue
        found += _of_domain(work, table, column, target)
        if work.dialect is Dialect.MARIADB and target.generated and not target.nullable:
            found.append(_not_null(work, table, column, target))
        if keeps_labels(column.type, target.sql_type):
            name = work.taken.free(_room(work, table), labels_check_name(_target(work, table), target.name), holder="")
            found.append(Check(name, labels_check(target.name, column.type.labels, work.dialect)))
    return found


def _not_null(work: Work, table: Table, column: Column, target: Column) -> Check:
    """MariaDB takes no NOT NULL of a generated column, and a check that says the same."""
    reason = "MariaDB takes no NOT NULL of a generated column: a check says so there"
    work.ledger.say(
        ObjectKind.COLUMN, table.name, column.name, "generated-not-null", Grade.AUTOMATIC, reason, "nothing"
    )
    wanted = f"{_target(work, table)}_{target.name}_not_null"
    return Check(
        work.taken.free(_room(work, table), wanted, holder=""), f"{quoted(target.name, work.dialect)} IS NOT NULL"
    )


def _target(work: Work, table: Table) -> str:
    return work.names.objects[table.name].name


def _room(work: Work, table: Table) -> tuple[str, ...]:
    """Names of checks are the schema's in MySQL, the table's elsewhere."""
    target = work.names.objects[table.name]
    return ("checks", target.schema) if work.dialect.mysql_like else ("constraints", target.schema, target.name)


def _check(work: Work, table: Table, check: Check, made: dict[str, Column]) -> Check | None:
    ledger = work.ledger
    mentioned = work.mentions(check.expression, table)
    if reason := work.altered(table.name, mentioned):
        fix = "write one for the values that the target has"
        ledger.by_hand(_CHECK, table.name, check.name, "altered", reason, fix, original=check.expression)
        return None
    names = work.names.columns[table.name]
    if gone := [name for name in mentioned if names[name] not in made]:
        reason = f"the column {gone[0]} is not in the target"
        fix = "add it with the column"
        ledger.by_hand(_CHECK, table.name, check.name, "altered", reason, fix, original=check.expression)
        return None
    if reason := counting(work, table, mentioned):
        fix = "a trigger, or a check in the application"
        ledger.by_hand(_CHECK, table.name, check.name, "counted-column", reason, fix, original=check.expression)
        return None
    if implied := _implied(work, table, check, made):
        ledger.made(_CHECK, table.name, check.name, implied)
        return None
    if not check.enforced and work.dialect is not Dialect.MYSQL and not keeps_unenforced(work):
        reason = "the source does not enforce it, and the target has no such check"
        fix = "leave it out, or look whether all rows pass it and add it"
        ledger.by_hand(_CHECK, table.name, check.name, "not-enforced", reason, fix, original=check.expression)
        return None
    found = work.translate(check.expression, Use.CHECK, table)
    if not found.sql:
        ledger.remarks(
            _CHECK, table.name, check.name, [r for r in found.remarks if r.grade is not Grade.BY_HAND], check.expression
        )
        remark = next((r for r in found.remarks if r.grade is Grade.BY_HAND), None)
        ledger.by_hand(
            _CHECK,
            table.name,
            check.name,
            remark.code if remark else "check",
            remark.reason if remark else "its expression has no counterpart that surely means the same",
            remark.proposal if remark else "write it for the target, or check in the application",
            (remark.complexity if remark else None) or Complexity.SIMPLE,
            original=check.expression,
        )
        return None
    ledger.remarks(_CHECK, table.name, check.name, found.remarks, check.expression, found.sql)
    validated = check.validated
    if not validated:
        reason = "older rows of the source's were not looked at: one that breaks it is refused by the target"
        fix = "look for such rows before the load, or add the check after it"
        ledger.say(_CHECK, table.name, check.name, "not-validated", Grade.CHANGED, reason, fix, Complexity.SIMPLE)
        validated = work.dialect is not Dialect.POSTGRESQL
    wanted = styled(check.name, work.source.dialect, work.dialect) or f"{_target(work, table)}_check"
    name = work.taken.free(_room(work, table), wanted, f"{_target(work, table)}_{wanted}", holder=str(table.name))
    ledger.made(_CHECK, table.name, check.name, name)
    return Check(name, found.sql, check.enforced, validated, check.line)


def keeps_unenforced(work: Work) -> bool:
    """PostgreSQL has constraints that are NOT ENFORCED from release 18 on."""
    return work.verbatim is not None and work.verbatim.server.release >= _NOT_ENFORCED


def _implied(work: Work, table: Table, check: Check, made: dict[str, Column]) -> str:
    """The column whose type says already what MariaDB's json_valid says of a JSON column; "" otherwise."""
    text = check.expression.strip().lower()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if work.source.dialect is not Dialect.MARIADB or not text.startswith("json_valid("):
        return ""
    for column in work.mentions(check.expression, table):
        target = made.get(work.names.columns[table.name].get(column, ""))
        if target is not None and target.sql_type.lower() in ("json", "jsonb"):
            return target.name
    return ""


def _of_domain(work: Work, table: Table, column: Column, target: Column) -> list[Check]:
    """The checks of a domain that the target has not: each of its columns has them, on itself."""
    domain = inlined(work, column)
    if domain is None:
        return []
    found = []
    value = replace(column, name="VALUE", user_type=None)
    names = {**work.names.columns[table.name], "VALUE": target.name, "value": target.name}
    for check in domain.checks:
        translated = work.translate(
            check.expression,
            Use.CHECK,
            table,
            names=replace(work.names, columns={**work.names.columns, table.name: names}),
            columns={"VALUE": value, "value": value},
        )
        original = f"{domain.name}: {check.expression}"
        work.ledger.remarks(ObjectKind.COLUMN, table.name, column.name, translated.remarks, original, translated.sql)
        if translated.sql:
            wanted = f"{_target(work, table)}_{target.name}_{check.name or domain.name.name}"
            name = work.taken.free(_room(work, table), wanted, holder=str(table.name))
            found.append(Check(name, translated.sql))
        elif not translated.remarks:
            work.ledger.say(
                ObjectKind.COLUMN,
                table.name,
                column.name,
                "domain-check",
                Grade.BY_HAND,
                "the check of its domain has no counterpart that surely means the same",
                "write it for the target",
                Complexity.SIMPLE,
                original=original,
            )
    return found
