"""What a MySQL or MariaDB server has, as a `Catalog`.

One question for each kind of thing in a database, and SHOW CREATE for every object: the number of questions grows with
the number of objects, and none with its square.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import pymysql.err

from tailrace.conversion.catalog import (
    Catalog,
    Comment,
    Counter,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.catalog import Sequence as Sequenced
from tailrace.tables import OWN_PREFIX
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.columns import dialect_of
from tailrace_mysql.schema.create_table import Known, read_table
from tailrace_mysql.schema.portions import local
from tailrace_mysql.schema.privileges import grants, unseen
from tailrace_mysql.schema.programs import read_event, read_routine, read_trigger, read_view
from tailrace_mysql.schema.questions import Questions, number, text_of

_T = TypeVar("_T")
#: SHOW CREATE of one object: it is gone, or nobody lets us see it.
_HIDDEN = (1142, 1143, 1044, 1227, 1345, 1356, 1370, 1305, 1360, 1539, 1146)
_TABLES = (
    "SELECT TABLE_NAME, TABLE_TYPE, COALESCE(TABLE_COLLATION, ''), TABLE_ROWS, DATA_LENGTH + INDEX_LENGTH"
    " FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
)
_COLLATIONS = (
    "SELECT TABLE_NAME, COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS"
    " WHERE TABLE_SCHEMA = %s AND CHARACTER_SET_NAME IS NOT NULL"
)
_ROUTINES = (
    "SELECT ROUTINE_NAME, ROUTINE_TYPE, COALESCE(DTD_IDENTIFIER, ''), COALESCE(CHARACTER_SET_NAME, ''),"
    " COALESCE(COLLATION_NAME, '') FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s"
    " ORDER BY ROUTINE_TYPE, ROUTINE_NAME"
)
_TRIGGERS = (
    "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION FROM information_schema.TRIGGERS"
    " WHERE TRIGGER_SCHEMA = %s ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
)
_EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s ORDER BY EVENT_NAME"
_DATABASE = (
    "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s"
)
_SEQUENCE = (
    "SELECT start_value, increment, minimum_value, maximum_value, cycle_option, cache_size, next_not_cached_value FROM "
)


def read(
    connection: Any,
    databases: Sequence[str],
    default: str,
    origin: str = "",
    names: Collection[ObjectName] | None = None,
) -> Catalog:
    """
    Args:
        connection: PyMySQL's; its session is changed, and its current database.
        default: the database that is `Catalog.default_schema`; "" none.
        names: objects alone that are wanted, with their triggers and indexes; None: everything.

    Raises:
        pymysql.err.Error: the server refuses, or is gone.
    """
    questions = Questions(connection)
    wanted = None if names is None else frozenset(names)
    parts = [_Database(questions, database, wanted) for database in databases]
    for part in parts:
        part.read()
    charset, collation = questions.row(_DATABASE, (default,)) or ("", "")
    return Catalog(
        dialect_of(questions.mariadb),
        questions.version,
        default,
        text_of(charset),
        text_of(collation),
        origin,
        tuple(database for database in databases if database != default),
        tuple(table for part in parts for table in part.tables),
        tuple(sequence for part in parts for sequence in part.sequences),
        views=tuple(view for part in parts for view in part.views),
        routines=tuple(routine for part in parts for routine in part.routines),
        triggers=tuple(trigger for part in parts for trigger in part.triggers),
        comments=tuple(comment for part in parts for comment in part.comments),
        others=tuple(other for part in parts for other in part.others),
    )


class _Database:
    def __init__(self, questions: Questions, database: str, names: Collection[ObjectName] | None) -> None:
        self._questions = questions
        self._database = database
        self._names = names
        self.tables: list[Table] = []
        self.sequences: list[Sequenced] = []
        self.views: list[View] = []
        self.routines: list[Routine] = []
        self.triggers: list[Trigger] = []
        self.comments: list[Comment] = []
        self.others: list[Other] = []

    def read(self) -> None:
        self._questions.use(self._database)
        self._relations()
        self._programs()
        for name in self._listed(_EVENTS):
            self._event(name)
        if self._names is None:
            self.others += unseen(self._questions, self._database)
            self.others += grants(self._questions, self._database)

    def _wanted(self, name: str) -> bool:
        if self._names is None:
            return not name.startswith(OWN_PREFIX)
        return ObjectName(self._database, name) in self._names

    def _listed(self, sql: str) -> list[str]:
        rows = self._questions.rows(sql, (self._database,))
        return [name for row in rows if self._wanted(name := text_of(row[0]))]

    def _shown(self, kind: ObjectKind, what: str, name: str, column: str) -> Mapping[str, str] | None:
        """A row of SHOW CREATE by its columns' names; None: it cannot be had, and the reason is said."""
        place = ObjectName(self._database, name)
        try:
            row = self._questions.shown(f"SHOW CREATE {what} {identifier(self._database)}.{identifier(name)}")
        except pymysql.err.Error as error:
            if number(error) not in _HIDDEN:
                raise
            reason = f"its definition cannot be read: {error.args[1]} (error {number(error)})"
            self.others.append(Other(kind, place, "", reason=reason))
            return None
        if not row.get(column):
            reason = "its definition cannot be read: the user has no privilege to see it"
            self.others.append(Other(kind, place, "", reason=reason))
            return None
        return row

    def _understood(
        self, kind: ObjectKind, name: ObjectName, sql: str, options: Mapping[str, str], make: Callable[[], _T]
    ) -> Iterator[_T]:
        """What is made of a definition; what we do not understand is carried as it stands, and says why."""
        try:
            if "ORACLE" in options.get("sql_mode", "").split(","):
                raise ValueError("it is in Oracle's syntax (sql_mode ORACLE)")
            yield make()
        except (ValueError, IndexError) as error:
            reason = f"its definition is not understood: {error}"
            self.others.append(Other(kind, name, sql, reason=reason, options=options))

    def _relations(self) -> None:
        collations: dict[str, dict[str, tuple[str, str]]] = {}
        for table, column, charset, collation in self._questions.rows(_COLLATIONS, (self._database,)):
            collations.setdefault(text_of(table), {})[text_of(column)] = text_of(charset), text_of(collation)
        for row in sorted(self._questions.rows(_TABLES, (self._database,)), key=lambda row: text_of(row[0])):
            name, kind, collation = text_of(row[0]), text_of(row[1]), text_of(row[2])
            if not self._wanted(name):
                continue
            if kind == "SEQUENCE":
                self._sequence(name)
            elif "VIEW" in kind:
                self._view(name)
            else:
                rows, size = (None if value is None else int(value) for value in row[3:5])
                charset = collation.partition("_")[0]
                self._table(name, Known(collations.get(name, {}), charset, collation, rows, size))

    def _table(self, name: str, known: Known) -> None:
        shown = self._shown(ObjectKind.TABLE, "TABLE", name, "Create Table")
        if shown is None:
            return
        place, sql = ObjectName(self._database, name), shown["Create Table"]
        mariadb = self._questions.mariadb
        for table, comments in self._understood(
            ObjectKind.TABLE, place, sql, {}, lambda: read_table(place, sql, known, mariadb)
        ):
            self.tables.append(local(table, self._database))
            self.comments += comments

    def _sequence(self, name: str) -> None:
        row = self._questions.row(f"{_SEQUENCE}{identifier(self._database)}.{identifier(name)}", ())
        start, increment, minimum, maximum, cycle, cache, following = (int(value) for value in row or ())
        counter = Counter(start, increment, minimum, maximum, bool(cycle), cache, following)
        self.sequences.append(Sequenced(ObjectName(self._database, name), counter))

    def _view(self, name: str) -> None:
        shown = self._shown(ObjectKind.VIEW, "VIEW", name, "Create View")
        if shown is not None:
            place, sql = ObjectName(self._database, name), shown["Create View"]
            options = self._session(shown)
            self.views += self._understood(ObjectKind.VIEW, place, sql, options, lambda: read_view(place, sql, options))

    def _programs(self) -> None:
        database = self._questions.row(_DATABASE, (self._database,)) or ("", "")
        defaults = tuple(text_of(value) for value in database)
        for row in self._questions.rows(_ROUTINES, (self._database,)):
            name, what, returns, charset, collation = map(text_of, row)
            if not self._wanted(name):
                continue
            kind = {"FUNCTION": ObjectKind.FUNCTION, "PROCEDURE": ObjectKind.PROCEDURE}.get(what, ObjectKind.PACKAGE)
            column = f"Create {what.capitalize()}" if kind is not ObjectKind.PACKAGE else "Create Package"
            if what == "PACKAGE BODY":
                column = "Create Package Body"
            shown = self._shown(kind, what, name, column)
            if shown is None:
                continue
            place, options = ObjectName(self._database, name), self._session(shown)
            if kind is ObjectKind.PACKAGE:
                self.others.append(Other(kind, place, shown[column], options=options))
                continue
            if charset and charset != defaults[0]:
                returns += f" CHARSET {charset}"
            if collation and (charset != defaults[0] or collation != defaults[1]) and self._stated(shown[column]):
                returns += f" COLLATE {collation}"
            make = partial(read_routine, place, kind, shown[column], returns, options)
            self.routines += self._understood(kind, place, shown[column], options, make)
        for row in self._questions.rows(_TRIGGERS, (self._database,)):
            name, table, timing, event = map(text_of, row)
            if not self._wanted(table):
                continue
            shown = self._shown(ObjectKind.TRIGGER, "TRIGGER", name, "SQL Original Statement")
            if shown is not None:
                place, options = ObjectName(self._database, name), self._session(shown)
                on = ObjectName(self._database, table)
                sql = shown["SQL Original Statement"]
                fired = partial(read_trigger, place, on, timing, event, sql, options)
                self.triggers += self._understood(ObjectKind.TRIGGER, place, sql, options, fired)

    @staticmethod
    def _stated(sql: str) -> bool:
        """Whether a function's head says a collation."""
        head = sql.partition("RETURNS")[2].partition("\n")[0]
        return " COLLATE " in head.upper()

    def _event(self, name: str) -> None:
        shown = self._shown(ObjectKind.EVENT, "EVENT", name, "Create Event")
        if shown is not None:
            options = self._session(shown)
            if zone := shown.get("time_zone"):
                options["time_zone"] = zone
            self.others.append(read_event(ObjectName(self._database, name), shown["Create Event"], options))

    def _session(self, shown: Mapping[str, str]) -> dict[str, str]:
        """What a program was made with, where that is not what ours would be."""
        options = {}
        if "sql_mode" in shown:
            options["sql_mode"] = shown["sql_mode"]
        collation = shown.get("collation_connection", "")
        if collation and collation != self._questions.collation:
            options["collation_connection"] = collation
        return options
