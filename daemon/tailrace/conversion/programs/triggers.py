"""Triggers before a row is written that only set columns of it; everything else is a person's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ObjectKind,
    ObjectName,
    Routine,
    Table,
    Trigger,
)
from tailrace.conversion.expressions import quoting
from tailrace.conversion.expressions.grammar import expression
from tailrace.conversion.expressions.refusal import RefusalError
from tailrace.conversion.expressions.scope import Relation, Scope, column_piece, of_table, plain
from tailrace.conversion.expressions.translator import assigned
from tailrace.conversion.expressions.writer import Writer
from tailrace.conversion.identifiers import styled
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.programs import kept, modes, related
from tailrace.conversion.programs.bodies import Assign, Choose, Return, Step, effort, steps
from tailrace.conversion.programs.program import Program
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.verbatim import Verbatim
from tailrace.conversion.translation import Remark

_LONGEST = 63


def trigger(
    given: Trigger,
    source: Catalog,
    target: Dialect,
    names: Names,
    rules: Rules,
    types: Mapping[ObjectName, Mapping[str, str]] | None = None,
    verbatim: Verbatim | None = None,
) -> Program:
    """The target's trigger, after its function where the target is PostgreSQL.

    Args:
        verbatim: between two PostgreSQL databases, how what is written keeps its meaning.
    """
    table_name = names.objects.get(given.table)
    try:
        if table_name is None:
            raise RefusalError("missing-object", f"its table {given.table} is not converted")
        name = ObjectName(table_name.schema, styled(given.name.name, source.dialect, target))
        if verbatim is not None and (made := kept.moved_trigger(given, name, table_name, verbatim)) is not None:
            return Program((made,))
        if source.dialect is target:
            return Program((kept.trigger(given, name, table_name, source, names),))
        if source.dialect.mysql_like and target.mysql_like:
            return related.trigger(given, name, table_name, source, target, names, rules)
        modes.refuse_modes(given.options, given.body)
        table = source.table(given.table)
        if table is None:
            raise RefusalError("program", "it is not a table's", complexity=effort(given.definition))
        _takes(given, target)
        text = _body(given, source)
        writer = _writer(table, source.dialect, target, names, rules, types or {})
        body = _Body(writer, table, names, types or {}, steps(text, source.dialect), given)
        _order(given, source, writer)
        found = body.postgres(name, table_name) if target is Dialect.POSTGRESQL else body.mysql(name, table_name)
        return Program(found, writer.remarks)
    except RefusalError as refusal:
        remark = refusal.remark
        complexity = Complexity.SIGNIFICANT if effort(given.definition) is Complexity.SIGNIFICANT else Complexity.MEDIUM
        return Program(remarks=(replace(remark, complexity=complexity),))


def _takes(given: Trigger, target: Dialect) -> None:
    if target is Dialect.SQLITE:
        raise RefusalError("program", "a trigger of SQLite's cannot set columns before the row is written")
    if given.timing != "BEFORE" or not given.row:
        raise RefusalError("program", f"it runs {given.timing} {'each row' if given.row else 'each statement'}")
    if not set(given.events) <= {"INSERT", "UPDATE"}:
        raise RefusalError("program", f"it runs on {', '.join(given.events)}")
    if not given.enabled:
        raise RefusalError("program", "it is switched off")
    if given.columns:
        raise RefusalError("program", "it runs on updates that name certain columns")


def _order(given: Trigger, source: Catalog, writer: Writer) -> None:
    """MySQL and Oracle run triggers in the order in which they were made, PostgreSQL by their names."""
    beside = [
        other
        for other in source.triggers
        if other.table == given.table and other.timing == "BEFORE" and set(other.events) & set(given.events)
    ]
    if len(beside) > 1 and not writer.like:
        writer.say(
            "trigger-order",
            "there is more than one trigger for this, and systems run them in different orders: as they were made, or "
            "by their names",
            "see whether one relies on what another has set",
        )


def _body(given: Trigger, source: Catalog) -> str:
    if source.dialect is not Dialect.POSTGRESQL:
        return given.body
    found = [routine for routine in source.routines if routine.name == given.function]
    if len(found) != 1 or found[0].language != "plpgsql" or given.arguments:
        raise RefusalError(
            "program", "its function is not known, takes arguments, or is in a language other than plpgsql"
        )
    return found[0].body


def _writer(
    table: Table,
    source: Dialect,
    target: Dialect,
    names: Names,
    rules: Rules,
    types: Mapping[ObjectName, Mapping[str, str]],
) -> Writer:
    own, given = names.columns.get(table.name, {}), types.get(table.name, {})
    relations = [
        Relation(
            alias,
            of_table({c.name: c for c in table.columns}, source, target, own, given, alias.upper(), True),
        )
        for alias in ("new", "old")
    ]
    return Writer(source, target, rules, names, Scope(source, target, relations))


@dataclass(slots=True)
class _Body:
    """Writes the steps in the target's words."""

    writer: Writer
    table: Table
    names: Names
    types: Mapping[ObjectName, Mapping[str, str]]
    found: Sequence[Step]
    given: Trigger

    def postgres(self, name: ObjectName, table: ObjectName) -> tuple[Routine | Trigger, ...]:
        lines = self._lines(self.found, 1, outermost=True)
        when = self._when()
        if when:
            lines = [f"    IF {when} THEN", *("    " + line for line in lines), "    END IF;"]
        return _with_function(name, table, self.given.events, lines)

    def mysql(self, name: ObjectName, table: ObjectName) -> tuple[Routine | Trigger, ...]:
        lines = self._lines(self.found, 1, outermost=True)
        when = self._when()
        if when:
            lines = [f"    IF {when} THEN", *("    " + line for line in lines), "    END IF;"]
        body = "\n".join(["BEGIN", *lines, "END"])
        made = []
        for event in self.given.events:
            called = name if len(self.given.events) == 1 else ObjectName(name.schema, f"{name.name}_{event.lower()}")
            if len(called.name) > 64:
                raise RefusalError("program", "its name is too long in the target")
            bare = Trigger(called, table, "BEFORE", (event,), True, "", body=body)
            made.append(replace(bare, definition=kept.mysql_trigger(bare, self.writer.target)))
        if "INSERT" in self.given.events and "old." in body.lower():
            raise RefusalError("program", "one trigger for INSERT and UPDATE that reads OLD")
        return tuple(made)

    def _when(self) -> str:
        if not self.given.when:
            return ""
        if len(self.given.events) > 1 and "old." in self.given.when.lower():
            raise RefusalError("program", "one trigger for INSERT and UPDATE that reads OLD")
        return self.writer.condition(expression(self.given.when, self.writer.source)).sql

    def _lines(self, found: Sequence[Step], depth: int, outermost: bool = False) -> list[str]:
        indent = "    " * depth
        lines: list[str] = []
        for place, step in enumerate(found):
            match step:
                case Return(value):
                    last = outermost and place == len(found) - 1
                    if not last or value.upper() != "NEW" or self.writer.source is not Dialect.POSTGRESQL:
                        raise RefusalError("program", "it returns before its end, or something other than NEW")
                case Assign():
                    lines.append(indent + self._assignment(step))
                case Choose(branches):
                    elsif = "ELSIF" if self.writer.target is Dialect.POSTGRESQL else "ELSEIF"
                    for number, (condition, inner) in enumerate(branches):
                        if condition:
                            text = self.writer.condition(expression(condition, self.writer.source)).sql
                            lines.append(f"{indent}{'IF' if number == 0 else elsif} {text} THEN")
                        else:
                            lines.append(f"{indent}ELSE")
                        written = self._lines(inner, depth + 1)
                        nothing = "NULL;" if self.writer.target is Dialect.POSTGRESQL else "BEGIN END;"
                        lines += written or [f"{indent}    {nothing}"]
                    lines.append(f"{indent}END IF;")
        return lines

    def _assignment(self, step: Assign) -> str:
        dialect = self.writer.source
        column = next((c for c in self.table.columns if plain(c.name, dialect) == plain(step.column, dialect)), None)
        own = self.names.columns.get(self.table.name, {})
        called = own.get(column.name, "" if own else column.name) if column else ""
        if column is None or not called:
            raise RefusalError("program", f"it sets {step.column}, which is not in the target")
        wanted = column_piece(
            column, dialect, self.writer.target, "", self.types.get(self.table.name, {}).get(column.name, "")
        )
        value = assigned(self.writer, self.writer.value(expression(step.value, dialect)), wanted, False)
        place = quoting.identifier(called, self.writer.target)
        if self.writer.target is Dialect.POSTGRESQL:
            return f"NEW.{place} := {value.sql};"
        return f"SET NEW.{place} = {value.sql};"


