"""What statements of the log make of the captured tables.

A statement that is understood is applied to the version before it. One that is not makes its tables' columns those of
the catalogue, where nothing can have changed them since, or suspends them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tailrace.logs import logger
from tailrace_mysql import system_time
from tailrace_mysql.binlog.events import Query
from tailrace_mysql.binlog.tables import Effect, Place
from tailrace_mysql.captured import Table
from tailrace_mysql.conversions import refuse_rewritten
from tailrace_mysql.ddl import alter, statements
from tailrace_mysql.tracked import RELOAD, TrackedTables
from tailrace_mysql.types import UnsupportedTypeError
from tailrace_mysql.types.charsets import decoder
from tailrace_mysql.versions import definitions

#: How servers word a CREATE TABLE … SELECT: in UTF-8, whatever the client's character set is, which the event names.
_WORDED_BY_THE_SERVER = re.compile(rb"CREATE (?:OR REPLACE )?TABLE (?:IF NOT EXISTS )?(?:`[^`]*`\.)?`[^`]*` \(\n  `")
log = logger()


class SchemaHistory(TrackedTables):
    """All tables of a pipeline, as the log's reader meets them."""

    def statement(self, query: Query, place: Place) -> Sequence[Effect]:
        self._engines.forget()
        sql = self._sql(query)
        self._absent.forget(sql)
        found = statements.read_statement(sql, query.database, self._charset, query.sql_mode, self._server.mariadb)
        effects: list[Effect] = []
        match found:
            case statements.Alter():
                effects = self._altered(found, sql, place)
            case statements.Create():
                effects = self._created(found, sql, place)
            case statements.Drop():
                for name in found.tables:
                    self._dropped(self._table(*name), place)
            case statements.DropDatabase():
                for table in self.tables:
                    if self._folded(table.name.database) == self._folded(found.database):
                        self._dropped(table, place)
            case statements.Rename():
                pairs = [(self._name(old), self._name(new)) for old, new in found.pairs]
                for old, new in pairs:
                    effects += self._renamed(old, new, place, statements.is_online_swap(old, new, pairs))
            case statements.Truncate():
                effects = self._truncated(self._table(*found.table), place)
            case statements.Opaque():
                self._opaque(found, sql, place)
        if effects:
            self.generation += 1
        return effects

    # ---- statements

    def _altered(self, found: statements.Alter, sql: str, place: Place) -> list[Effect]:
        table = self._table(*found.table)
        if found.old and table is not None and table.period is not None and table.period.by_time:
            return []
        if found.rows_changed:
            for name in found.rows_changed:
                if (changed := self._table(*name)) is not None:
                    self._suspend(changed, f"{found.reason} (at {place}): {statements.shown(sql)}; {RELOAD}")
            return []
        effects: list[Effect] = []
        renamed_to: tuple[str, str] | None = None
        if found.clauses is not None:
            renamed_to = next(((c.database, c.name) for c in found.clauses if c.action == "table"), None)
        if table is not None and not table.suspended and table.version is not None:
            schema = table.version.table.schema
            try:
                if found.clauses is None:
                    raise ValueError(found.reason)
                altered = alter.apply(system_time.joined(definitions(schema), table.period), found.clauses)
                columns, period = system_time.altered(altered, table.period)
                refuse_rewritten(found.clauses, columns, place)
                table.set_charset(altered.charset, self._since(place), self._emitter)
                effects = self._advance(table, columns, place, altered.renamed, altered.added)
                self._set_period(table, period, self._since(place))
            except ValueError as error:
                effects = self._reread(table, place, f"a statement was not understood: {error}", sql, found.replaces)
            except UnsupportedTypeError as error:
                self._suspend(table, f"{error} (at {place}): {statements.shown(sql)}; {RELOAD}")
        if renamed_to is not None:
            effects += self._renamed(found.table, renamed_to, place, swapped=False)
        return effects

    def _created(self, found: statements.Create, sql: str, place: Place) -> list[Effect]:
        table = self._table(*found.table)
        if table is None or table.suspended:
            return []
        known = table.version
        if known is not None and found.if_not_exists and not table.dropped:
            return []
        table.set_dropped(False, self._emitter)
        if found.refusal:
            self._suspend(table, f"{found.refusal} (at {place})")
            return []
        if found.columns is None:
            definition = self._catalogue.definition(table.name)
            if definition is None or not self._catalogue.unchanged(table.name, place.end):
                # Its first row event must tell, or suspend it.
                table.version = None
                self.generation += 1
                return [Effect(known.table, truncated=True)] if known is not None else []
            if definition.refusal:
                self._suspend(table, f"{definition.refusal} (at {place})")
                return []
            columns, period, charset = definition.columns, system_time.created(definition), definition.charset
        else:
            columns, period = system_time.separated(found.columns, found.by_time)
            charset = found.charset
            guessed = found.inherited and not self._server.logs_charsets and any(c.declared.charset for c in columns)
            if guessed and not self._catalogue.defaults_unchanged(place.end):
                reason = "the default character set of its database may have been another when it was created"
                self._suspend(table, f"{reason} (at {place}); {RELOAD}")
                return []
        table.set_charset(charset, self._since(place), self._emitter)
        self._set_period(table, period, self._since(place))
        try:
            if known is None:
                log.info("table captured from its creation on", table=str(table.name), place=str(place))
                return self._advance(table, columns, place)
            # What the stream holds are rows of the table that was dropped.
            return [Effect(known.table, truncated=True), *self._advance(table, columns, place, recreated=True)]
        except UnsupportedTypeError as error:
            self._suspend(table, f"{error} (at {place})")
            return []

    def _dropped(self, table: Table | None, place: Place) -> None:
        if table is not None and not table.dropped:
            table.set_dropped(True, self._emitter)
            log.warning("captured table dropped; its rows stay in the targets", table=str(table.name), place=str(place))

    def _renamed(self, old: tuple[str, str], new: tuple[str, str], place: Place, swapped: bool) -> list[Effect]:
        """A table took another's name. Its rows are not those that the stream holds under that name, unless a tool for
        online schema changes has copied them (`swapped`): then it is a change of columns."""
        source, target = self._table(*old), self._table(*new)
        self._dropped(source, place)
        if target is None or target.suspended:
            return []
        target.set_dropped(False, self._emitter)
        if not swapped:
            self._suspend(
                target,
                f"{old[0]}.{old[1]} was renamed to {new[0]}.{new[1]} (at {place}), and the stream has not its rows"
                f" under that name; {RELOAD}",
            )
            return []
        try:
            if source is not None and source.version is not None:
                target.set_charset(source.charset, self._since(place), self._emitter)
                self._set_period(target, source.period, self._since(place))
                schema = source.version.table.schema
                first = {column.id for column in source.versions[min(source.versions)].columns}
                initials = {column.name: column.initial for column in schema.columns if column.id not in first}
                return self._advance(target, definitions(schema), place, initials=initials)
            return self._reread(target, place, f"{old[0]}.{old[1]} took its place, whose columns are not known", "")
        except UnsupportedTypeError as error:
            self._suspend(target, f"{error} (at {place}); {RELOAD}")
            return []

    def _truncated(self, table: Table | None, place: Place) -> list[Effect]:
        if table is None or table.suspended:
            return []
        if table.version is None:
            self._reread(table, place, "its columns are not known", "TRUNCATE TABLE")
        return [Effect(table.version.table, truncated=True)] if table.version is not None else []

    def _opaque(self, found: statements.Opaque, sql: str, place: Place) -> None:
        names = {name.lower() for name in found.names}
        for table in self.tables:
            if table.name.table.lower() in names:
                self._suspend(table, f"{found.reason}, at {place}: {statements.shown(sql)}; {RELOAD}")

    # ---- inside

    def _charset(self, table: tuple[str, str]) -> str:
        """The character set of text columns that a statement on this table does not give one."""
        found = self._table(*table)
        if found is None:
            return "utf8mb4"
        return (
            self._catalogue.default_charset(found.name.database)
            if found.version is None or found.dropped
            else found.charset
        )

    def _sql(self, query: Query) -> str:
        charset = self._server.charsets.get(query.charset, "utf8mb4")
        if _WORDED_BY_THE_SERVER.match(query.text):
            charset = "utf8mb4"
        try:
            return decoder(charset)(query.text)
        except (UnsupportedTypeError, UnicodeDecodeError):
            return query.text.decode("utf-8", "replace")
