"""The captured tables as the log describes them: Relation messages become schema versions and row plans."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from tailrace.emitter import Emitter, EventTable
from tailrace.errors import UnreachableError
from tailrace.logs import logger
from tailrace.position import suspension, table_key
from tailrace.schema import Column, Kind, TableSchema
from tailrace.sequence import lsn_mark, mark_lsn, transaction_prefix
from tailrace.shaping.building import ShapeError
from tailrace_postgres import wal
from tailrace_postgres.catalog import Catalog, CatalogColumns
from tailrace_postgres.chunks import fields
from tailrace_postgres.columns import catalog_columns, relation_columns
from tailrace_postgres.connection import identifier
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.inheritance import FIX
from tailrace_postgres.keyset import KeyColumn, operator_schema
from tailrace_postgres.numbering import Numbering, numbered_anew
from tailrace_postgres.relation import Relation
from tailrace_postgres.rowplan import RowPlan
from tailrace_postgres.selection import Selected
from tailrace_postgres.shapedplan import key_not_logged, plan_for
from tailrace_postgres.types import describe, lenient
from tailrace_postgres.versions import Versions
from tailrace_postgres.view import Snapshot

log = logger()

#: So long a row is waited for whose transaction the log has, and queries do not see yet.
_VISIBLE_SECONDS = 30.0
_LOOK_SECONDS = 0.05

RELOAD = "load the table anew: `tailrace reload`"
#: State entry by topic of a table that was taken up again: from where on its changes are followed.
FROM_PREFIX = "postgres-from:"


def storage_key(topic: str) -> str:
    """State entry: the table's OID; which files held its rows when its last version was made; numbers of columns that
    the log did not carry; ids of columns whose numbers another table of that name had (`numbering`)."""
    return f"postgres:{topic}"


class CapturedRelations:
    """Resolves Relation messages against the catalog and the versions known. One catalog query per message."""

    def __init__(
        self,
        catalog: Catalog,
        tables: Iterable[Selected],
        versions: Versions,
        emitter: Emitter,
        state: Mapping[str, bytes],
    ) -> None:
        self._catalog = catalog
        tables = list(tables)
        self._by_oid = {selected.table.oid: selected for selected in tables if selected.captured}
        self._suspended_before = {selected.source.topic for selected in tables if not selected.captured}
        self._versions = versions
        self._emitter = emitter
        self._suspended: dict[str, str] = {}  # reasons by topic
        self._said: set[tuple[int, str]] = set()
        self._plans: dict[str, RowPlan] = {}
        self._storage: dict[str, dict[str, Any]] = {
            selected.source.topic: orjson.loads(state[storage_key(selected.source.topic)])
            for selected in self._by_oid.values()
            if storage_key(selected.source.topic) in state
        }
        self._numberings = {topic: Numbering.from_entry(entry) for topic, entry in self._storage.items()}
        self._from: dict[str, str] = {
            key.removeprefix(FROM_PREFIX): transaction_prefix(emitter.epoch, lsn_mark(int(value)))
            for key, value in state.items()
            if key.startswith(FROM_PREFIX)
        }
        #: By topic, the schema version of the last event: the decoder's `current`.
        self.current: dict[str, int] = {}
        for selected in self._by_oid.values():
            holding = versions.at(selected.source.topic, emitter.place)
            if holding is not None:
                self.current[selected.source.topic] = holding.id
                emitter.already_announced(holding)

    def first_versions(self) -> None:
        """Gives every table that has none its first version, from the catalog."""
        unknown = [oid for oid, selected in self._by_oid.items() if not self._versions.known(selected.source.topic)]
        found = self._catalog.columns_of(unknown)
        self._catalog.load_types((column.type_oid, column.modifier) for of in found.values() for column in of.live)
        for oid, columns in found.items():
            selected = self._by_oid[oid]
            now = catalog_columns(columns, self._catalog)
            try:
                self.current[selected.source.topic] = self.now(selected, columns, now).schema.id
            except ShapeError as error:
                self.misfits(selected, error)

    def take_up(self, selected: Selected, elsewhere: bool = False) -> None:
        """At opening: a table that was suspended goes on with the columns that the catalog has, which are announced.

        What became of the rows meanwhile is no matter: they are loaded. Without a key the targets' rows go first.

        Args:
            elsewhere: another server or database was read before.
        """
        topic, name = selected.source.topic, selected.source.name
        columns = self._catalog.columns(selected.table.oid)
        if columns is None:
            raise UnreachableError(f"table {name} was dropped while capture began")
        self._catalog.load_types((column.type_oid, column.modifier) for column in columns.live)
        now = catalog_columns(columns, self._catalog)
        emitter = self._emitter
        known = self._versions.known(topic)
        announced = self._versions.get(topic, emitter.announced(topic) or 0)
        before = announced or self._versions.at(topic, emitter.place)
        if before is not None and (elsewhere or self._storage.get(topic, {}).get("oid") != selected.table.oid):
            self._numberings[topic] = numbered_anew(now, columns.hidden, before, known)
        now = self._numbering(topic).with_ids(now)
        schema = self._versions.find(topic, now, emitter.place) or self._versions.add(
            name, topic, now, emitter.place if known else ""
        )
        try:
            table = self._versions.event_table(schema)
        except ShapeError as error:
            self.misfits(selected, error)
            return
        entry = {
            "oid": selected.table.oid,
            "storage": columns.storage,
            "hidden": sorted(columns.hidden),
            **self._numbering(topic).entry,
        }
        self._storage[topic] = entry
        emitter.record_state(storage_key(topic), orjson.dumps(entry))
        here = mark_lsn(emitter.mark)
        if announced is not None and selected.source.keyless and announced is not schema:
            emitter.snapshot_truncate(self._versions.event_table(announced), emitter.mark, fields(here))
        emitter.announce(table, emitter.mark, fields(here))
        self.current[topic] = schema.id

    @property
    def oids(self) -> list[int]:
        """Of the captured tables."""
        return list(self._by_oid)

    def now(self, selected: Selected, catalog: CatalogColumns, columns: tuple[Column, ...]) -> EventTable:
        """The version that the catalog has now.

        Args:
            columns: as `catalog` has them, with their attnums.
        """
        columns = self._numbering(selected.source.topic).with_ids(columns)
        return self._versions.event_table(self._version(selected, columns, catalog, ahead=True))

    def _numbering(self, topic: str) -> Numbering:
        return self._numberings.get(topic) or Numbering()

    # ---- the decoder's questions

    def plan(self, relation: Relation, xid: int) -> RowPlan | None:
        selected = self._by_oid.get(relation.oid)
        if selected is None:
            if not self._catalog.names([relation.oid]):
                gone = f"{relation.schema}.{relation.table}"
                self._say_once(relation.oid, "changes of a table that is there no more are passed over", gone)
            return None
        if selected.source.topic in self._suspended:
            return None
        topic = selected.source.topic
        name = selected.source.name
        if self._emitter.place < self._from.get(topic, ""):
            return None  # of before it was taken up; the log describes it again behind
        if (relation.schema, relation.table) != (name.schema, name.table):
            self.suspend(selected, f"the table was renamed to {relation.schema}.{relation.table}; {RELOAD}")
            return None
        columns = self._catalog.columns(relation.oid)
        self._catalog.load_types((column.type_oid, column.modifier) for column in relation.columns)
        previous = self._versions.get(topic, self.current[topic]) if topic in self.current else None
        known_ids = max((c.id for version in self._versions.known(topic) for c in version.columns), default=0)
        age = int(self._catalog.connection.value("SELECT age(%s::text::xid)", [str(xid)]))
        numbering = self._numbering(topic)
        numbered = numbering.with_numbers(previous) if previous is not None else None
        described = numbering.with_ids(
            relation_columns(relation, columns, numbered, known_ids, self._catalog, age),
        )
        try:
            schema = self._version(selected, described, columns, previous)
            if topic in self._suspended:
                return None
            table = self._versions.event_table(schema)
        except ShapeError as error:
            self.misfits(selected, error)
            return None
        if table.shape is not None and (reason := key_not_logged(table.shape, relation.identity)):
            self.suspend(selected, f"{reason}; ALTER TABLE {selected.sql} REPLICA IDENTITY FULL, then {RELOAD}")
            return None
        plan = self._plans[topic] = plan_for(table, relation.identity == "f")
        return plan

    def renamed_label(self, plan: RowPlan) -> None:
        """As `_refuse_renamed_labels`, where the log is behind the renaming."""
        selected = next(s for s in self._by_oid.values() if s.source.topic == plan.topic)
        self.suspend(selected, f"an enum's label was renamed, and which rows had it is in no log; {RELOAD}")

    def lack(self, plan: RowPlan, what: str) -> None:
        """As `Relations.lack`."""
        selected = next(s for s in self._by_oid.values() if s.source.topic == plan.topic)
        self.suspend(
            selected,
            f"{what}, which the log leaves out where it did not change; ALTER TABLE {selected.sql} REPLICA IDENTITY"
            f" FULL, then {RELOAD}",
        )

    def missing(self, plan: RowPlan, key: list[bytes | None], columns: list[int], xid: int) -> list[bytes] | None:
        """Reads the wanted columns of the row that has this key now.

        Where they cannot be read although the row may be there, the table is suspended: only a row that is gone has an
        event to follow that says so.
        """
        self._await_visible(xid)
        schema = plan.table.schema
        selected = next(s for s in self._by_oid.values() if s.source.topic == schema.topic)
        now = self._catalog.columns(selected.table.oid)
        if now is None:
            return None
        # The columns may have other names by now, or other types.
        self._catalog.load_types((column.type_oid, column.modifier) for column in now.live)
        numbering = self._numbering(schema.topic)
        found = {column.id: column for column in numbering.with_ids(catalog_columns(now, self._catalog))}
        wanted = [schema.columns[index] for index in columns]
        reason = next(filter(None, (_unreadable(column, found) for column in (*wanted, *schema.key))), "")
        texts = [text.decode() for text in key if text is not None]
        if not reason and len(texts) < len(schema.key):
            reason = "the log does not tell the row's whole key"
        if not reason:
            reason = next(filter(None, map(_unknown_label, (found[c.id] for c in schema.key), texts)), "")
        if reason:
            names = ", ".join(column.name for column in wanted)
            self.suspend(
                selected,
                f"a changed key needs the row's unchanged {names}, which the log leaves out and the source has no more:"
                f" {reason}; {RELOAD}",
            )
            return None
        conditions = [
            KeyColumn(column.name, column.type.name, self._operators(now, column.name)).compare("=", text)
            for column, text in zip((found[column.id] for column in schema.key), texts, strict=True)
        ]
        table = identifier(now.table.schema, now.table.name)
        only = table if now.table.kind == "p" else f"ONLY {table}"
        select = ", ".join(identifier(found[column.id].name) for column in wanted)
        statement = f"COPY (SELECT {select} FROM {only} WHERE {' AND '.join(conditions)}) TO STDOUT"
        rows = [row for rows in self._catalog.connection.copy(statement) for row in rows]
        if not rows:
            return None
        values = parse_row(rows[0])
        return [plan.fragment(index, value) for index, value in zip(columns, values, strict=True)]

    def _await_visible(self, xid: int) -> None:
        """A commit is in the log before queries see it: with synchronous standbys, for as long as these take. The
        queries of a standby see what it has replayed, and it sends no more than that."""
        connection = self._catalog.connection
        if wal.in_recovery(connection):
            return
        deadline = time.monotonic() + _VISIBLE_SECONDS
        while not Snapshot.now(connection).sees(str(xid)):
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"transaction {xid} is in the log, but its changes are not to be seen",
                    where=connection.where,
                    fix="see whether commits wait for a synchronous standby; it is tried again",
                )
            time.sleep(_LOOK_SECONDS)

    def _operators(self, catalog: CatalogColumns, name: str) -> str:
        type_oid = next(column.type_oid for column in catalog.live if column.name == name)
        return operator_schema(self._catalog.connection, self._catalog.base(type_oid))

    # ---- versions

    def _version(
        self,
        selected: Selected,
        columns: tuple[Column, ...],
        catalog: CatalogColumns | None,
        previous: TableSchema | None = None,
        ahead: bool = False,
    ) -> TableSchema:
        topic = selected.source.topic
        place = self._emitter.place
        schema = self._versions.find(topic, columns, place, ahead)
        if schema is None:
            # Not one that no event has announced, and that no target has been brought to.
            announced = self._versions.get(topic, self._emitter.announced(topic) or 0)
            base = previous or announced or self._versions.at(topic, place)
            if base is not None:
                columns = self._with_initial_values(selected, columns, base, catalog)
                self._refuse_renamed_labels(selected, columns, base, catalog)
                self._say_retyped(selected, columns, base, catalog)
            first = not self._versions.known(topic)
            schema = self._versions.add(selected.source.name, topic, columns, "" if first else place)
        self._remember_storage(selected, catalog, schema)
        return schema

    def _with_initial_values(
        self, selected: Selected, columns: tuple[Column, ...], base: TableSchema, catalog: CatalogColumns | None
    ) -> tuple[Column, ...]:
        """Fills in what the rows got that were there when a column was added."""
        if catalog is None:
            return columns
        numbering = self._numbering(selected.source.topic)
        hidden = [numbering.id_of(number) for number in self._storage.get(selected.source.topic, {}).get("hidden", ())]
        older = {column.id for column in base.columns}
        now = {numbering.id_of(column.number): column for column in catalog.live}
        result = []
        for column in columns:
            current = now.get(column.id)
            if column.id not in older and current is not None:
                if column.id in hidden:
                    self.suspend(
                        selected,
                        f"column {column.name} was generated before, and has values of that time, which are in no log;"
                        f" {RELOAD}",
                    )
                elif current.missing is not None:
                    value = orjson.loads(lenient(column.type)(current.missing.encode()))
                    column = Column(
                        column.id, column.name, column.type, column.nullable, column.key, value, column.generated
                    )
                elif current.torn or (current.defaulted and self._written_anew(selected.source.topic, catalog)):
                    self.suspend(
                        selected,
                        f"column {column.name} was added with values that PostgreSQL made for every row, which are in"
                        f" no log; {RELOAD}",
                    )
            result.append(column)
        return tuple(result)

    def _refuse_renamed_labels(
        self, selected: Selected, columns: tuple[Column, ...], base: TableSchema, catalog: CatalogColumns | None
    ) -> None:
        """A label that an enum has no more was renamed: rows that have it show another text now, without an event."""
        before = {column.id: column.type for column in base.columns}
        for column in columns:
            was = before.get(column.id, column.type)
            gone = [label for label in was.labels if label not in column.type.labels]
            if not gone or column.type.kind is not Kind.ENUM:
                continue
            if (
                was.name == column.type.name
                or catalog is None
                or not self._written_anew(selected.source.topic, catalog)
            ):
                self.suspend(
                    selected,
                    f"a label of {column.type.name} was renamed ({gone[0]}), and which rows of column {column.name} had"
                    f" it is in no log; {RELOAD}",
                )

    def _say_retyped(
        self, selected: Selected, columns: tuple[Column, ...], base: TableSchema, catalog: CatalogColumns | None
    ) -> None:
        """A changed type that has rewritten the rows: what a USING clause made of their values is in no log."""
        if catalog is None or not self._written_anew(selected.source.topic, catalog):
            return
        before = {column.id: column.type for column in base.columns}
        for column in columns:
            was = before.get(column.id, column.type)
            if replace(was, labels=()) != replace(column.type, labels=()):
                log.warning(
                    "a column's type was changed: targets convert the values that they have by themselves, without a"
                    " USING clause; `tailrace verify` shows whether they are the source's",
                    table=str(selected.source.name),
                    column=column.name,
                    was=was.name,
                    now=column.type.name,
                )

    def _written_anew(self, topic: str, catalog: CatalogColumns) -> bool:
        storage = self._storage.get(topic)
        return storage is None or storage["storage"] != catalog.storage

    def _remember_storage(self, selected: Selected, catalog: CatalogColumns | None, schema: TableSchema) -> None:
        topic = selected.source.topic
        if catalog is None or topic in self._suspended:
            return
        known = self._storage.get(topic, {})
        if not self._describes(schema, catalog):
            return  # the log is behind the catalog, and what was written anew in between is still to be met
        live = {column.number for column in catalog.live}
        entry = {
            "oid": selected.table.oid,
            "storage": catalog.storage,
            "hidden": sorted({*known.get("hidden", ()), *catalog.hidden} - live),
            **self._numbering(topic).entry,
        }
        if known != entry:
            self._storage[topic] = entry
            self._emitter.record_with_version(schema, storage_key(topic), orjson.dumps(entry))

    def _describes(self, schema: TableSchema, catalog: CatalogColumns) -> bool:
        """Whether the catalog shows the table as this version has it."""
        number = self._numbering(schema.topic).id_of
        if [(c.id, c.name) for c in schema.columns] != [(number(c.number), c.name) for c in catalog.live]:
            return False
        self._catalog.load_types((column.type_oid, column.modifier) for column in catalog.live)
        types = [describe(column.type_oid, column.modifier, self._catalog) for column in catalog.live]
        return [column.type for column in schema.columns] == types

    def suspend(self, selected: Selected, reason: str) -> None:
        """Its events end here; the state says why."""
        topic = selected.source.topic
        if topic in self._suspended:
            return
        self._suspended[topic] = reason
        if topic in self._plans:
            self._plans[topic].suspended = True
        log.error("table suspended", table=str(selected.source.name), reason=reason)
        self._emitter.record_state(table_key(topic), suspension(reason))

    def misfits(self, selected: Selected, error: ShapeError) -> None:
        """Its columns are not those any more that its entry in `[[tables]]` is for."""
        self.suspend(selected, f"its entry in [[tables]] does not fit its columns: {error}; {RELOAD}")

    def amend(self, selected: Selected, advice: str) -> None:
        """Adds to the reason of a suspended table."""
        topic = selected.source.topic
        self._suspended[topic] += f"; {advice}"
        log.error("suspended table", table=str(selected.source.name), advice=advice)
        self._emitter.record_state(table_key(topic), suspension(self._suspended[topic]))

    def inspect(
        self, existing: Mapping[int, tuple[str, str]], published: Container[int], selected: Iterable[Selected]
    ) -> list[Selected]:
        """Compares what the database has now with what is captured.

        Args:
            existing: schema and name by OID, of every captured table that still exists.
            published: OIDs in the publications.
            selected: what the pipeline's globs select now.

        Returns:
            The tables suspended for it.
        """
        before = set(self._suspended)
        now = {table.table.oid: table for table in selected}
        for oid, captured in self._by_oid.items():
            name = captured.source.name
            if oid not in existing:
                self._say_once(oid, "table dropped at the source", str(name))
            elif existing[oid] != (name.schema, name.table):
                self.suspend(captured, f"the table was renamed to {'.'.join(existing[oid])}; {RELOAD}")
            elif oid not in published:
                self.suspend(captured, f"somebody took the table out of the publication; {RELOAD}")
            elif oid in now and not now[oid].captured:
                self.suspend(captured, now[oid].source.reason)
        for oid, table in now.items():
            if table.captured and oid not in self._by_oid and table.source.topic not in self._suspended_before:
                self._say_once(oid, "new table: it is captured from the next start on", str(table.source.name))
        return [table for table in self._by_oid.values() if table.source.topic in self._suspended.keys() - before]

    def say_of_children(self, told: Iterable[tuple[Selected, str]]) -> None:
        """Names the tables of `inheritance.uncaptured_children`, each once."""
        for table, what in told:
            self._say_once(table.table.oid, f"{what}; {FIX}", str(table.source.name), "children")

    def _say_once(self, oid: int, what: str, table: str, of: str = "") -> None:
        if (oid, of) not in self._said:
            self._said.add((oid, of))
            log.warning(what, table=table)


def _unreadable(column: Column, now: Mapping[int, Column]) -> str:
    """Why a column's values of that time cannot be read any more; "" if they can."""
    current = now.get(column.id)
    if current is None:
        return f"column {column.name} was dropped"
    # An enum's labels come and go without touching any row.
    if replace(current.type, labels=()) != replace(column.type, labels=()):
        return f"column {column.name} was {column.type.name} and is {current.type.name} now"
    return ""


def _unknown_label(column: Column, text: str) -> str:
    """Why an enum's value cannot be looked for; "" if it can, or is no enum's."""
    if column.type.kind is Kind.ENUM and text not in column.type.labels:
        return f"a label of {column.type.name} was renamed"
    return ""
