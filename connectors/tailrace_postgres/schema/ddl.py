"""A catalog in PostgreSQL's dialect as statements that make it, in the order in which they can run.

Functions come before what calls them, but their bodies may name what comes later: run them with `check_function_bodies
= off`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tailrace.conversion.catalog import (
    OF_INDEX,
    Catalog,
    Domain,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Table,
    Trigger,
    View,
    kind_of,
    signature,
)
from tailrace.conversion.expressions.chains import names_in
from tailrace.conversion.target import Stage, Statement
from tailrace_postgres.schema.ddl_comments import comments
from tailrace_postgres.schema.ddl_order import Known, Node, member, ordered
from tailrace_postgres.schema.ddl_phases import Phase
from tailrace_postgres.schema.ddl_tables import (
    add_check,
    add_foreign_key,
    create_index,
    create_partitions,
    create_sequence,
    create_table,
    named,
    parents,
    setval,
)
from tailrace_postgres.schema.reading_types import collation_sql
from tailrace_postgres.schema.renaming import MOVED
from tailrace_postgres.schema.sql_text import ident, idents, literal, of_default, qualified

#: Rules, triggers that always fire, rows that are hidden from their owner, rows that may be there and may not come.
_ACTING = re.compile(r"^CREATE RULE | (TRIGGER|RULE) \S+$| FORCE ROW LEVEL SECURITY$| NOT VALID$")
_OTHERS = {
    ObjectKind.EXTENSION: Phase.EXTENSIONS,
    ObjectKind.TYPE: Phase.TYPES,
    ObjectKind.PRIMARY_KEY: Phase.KEYS,
    ObjectKind.UNIQUE: Phase.KEYS,
    ObjectKind.CHECK: Phase.CHECKS,
    ObjectKind.EXCLUSION: Phase.INDEXES,
    ObjectKind.INDEX: Phase.INDEXES,
    ObjectKind.FOREIGN_KEY: Phase.FOREIGN_KEYS,
    ObjectKind.GRANT: Phase.GRANTS,
    ObjectKind.EVENT: Phase.EVENTS,
}


def render(catalog: Catalog, *, may_switch_off: bool = False) -> list[Statement]:
    """What stands in `Catalog.others` without a statement is left out: a person writes it.

    Args:
        may_switch_off: the sink may switch triggers and foreign keys off (`session_replication_role`), so that they
            may be there before the application moves.
    """
    return ordered(list(_Rendering(catalog, Stage.REST if may_switch_off else Stage.CUTOVER).nodes()))


class _Rendering:
    """
    Args:
        acting: the stage of what acts on rows that the sink writes.
    """

    def __init__(self, catalog: Catalog, acting: Stage) -> None:
        self._catalog = catalog
        self._acting = acting
        self._tables = {table.name: table for table in catalog.tables}
        self._parts = {
            table.name: list(create_partitions(*table.name, table.partitioning))
            for table in catalog.tables
            if table.partitioning is not None
        }
        self._known = Known(catalog, (name for parts in self._parts.values() for name, _, _ in parts))

    def nodes(self) -> Iterator[Node]:
        catalog = self._catalog
        for schema in catalog.schemas:
            name = ObjectName("", schema)
            text = f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}"
            yield Node(Statement(ObjectKind.SCHEMA, name, text), Phase.SCHEMAS)
        for enum in catalog.enums:
            labels = ", ".join(literal(label) for label in enum.labels)
            text = f"CREATE TYPE {qualified(enum.name)} AS ENUM ({labels})"
            yield Node(Statement(ObjectKind.ENUM, enum.name, text), Phase.TYPES, frozenset({enum.name}))
        for domain in catalog.domains:
            yield from self._domain(domain)
        for table in catalog.tables:
            yield from self._table(table)
        yield from self._sequences()
        for view in catalog.views:
            yield from self._view(view)
        for routine in catalog.routines:
            yield self._routine(routine)
        for trigger in catalog.triggers:
            yield from self._trigger(trigger)
        for other in catalog.others:
            if other.definition:
                yield from self._other(other)
        roots = {part: table for table, parts in self._parts.items() for part, _, _ in parts}
        yield from comments(catalog, roots)

    def _domain(self, domain: Domain) -> Iterator[Node]:
        text = f"CREATE DOMAIN {qualified(domain.name)} AS {domain.sql_type}"
        text += f" COLLATE {collation_sql(domain.collation)}" if domain.collation else ""
        text += f" DEFAULT {of_default(domain.default)}" if domain.default else ""
        text += "" if domain.nullable else " NOT NULL"
        sqls = [domain.default]
        later = []
        for check in domain.checks:
            sqls.append(check.expression)
            clause = f"{named(check.name)} CHECK ({check.expression})".lstrip()
            if check.validated:
                text += f"\n    {clause}"
            else:
                later.append(f"ALTER DOMAIN {qualified(domain.name)} ADD {clause} NOT VALID")
        needs = self._known.in_type(domain.sql_type).union(*map(self._known.in_expression, sqls))
        kind, name = ObjectKind.DOMAIN, domain.name
        yield Node(Statement(kind, name, text), Phase.TYPES, frozenset({name}), frozenset(needs))
        for statement in later:
            yield Node(Statement(kind, name, statement), Phase.CHECKS, needs=frozenset({name}))

    def _table(self, table: Table) -> Iterator[Node]:
        name = table.name
        above = parents(table)
        needs = {*above}
        for column in table.columns:
            needs |= self._known.in_type(column.sql_type) | self._known.in_expression(column.collation)
            needs |= self._known.in_expression(column.default) | self._known.in_expression(column.generated)
            if column.identity is not None and column.identity.sequence is not None:
                needs.add(column.identity.sequence)
        if table.partitioning is not None:
            needs = needs.union(*map(self._known.in_expression, table.partitioning.expressions))
        needs |= self._known.in_type(table.options.get("type", ""))
        text = create_table(table, self._tables)
        yield Node(Statement(ObjectKind.TABLE, name, text), Phase.TABLES, frozenset({name}), frozenset(needs - {name}))
        for part, whole, text in self._parts.get(name, ()):
            statement = Statement(ObjectKind.PARTITION, name, text, member=part.name)
            yield Node(statement, Phase.TABLES, frozenset({part}), frozenset({whole}))
        for column in table.columns:
            counts = column.identity
            if counts is not None and counts.sequence is None:
                sequence = f"pg_get_serial_sequence({literal(qualified(name))}, {literal(column.name)})"
                if value := setval(sequence, counts.counter, column.sql_type):
                    statement = Statement(ObjectKind.COLUMN, name, value, member=column.name)
                    yield Node(statement, Phase.VALUES, needs=frozenset({name}), follows=True)
        for index in table.indexes:
            if not index.primary:
                kind = kind_of(index)
                phase = Phase.KEYS if kind is ObjectKind.UNIQUE else Phase.INDEXES
                statement = Statement(kind, name, create_index(name, index), Stage.REST, index.name)
                used = self._member_needs(name, [index.where, *(part.expression for part in index.parts)])
                yield Node(statement, phase, frozenset({member(name, index.name)}), used)
        for check in table.checks:
            stage = Stage.REST if check.validated or not check.enforced else Stage.CUTOVER
            statement = Statement(ObjectKind.CHECK, name, add_check(table, check), stage, check.name)
            phase = Phase.CHECKS_OF_CHILDREN if above else Phase.CHECKS
            used = self._member_needs(name, [check.expression])
            yield Node(statement, phase, frozenset({member(name, check.name)}), used)
        for key in table.foreign_keys:
            stage = self._acting if key.enforced else Stage.REST
            statement = Statement(ObjectKind.FOREIGN_KEY, name, add_foreign_key(name, key), stage, key.name)
            made = frozenset({member(name, key.name)})
            yield Node(statement, Phase.FOREIGN_KEYS, made, frozenset({name, key.table}))
        yield from self._physical(table)

    def _physical(self, table: Table) -> Iterator[Node]:
        """How it is stored: with the table, or with its indexes."""
        kinds = {index.name: (kind_of(index), index.name) for index in table.indexes}
        for other in self._catalog.others:
            if other.table == table.name:
                kinds.setdefault(other.name.name, (other.kind, other.name.name))
                kinds.setdefault(other.name.name.partition(" ")[2], (other.kind, other.name.name))
        for option, texts in table.options.items():
            kind, name = ObjectKind.TABLE, ""
            if option.startswith(OF_INDEX):
                kind, name = kinds.get(option.removeprefix(OF_INDEX), (kind, name))
            elif option != "physical":
                continue
            needs = frozenset({table.name, *([member(table.name, name)] if name else [])})
            for text in texts.split(";\n"):
                yield Node(Statement(kind, table.name, text, member=name), Phase.PHYSICAL, needs=needs, follows=True)

    def _member_needs(self, table: ObjectName, sqls: Iterable[str]) -> frozenset[ObjectName]:
        return frozenset({table}).union(*map(self._known.in_expression, sqls))

    def _sequences(self) -> Iterator[Node]:
        for sequence in self._catalog.sequences:
            name, kind = sequence.name, ObjectKind.SEQUENCE
            yield Node(Statement(kind, name, create_sequence(sequence)), Phase.SEQUENCES, frozenset({name}))
            if sequence.owner is not None:
                table, column = sequence.owner
                text = f"ALTER SEQUENCE {qualified(name)} OWNED BY {qualified(table)}.{ident(column)}"
                needs = frozenset({name, table})
                yield Node(Statement(kind, name, text), Phase.VALUES, needs=needs, follows=True)
            if text := setval(literal(qualified(name)), sequence.counter, sequence.sql_type) or "":
                yield Node(Statement(kind, name, text), Phase.VALUES, needs=frozenset({name}), follows=True)

    def _view(self, view: View) -> Iterator[Node]:
        kind = ObjectKind.MATERIALIZED_VIEW if view.materialized else ObjectKind.VIEW
        columns = f" ({idents(view.columns)})" if view.columns else ""
        text = f"CREATE {kind.upper()} {qualified(view.name)}{columns} AS\n{view.query}"
        if view.check_option:
            text += f"\nWITH {view.check_option} CHECK OPTION"
        needs = frozenset(self._known.in_query(view.query) - {view.name})
        # A materialized view holds what its tables held when it was made.
        statement = Statement(kind, view.name, text, Stage.CUTOVER if view.materialized else Stage.REST)
        yield Node(statement, Phase.VIEWS, frozenset({view.name}), needs)
        for index in view.indexes:
            statement = Statement(ObjectKind.INDEX, view.name, create_index(view.name, index), Stage.REST, index.name)
            made = frozenset({member(view.name, index.name)})
            yield Node(statement, Phase.VIEW_INDEXES, made, frozenset({view.name}))

    def _routine(self, routine: Routine) -> Node:
        known = self._known
        needs = known.in_type(routine.returns)
        for argument in routine.arguments:
            needs |= known.in_type(argument.sql_type) | known.in_expression(argument.default)
        if routine.language == "aggregate":
            needs |= known.in_aggregate(routine.definition)
        elif routine.language == "sql":
            # A body in SQL is looked at when the function is made, unless the session says otherwise.
            needs |= known.in_query(routine.body or routine.definition)
        statement = Statement(
            routine.kind, routine.name, routine.definition.rstrip().removesuffix(";"), Stage.REST, signature(routine)
        )
        return Node(statement, Phase.ROUTINES, frozenset({routine.name}), frozenset(needs - {routine.name}))

    def _trigger(self, trigger: Trigger) -> Iterator[Node]:
        kind, table, name = ObjectKind.TRIGGER, trigger.table, trigger.name.name
        needs = {table, *([trigger.function] if trigger.function else [])}
        text = trigger.definition.rstrip().removesuffix(";")
        stage = Stage.REST if not trigger.enabled else self._acting
        made = frozenset({member(table, name)})
        yield Node(Statement(kind, table, text, stage, name), Phase.TRIGGERS, made, frozenset(needs))
        if not trigger.enabled:
            text = f"ALTER TABLE {qualified(table)} DISABLE TRIGGER {ident(name)}"
            yield Node(Statement(kind, table, text, stage, name), Phase.TRIGGER_STATES, needs=made)

    def _other(self, other: Other) -> Iterator[Node]:
        phase = _OTHERS.get(other.kind, Phase.OTHERS)
        stage = Stage.REST
        makes: frozenset[ObjectName] = frozenset()
        collation = other.definition.startswith("CREATE COLLATION")
        if collation or other.kind in (ObjectKind.TYPE, ObjectKind.EXTENSION):
            makes, stage = frozenset({other.name}), Stage.TABLES
            phase = Phase.COLLATIONS if collation else phase
        elif other.kind is ObjectKind.FOREIGN_KEY:
            stage = self._acting
        elif other.kind is ObjectKind.EVENT or _ACTING.search(other.definition):
            stage = Stage.CUTOVER
        needs = self._known.in_query(other.definition)
        name, part = other.name, ""
        if other.table is not None:
            needs |= {other.table}
            name, part = other.table, other.name.name
            makes = frozenset({member(name, part)})
            if other.definition.startswith("CREATE STATISTICS"):
                makes |= {other.name}
        elif " " in other.name.name:  # of a view
            makes |= {other.name}
        if match := MOVED.fullmatch(other.definition):
            phase, stage = Phase.TABLES, Stage.TABLES
            (schema,), (*_, moved) = names_in(match[2])[0], names_in(match[1])[0]
            makes |= {ObjectName(schema, moved)}
            if schema not in self._catalog.schemas:
                made = Statement(other.kind, name, f"CREATE SCHEMA IF NOT EXISTS {ident(schema)}", member=part)
                yield Node(made, Phase.SCHEMAS)
        statement = Statement(other.kind, name, other.definition.rstrip().removesuffix(";"), stage, part)
        yield Node(statement, phase, makes, frozenset(needs - makes))
