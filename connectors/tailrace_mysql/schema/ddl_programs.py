"""CREATE VIEW, FUNCTION, PROCEDURE, TRIGGER and EVENT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tailrace.conversion.catalog import (
    Catalog,
    Dialect,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Trigger,
    View,
    signature,
)
from tailrace.conversion.target import Stage, Statement
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.words import quoted

#: Session variables that a program keeps for its lifetime.
_KEPT = ("sql_mode", "collation_connection", "time_zone")
#: Modes of MariaDB's, or of older versions, that say nothing about what a program does, and that MySQL has no more.
_WITHOUT_EFFECT = frozenset(
    {"NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "IGNORE_BAD_TABLE_OPTIONS"}
)


class Naming:
    """How a catalog's statements call things.

    Attributes:
        index_comments: by table and index.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.dialect = catalog.dialect
        self._here = ("", catalog.default_schema)
        self.index_comments = {
            (comment.name, comment.member): comment.text
            for comment in catalog.comments
            if comment.kind is ObjectKind.INDEX
        }
        if odd := next((comment for comment in catalog.comments if comment.kind is not ObjectKind.INDEX), None):
            raise ValueError(f"{catalog.dialect} has no comment on a {odd.kind} (object {odd.name})")

    @property
    def mariadb(self) -> bool:
        return self.dialect is Dialect.MARIADB

    def of(self, name: ObjectName) -> str:
        return identifier(name.name) if name.schema in self._here else ".".join(map(identifier, name))


def view_statements(naming: Naming, view: View) -> Iterator[Statement]:
    if view.materialized:
        raise ValueError(f"{naming.dialect} has no materialized view (view {view.name})")
    head = "CREATE "
    if algorithm := view.options.get("algorithm"):
        head += f"ALGORITHM={algorithm.upper()} "
    if security := view.options.get("security"):
        head += f"SQL SECURITY {security.upper()} "
    columns = f" ({', '.join(map(identifier, view.columns))})" if view.columns else ""
    check = f"\nWITH {view.check_option} CHECK OPTION" if view.check_option else ""
    sql = f"{head}VIEW {naming.of(view.name)}{columns} AS\n{view.query}{check}"
    options = {key: value for key, value in view.options.items() if key != "sql_mode"}
    yield from _framed(naming, Statement(ObjectKind.VIEW, view.name, sql, Stage.REST), options)


def routine_statements(naming: Naming, routine: Routine) -> Iterator[Statement]:
    sql = routine_sql(naming.of(routine.name), routine) if routine.body else routine.definition
    made = Statement(routine.kind, routine.name, sql, Stage.REST, signature(routine))
    yield from _framed(naming, made, routine.options)


def routine_sql(name: str, routine: Routine) -> str:
    """
    Args:
        name: as it stands in the statement.
    """
    options = routine.options
    function = routine.kind is ObjectKind.FUNCTION
    listed = ", ".join(
        f"{'' if function else f'{argument.mode} '}{identifier(argument.name)} {argument.sql_type}"
        for argument in routine.arguments
    )
    aggregate = "AGGREGATE " if options.get("aggregate") == "yes" else ""
    lines = [f"CREATE {aggregate}{'FUNCTION' if function else 'PROCEDURE'} {name}({listed})"]
    if function:
        lines[0] += f" RETURNS {routine.returns}"
    if data := options.get("data"):
        lines.append(f"    {data.upper()}")
    if options.get("deterministic") == "yes":
        lines.append("    DETERMINISTIC")
    if options.get("security") == "invoker":
        lines.append("    SQL SECURITY INVOKER")
    if comment := options.get("comment"):
        lines.append(f"    COMMENT {quoted(comment)}")
    return "\n".join([*lines, routine.body])


def trigger_statements(naming: Naming, trigger: Trigger) -> Iterator[Statement]:
    if len(trigger.events) != 1 or not trigger.row or trigger.columns or trigger.when or not trigger.body:
        raise ValueError(f"{naming.dialect} has no such trigger (trigger {trigger.name} of {trigger.table})")
    sql = trigger_sql(naming.of(trigger.name), naming.of(trigger.table), trigger)
    made = Statement(ObjectKind.TRIGGER, trigger.table, sql, Stage.CUTOVER, trigger.name.name)
    yield from _framed(naming, made, trigger.options)


def trigger_sql(name: str, table: str, trigger: Trigger) -> str:
    """
    Args:
        name, table: as they stand in the statement.
    """
    return f"CREATE TRIGGER {name} {trigger.timing} {trigger.events[0]} ON {table} FOR EACH ROW\n{trigger.body}"


def other_statements(naming: Naming, other: Other) -> Iterator[Statement]:
    """What acts by itself, or is for users, comes when the application moves."""
    if not other.definition:
        raise ValueError(f"there is no definition of {other.kind} {other.name}: {other.reason}")
    late = other.kind in (ObjectKind.EVENT, ObjectKind.GRANT)
    stage = Stage.CUTOVER if late else Stage.REST
    member = other.name.name if other.table else ""
    made = Statement(other.kind, other.table or other.name, other.definition, stage, member)
    yield from _framed(naming, made, other.options)


def _framed(naming: Naming, made: Statement, options: Mapping[str, str]) -> Iterator[Statement]:
    """The statement in a session like the one in which the program was made; then the session is as before."""
    kept = {variable: options[variable] for variable in _KEPT if variable in options}
    if "sql_mode" in kept and not naming.mariadb:
        modes = [mode for mode in kept["sql_mode"].split(",") if mode not in _WITHOUT_EFFECT]
        kept["sql_mode"] = ",".join(modes)
    before = [f"@tailrace_{name} = @@SESSION.{name}, SESSION {name} = {quoted(text)}" for name, text in kept.items()]
    after = [f"SESSION {name} = @tailrace_{name}" for name in kept]
    if before:
        yield Statement(made.kind, made.name, f"SET {', '.join(before)}", made.stage, made.member)
    yield made
    if after:
        yield Statement(made.kind, made.name, f"SET {', '.join(after)}", made.stage, made.member)
