"""A catalog in the words in which the server keeps it, where no scratch database may be made: each object is made under
another name in the sink's own database."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pymysql.err

from tailrace.conversion.catalog import Catalog, ForeignKey, ObjectKind, ObjectName, Routine, Table, Trigger
from tailrace.structure import Index, Part
from tailrace.tables import OWN_PREFIX
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema import abandoned
from tailrace_mysql.schema.application import Refusal, run
from tailrace_mysql.schema.ddl import render
from tailrace_mysql.schema.ddl_programs import routine_sql, trigger_sql
from tailrace_mysql.schema.portions import joined, renamed
from tailrace_mysql.schema.questions import locked
from tailrace_mysql.schema.reader import read
from tailrace_mysql.schema.settled import settled_key

#: What an object needs is not there yet, or may not be made: it stays as it is meant.
_UNMADE = (1044, 1049, 1142, 1146, 1227, 1290, 1305, 1356, 1370, 1418, 1419, 1792, 1836)


def canonical(
    connection: Any, catalog: Catalog, database: str, where: str, settle: Callable[[Catalog], Catalog]
) -> Catalog:
    """
    Args:
        catalog: of this database alone.
        settle: gives the form that is known without the server, for what cannot be made.

    Raises:
        RefusedError: the server refuses a statement.
    """
    names = _Names(catalog, database)
    locked(connection, names.mark)
    abandoned.drop_objects(connection, database)
    made: list[Catalog] = []
    left: list[Catalog] = []
    try:
        for part in _parts(catalog):
            try:
                run(connection, render(names.hidden(part), together=True), where)
                made.append(part)
            except Refusal as refusal:
                if refusal.number not in _UNMADE:
                    raise
                left.append(part)
        found = names.shown(read(connection, [database], database, names=set(names.given)))
    finally:
        _drop(connection, catalog, names)
    for part in left:
        found = joined(found, settle(part))
    settled = settle(catalog)
    tables = tuple(_with_keys(table, catalog, settled) for table in found.tables)
    return replace(found, tables=tables, sequences=settled.sequences)


def _parts(catalog: Catalog) -> Iterable[Catalog]:
    """One object each; a table with its triggers and the comments of its indexes."""
    empty = Catalog(catalog.dialect, default_schema=catalog.default_schema)
    for table in catalog.tables:
        comments = tuple(comment for comment in catalog.comments if comment.name == table.name)
        yield replace(empty, tables=(replace(table, foreign_keys=()),), comments=comments)
    for trigger in catalog.triggers:
        yield replace(empty, triggers=(trigger,))
    for routine in catalog.routines:
        yield replace(empty, routines=(routine,))
    for view in catalog.views:
        yield replace(empty, views=(view,))
    for other in catalog.others:
        yield replace(empty, others=(other,))


class _Names:
    """Objects under other names, and back.

    Attributes:
        mark: what their names begin with.
        given: what the hidden ones are called at home.
    """

    def __init__(self, catalog: Catalog, database: str) -> None:
        things: list[Any] = [*catalog.tables, *catalog.views, *catalog.routines, *catalog.triggers]
        mark = f"{OWN_PREFIX}schema_{secrets.token_hex(4)}"
        self.mark = mark
        self._database = database
        self._mariadb = catalog.dialect.value == "mariadb"
        self._hidden = {thing.name: ObjectName(database, f"{mark}_{number}") for number, thing in enumerate(things, 1)}
        self.given = {hidden: ObjectName(database, name.name) for name, hidden in self._hidden.items()}
        self._checks: dict[str, str] = {}

    def hidden(self, catalog: Catalog) -> Catalog:
        changed = renamed(catalog, lambda name: self._hidden.get(name, name))
        return replace(changed, tables=tuple(self._unchecked(table) for table in changed.tables))

    def _unchecked(self, table: Table) -> Table:
        """MySQL's checks have names that no other has in a database."""
        if self._mariadb:
            return table
        checks = []
        for check in table.checks:
            name = f"{self.mark}_c{len(self._checks):06}"
            self._checks[name] = check.name
            checks.append(replace(check, name=name))
        return replace(table, checks=tuple(checks))

    def shown(self, catalog: Catalog) -> Catalog:
        found = renamed(catalog, lambda name: self.given.get(name, name))
        return replace(
            found,
            tables=tuple(self._checked(table) for table in found.tables),
            routines=tuple(_redefined(routine) for routine in found.routines),
            triggers=tuple(_redefined(trigger) for trigger in found.triggers),
        )

    def _checked(self, table: Table) -> Table:
        checks = (replace(check, name=self._checks.get(check.name, check.name)) for check in table.checks)
        return replace(table, checks=tuple(checks))


def _redefined(program: Any) -> Any:
    if isinstance(program, Routine):
        return replace(program, definition=routine_sql(identifier(program.name.name), program))
    trigger: Trigger = program
    names = identifier(trigger.name.name), identifier(trigger.table.name)
    return replace(trigger, definition=trigger_sql(*names, trigger))


def _with_keys(table: Table, meant: Catalog, settled: Catalog) -> Table:
    """With its foreign keys, and the indexes that the server makes for them; a counted column goes on as meant."""
    wanted = next(other for other in settled.tables if other.name.name == table.name.name)
    mariadb = meant.dialect.value == "mariadb"
    keys = tuple(settled_key(key) if mariadb else key for key in wanted.foreign_keys)
    indexes = list(table.indexes)
    for key in keys:
        if not any(_leads(index, key) for index in indexes):
            indexes.append(Index(key.name, tuple(Part(column) for column in key.columns)))
    return replace(table, foreign_keys=keys, indexes=tuple(indexes))


def _leads(index: Index, key: ForeignKey) -> bool:
    leading = index.parts[: len(key.columns)]
    return all(not part.prefix for part in leading) and {part.column for part in leading} == set(key.columns)


def _drop(connection: Any, catalog: Catalog, names: _Names) -> None:
    hidden = {given: name for name, given in names.given.items()}
    kinds: list[tuple[str, Any]] = [
        *(("TABLE", table) for table in catalog.tables),
        *(("VIEW", view) for view in catalog.views),
        *(
            ("FUNCTION" if routine.kind is ObjectKind.FUNCTION else "PROCEDURE", routine)
            for routine in catalog.routines
        ),
    ]
    with contextlib.closing(connection.cursor()) as cursor:
        for kind, thing in kinds:
            name = hidden[ObjectName(catalog.default_schema, thing.name.name)]
            with contextlib.suppress(pymysql.err.Error):
                cursor.execute(f"DROP {kind} IF EXISTS {identifier(name.name)}")
