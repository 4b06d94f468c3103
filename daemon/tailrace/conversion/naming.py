"""What a source's objects are called in a target: by a pipeline's file, or by a script alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tailrace.config import Pipeline
from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName, Table
from tailrace.conversion.identifiers import folded, shortened, styled, system_column, taken_letters, too_long
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Complexity, Grade, Item
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.streams import stream_of
from tailrace.conversion.tables.type_remarks import refused
from tailrace.conversion.target import Limits, SchemaTarget
from tailrace.schema import TableName, TableSchema
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shapes import Shapes
from tailrace.tables import Selection

#: Objects that share one room of names with tables, in every SQL system that is a target.
_RELATIONS = (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE)

#: What sinks look for under the source's name for it, besides tables.
_OF_SINKS = (ObjectKind.SEQUENCE, ObjectKind.ENUM, ObjectKind.DOMAIN)


def pipeline_names(
    source: Catalog, pipeline: Pipeline, settings: Any, target: SchemaTarget, schema: str, rules: Rules
) -> Names:
    """As the sink calls its tables: `[[tables]]` renames, the sink's `schema` and `tables` hold.

    `[[names]]` of the rules are obeyed for what no sink writes to (views, programs); where they say another
    name of a table or column than the sink gives it, an item says so.

    Args:
        settings: of the sink, one of `pipeline.sinks`.
        schema: the target's schema or database in which the sink makes its tables; "" for SQLite.
    """
    # A topic of several partitions has an order for each key alone.
    in_order = getattr(pipeline.stream, "partitions", 1) == 1
    given = _Given(target.limits, target.dialect, schema, piped=True, in_order=in_order)
    shapes = Shapes(pipeline.context())
    mysql = source.dialect.mysql_like
    selection = Selection(
        pipeline.source.tables, pipeline.source.exclude, source.default_schema or None if mysql else None
    )
    chosen: set[str] = set()
    for table in source.tables:
        name = _stream_name(source, table.name)
        if not selection.selects(name):
            given.left_out[table.name] = "the pipeline's source does not select it"
            continue
        chosen.add(table.name.schema)
        if not pipeline.takes(settings, name):
            given.left_out[table.name] = f"the tables of sink {settings.name} do not name it"
            continue
        try:
            stream = stream_of(table, source, name, shapes)
        except ShapeError as error:
            given.refuse(table, "table-rules", f"its entry in [[tables]] does not fit: {error}", "correct it")
            continue
        if not stream.columns and target.dialect is not Dialect.POSTGRESQL:
            given.refuse(table, "no-columns", "it has no columns, as only PostgreSQL's may", "leave it out")
            continue
        given.add_carried(table, stream.table, stream.columns, stream.altered)
        if table.name in given.objects:
            given.unheeded(table, source.dialect, rules)
        if stream.schema is not None and table.name in given.objects:
            given.streams[table.name] = stream.schema
    keeps_types = source.dialect is target.dialect is Dialect.POSTGRESQL
    for kind, other in _others(source):
        if other.schema in chosen or not other.schema:
            own = kind in (ObjectKind.ENUM, ObjectKind.DOMAIN) and keeps_types
            # The sink looks for a type of the user's own under the source's name for it.
            wanted = None if kind in _OF_SINKS else rules.name_of(source.dialect, target.dialect, other)
            called = wanted.rpartition(".")[2] if wanted and "." not in other.name else other.name
            given.add_other(kind, other, called, other.schema if own else schema)
        else:
            given.left_out[other] = f"no table of {other.schema} is selected"
    return given.names()


def script_names(source: Catalog, target: SchemaTarget, rules: Rules, schema: str) -> Names:
    """Everything, without a pipeline: `[[names]]` of the rules, the target's own way to write names, its limits.

    Args:
        schema: where what is in the source's default schema belongs ("public", a database; "" for SQLite).
    """
    given = _Given(target.limits, target.dialect, schema, piped=False)
    pair = source.dialect, target.dialect

    def placed(name: ObjectName) -> tuple[str, str]:
        wanted = rules.name_of(*pair, name) or styled(name.name, *pair)
        # A rule may put it into a schema; a dot in a name is none, then.
        within, dot, rest = wanted.rpartition(".") if "." not in name.name else ("", "", wanted)
        if dot:
            return (within if target.limits.schemas else schema), rest
        at_home = name.schema in ("", source.default_schema) or not target.limits.schemas
        return (schema if at_home else styled(name.schema, *pair)), wanted

    for table in source.tables:
        columns = {
            column.name: rules.name_of(*pair, table.name, column.name) or styled(column.name, *pair)
            for column in table.columns
        }
        place, name = placed(table.name)
        refusals = {
            column.name: f"{column.name} is not made: {remark.reason}"
            for column in table.columns
            if (remark := refused(column, *pair)) is not None
            and rules.type_of(*pair, table.name, column.name, column.sql_type) is None
        }
        given.altered[table.name] = refusals
        columns = {source: wanted for source, wanted in columns.items() if source not in refusals}
        given.add_named(table, place, name, columns)
    for kind, other in _others(source):
        place, name = placed(other)
        given.add_other(kind, other, name, place)
    return given.names()


def _stream_name(source: Catalog, name: ObjectName) -> TableName:
    if source.dialect is Dialect.POSTGRESQL:
        return TableName("", name.schema, name.name)
    return TableName(name.schema, None, name.name)


def _others(source: Catalog) -> Iterator[tuple[ObjectKind, ObjectName]]:
    """All that has a name of its own, but tables."""
    for view in source.views:
        yield (ObjectKind.MATERIALIZED_VIEW if view.materialized else ObjectKind.VIEW), view.name
    for sequence in source.sequences:
        yield ObjectKind.SEQUENCE, sequence.name
    for enum in source.enums:
        yield ObjectKind.ENUM, enum.name
    for domain in source.domains:
        yield ObjectKind.DOMAIN, domain.name
    for routine in source.routines:
        yield routine.kind, routine.name


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass
class _Given:
    """The names that were given so far."""

    limits: Limits
    target: Dialect
    schema: str
    piped: bool
    in_order: bool = True
    objects: dict[ObjectName, ObjectName] = field(default_factory=dict)
    columns: dict[ObjectName, dict[str, str]] = field(default_factory=dict)
    left_out: dict[ObjectName, str] = field(default_factory=dict)
    altered: dict[ObjectName, dict[str, str]] = field(default_factory=dict)
    streams: dict[ObjectName, TableSchema] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    _taken: dict[ObjectName, ObjectName] = field(default_factory=dict)

    def names(self) -> Names:
        return Names(
            self.objects,
            self.columns,
            self.left_out,
            self.altered,
            self.streams,
            self.schema,
            tuple(self.items),
            self.piped,
            self.in_order,
        )

    def _unfit(self, name: str) -> str:
        """What MySQL takes in no name; "" nothing."""
        if not self.target.mysql_like:
            return ""
        return "a blank at its end" if name.endswith(" ") else "a letter past U+FFFF" if max(name) > "\uffff" else ""

    def add_carried(self, table: Table, name: str, columns: dict[str, str], altered: dict[str, str]) -> None:
        """A table of a pipeline. The sink takes its names as they are, or refuses them: none is changed here."""
        fix = "give it another name with `rename` in [[tables]]"
        if long := too_long(name, self.limits):
            self.refuse(table, "name-too-long", f"its name has {long}", fix)
            return
        if unfit := self._unfit(name):
            self.refuse(table, "name-letters", f"its name has {unfit}, which the target takes in none", fix)
            return
        if other := self._taken.get(self._fold(ObjectName(self.schema, name))):
            what = f"{other} has this name in the target, too"
            self.refuse(table, "name-collision", what, f"{fix}, or use a sink of its own with another schema")
            return
        for column in columns.values():
            if long := too_long(column, self.limits):
                what = f"its column {column} has {long}"
                self.refuse(table, "name-too-long", what, "rename it with `columns.rename` in [[tables]]")
                return
            if unfit := self._unfit(column):
                what = f"its column {column} has {unfit}, which the target takes in no name"
                self.refuse(table, "name-letters", what, "rename it with `columns.rename` in [[tables]]")
                return
            if system_column(column, self.target):
                what = f"the target has a column {column} of its own in every table"
                self.refuse(table, "name-collision", what, "rename it with `columns.rename` in [[tables]]")
                return
        if pair := self._colliding(columns):
            what = f"its columns {pair[0]} and {pair[1]} are one column to the target"
            self.refuse(table, "name-collision", what, "rename one with `columns.rename` in [[tables]]")
            return
        self._give(table.name, ObjectName(self.schema, name))
        self.columns[table.name] = columns
        self.altered[table.name] = altered

    def add_named(self, table: Table, schema: str, name: str, columns: dict[str, str]) -> None:
        """A table of a script: a name that the target does not take is changed, and that is said."""
        self.add_other(ObjectKind.TABLE, table.name, name, schema)
        given: dict[str, str] = {}
        seen: dict[str, str] = {}
        for column, wanted in columns.items():
            short = shortened(self._fitting(ObjectKind.COLUMN, table.name, column, wanted), self.limits)
            if too_long(wanted, self.limits):
                self._changed(ObjectKind.COLUMN, table.name, column, wanted, short)
            other = "the system" if system_column(short, self.target) else seen.get(folded(short, self.target))
            if other is not None:
                number = 2
                while folded(unique := shortened(f"{short}_{number}", self.limits), self.target) in seen:
                    number += 1
                self._collides(ObjectKind.COLUMN, table.name, column, other, unique)
                short = unique
            seen[folded(short, self.target)] = column
            given[column] = short
        self.columns[table.name] = given

    def add_other(self, kind: ObjectKind, source: ObjectName, name: str, schema: str) -> None:
        short = shortened(self._fitting(kind, source, "", name), self.limits)
        if too_long(name, self.limits):
            self._changed(kind, source, "", name, short)
        name = short
        wanted = ObjectName(schema, short)
        if source in self.objects:
            return  # another kind has the name, which is another room of names; routines have one for all signatures
        if kind in _RELATIONS and (other := self._taken.get(self._fold(wanted))) is not None:
            number = 1
            wanted = ObjectName(schema, shortened(f"{source.schema}_{name}", self.limits))
            while self._fold(wanted) in self._taken:
                number += 1
                wanted = ObjectName(schema, shortened(f"{name}_{number}", self.limits))
            self._collides(kind, source, "", str(other), str(wanted))
        self._give(source, wanted, kind in _RELATIONS)

    def unheeded(self, table: Table, source: Dialect, rules: Rules) -> None:
        """What the rules would call a table of a pipeline, and its columns, otherwise than the sink does."""
        pair = source, self.target
        wanted = (rules.name_of(*pair, table.name) or "").rpartition(".")
        own, lines, named = self.objects[table.name].name, [], []
        if wanted[0] and wanted[0] != self.schema:
            named.append(f"schema {wanted[0]}")
        if wanted[2] and wanted[2] != own:
            named.append(wanted[2])
            lines.append(f"rename = {_toml(wanted[2])}")
        columns = {
            column: name
            for column, given in self.columns[table.name].items()
            if (name := rules.name_of(*pair, table.name, column)) and name != given
        }
        if columns:
            named += columns.values()
            renamed = ", ".join(f"{_toml(column)} = {_toml(name)}" for column, name in columns.items())
            lines.append(f"columns.rename = {{ {renamed} }}")
        if not named:
            return
        fix = f"[[tables]] match = {_toml(str(table.name))} {' '.join(lines)}" if lines else ""
        if wanted[0]:
            fix = f"{fix}, and `schema` of the sink" if fix else "`schema` of the sink"
        what = f"the rules name {', '.join(named)}, which is not done: a sink's tables have the names of [[tables]]"
        self.items.append(
            Item(
                "name-rule",
                ObjectKind.TABLE,
                table.name,
                "",
                Grade.AUTOMATIC,
                what,
                f"in the pipeline file: {fix}",
                Complexity.SIMPLE,
                table.line,
            )
        )

    def refuse(self, table: Table, code: str, what: str, fix: str) -> None:
        self.left_out[table.name] = what
        self.items.append(
            Item(
                code,
                ObjectKind.TABLE,
                table.name,
                "",
                Grade.BY_HAND,
                f"{what}: the sink refuses such a table",
                fix,
                Complexity.SIMPLE,
                table.line,
            )
        )

    # ---- inside

    def _give(self, source: ObjectName, name: ObjectName, relation: bool = True) -> None:
        self.objects[source] = name
        if relation:
            self._taken[self._fold(name)] = source

    def _fold(self, name: ObjectName) -> ObjectName:
        return ObjectName(name.schema, name.name.casefold()) if self.limits.folds else name

    def _colliding(self, columns: dict[str, str]) -> tuple[str, str] | None:
        seen: dict[str, str] = {}
        for name in columns.values():
            if (other := seen.setdefault(folded(name, self.target), name)) != name:
                return other, name
        return None

    def _fitting(self, kind: ObjectKind, name: ObjectName, member: str, wanted: str) -> str:
        """Of letters that the target takes in names."""
        unfit = self._unfit(wanted)
        if not unfit:
            return wanted
        made = taken_letters(wanted)
        reason = f"the name {wanted} has {unfit}, which the target takes in none: it is {made} there"
        fix = "change what uses the name, or choose another by [[names]] of the rules"
        self.items.append(Item("name-letters", kind, name, member, Grade.CHANGED, reason, fix, Complexity.SIMPLE))
        return made

    def _changed(self, kind: ObjectKind, name: ObjectName, member: str, wanted: str, short: str) -> None:
        reason = f"the name {wanted} has {too_long(wanted, self.limits)}: it is {short} there"
        fix = "change what uses the name, or choose another by [[names]] of the rules"
        self.items.append(Item("name-too-long", kind, name, member, Grade.CHANGED, reason, fix, Complexity.SIMPLE))

    def _collides(self, kind: ObjectKind, name: ObjectName, member: str, other: str, unique: str) -> None:
        reason = f"{other} has its name in the target already: it is {unique} there"
        fix = "change what uses the name, or choose another by [[names]] of the rules"
        self.items.append(Item("name-collision", kind, name, member, Grade.CHANGED, reason, fix, Complexity.SIMPLE))