def _with_function(
    name: ObjectName, table: ObjectName, events: Sequence[str], lines: Sequence[str]
) -> tuple[Routine, Trigger]:
    """PostgreSQL's trigger and its function, in the table's schema."""
    dialect = Dialect.POSTGRESQL
    called = ObjectName(table.schema, _short(f"{table.name}_{name.name}"))
    body = "\n" + "\n".join(["BEGIN", *lines, "    RETURN NEW;", "END"]) + "\n"
    head = f"CREATE FUNCTION {quoting.qualified(called, dialect)}()\n RETURNS trigger\n LANGUAGE plpgsql"
    definition = f"{head}\nAS $function${body}$function$"
    function = Routine(called, ObjectKind.FUNCTION, (), "trigger", "plpgsql", body, definition)
    bare = Trigger(name, table, "BEFORE", tuple(events), True, "", function=called)
    return function, replace(bare, definition=kept.postgres_trigger(bare))


def _short(name: str) -> str:
    """What PostgreSQL would cut off is told apart by a few letters of a digest."""
    if len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _LONGEST - 9].decode(errors="ignore") + "_" + digest


def on_update(table: Table, column: Column, target: Dialect, names: Names) -> Program:
    """MySQL's ON UPDATE CURRENT_TIMESTAMP as a trigger, where the target's columns have no such thing.

    Args:
        table: the source's, with `column` of it.
    """
    made = names.objects.get(table.name)
    own = names.columns.get(table.name) or {each.name: each.name for each in table.columns}
    called = own.get(column.name)
    if made is None or called is None:
        return Program()
    if target is not Dialect.POSTGRESQL:
        return Program(
            remarks=(
                Remark(
                    "on-update",
                    Grade.BY_HAND,
                    "the source sets the column to the current time when a row changes; the target cannot before the "
                    "row is written",
                    "set it in the application, or in a trigger after the row is written",
                    Complexity.SIMPLE,
                ),
            )
        )
    digits = column.type.size
    now = "statement_timestamp()" if column.type.kind == "timestamptz" else "CAST(statement_timestamp() AS timestamp)"
    cut = {0: "second", 3: "milliseconds"}.get(digits)
    value = f"date_trunc('{cut}', {now})" if cut else now
    place = quoting.identifier(called, target)
    lines = [
        f"    IF NEW.{place} IS NOT DISTINCT FROM OLD.{place} AND {_changed(table, own)} THEN",
        f"        NEW.{place} := {value};",
        "    END IF;",
    ]
    name = ObjectName(made.schema, _short(f"{made.name}_{called}_on_update"))
    function, trigger_ = _with_function(name, made, ("UPDATE",), lines)
    function = _renamed(function, ObjectName(made.schema, name.name))
    remark = Remark(
        "on-update",
        Grade.CHANGED,
        "a trigger sets the column when a row changes; an UPDATE that sets it to the value that it has is not told "
        "from one that does not name it" + ("" if cut or digits == 6 else ", and digits of a second are rounded"),
        "see whether the application ever keeps the old time on purpose",
    )
    return Program(
        (function, replace(trigger_, function=function.name, definition=_calls(trigger_, function))), (remark,)
    )


def _changed(table: Table, own: Mapping[str, str]) -> str:
    """Whether a row of PostgreSQL's is another one, whatever its types. A generated column is not yet there in NEW."""
    if not any(column.generated for column in table.columns):
        return "NEW *<> OLD"
    columns = [
        quoting.identifier(own[c.name], Dialect.POSTGRESQL) for c in table.columns if not c.generated and c.name in own
    ]
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"(SELECT n *<> o FROM (SELECT {new}) AS n, (SELECT {old}) AS o)"


def _renamed(function: Routine, name: ObjectName) -> Routine:
    old, new = (quoting.qualified(n, Dialect.POSTGRESQL) for n in (function.name, name))
    return replace(function, name=name, definition=function.definition.replace(old, new, 1))


def _calls(trigger_: Trigger, function: Routine) -> str:
    return kept.postgres_trigger(replace(trigger_, function=function.name))
