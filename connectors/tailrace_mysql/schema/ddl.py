"""A catalog of MySQL's or MariaDB's as statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from tailrace.conversion.catalog import Catalog, ForeignKey, ObjectKind, ObjectName, Sequence, Table, View
from tailrace.conversion.target import Stage, Statement
from tailrace_mysql.quoting import identifier
from tailrace_mysql.schema.ddl_programs import (
    Naming,
    other_statements,
    routine_statements,
    trigger_statements,
    view_statements,
)
from tailrace_mysql.schema.ddl_tables import foreign_key_statement, index_statement, inline, table_statement
from tailrace_mysql.schema.programs import mentioned


def render(catalog: Catalog, together: bool = False) -> list[Statement]:
    """Statements in an order in which they can run, in the database `catalog.default_schema`.

    Names in that database, or in none, stand without it. One object may take several statements, which have the same
    kind, name and member, and belong together. They are for a session whose sql_mode has neither NO_BACKSLASH_ESCAPES
    nor ANSI_QUOTES.

    Args:
        together: indexes and foreign keys are made with their tables, which is quicker where there are no rows.

    Raises:
        ValueError: the dialect has no such object.
    """
    return list(_statements(catalog, together))


def _statements(catalog: Catalog, together: bool) -> Iterator[Statement]:
    naming = Naming(catalog)
    for kind, things in ((ObjectKind.ENUM, catalog.enums), (ObjectKind.DOMAIN, catalog.domains)):
        for thing in things:
            raise ValueError(f"{catalog.dialect} has no {kind} (object {thing.name})")
    for schema in catalog.schemas:
        if schema != catalog.default_schema:
            place = ObjectName("", schema)
            yield Statement(ObjectKind.SCHEMA, place, f"CREATE DATABASE {identifier(schema)}", Stage.TABLES)
    for sequence in catalog.sequences:
        yield from _sequence(naming, sequence)
    if together:
        yield from _whole_tables(naming, catalog)
    else:
        yield from _tables(naming, catalog)
    for routine in catalog.routines:
        yield from routine_statements(naming, routine)
    for view in _by_need(catalog):
        yield from view_statements(naming, view)
    for trigger in catalog.triggers:
        yield from trigger_statements(naming, trigger)
    for other in catalog.others:
        yield from other_statements(naming, other)


def _tables(naming: Naming, catalog: Catalog) -> Iterator[Statement]:
    for table in catalog.tables:
        yield table_statement(naming, table, inline(table))
    for table in catalog.tables:
        for index in table.indexes:
            if index not in inline(table):
                yield index_statement(naming, table, index)
    for table in catalog.tables:
        for key in table.foreign_keys:
            yield foreign_key_statement(naming, table, key)


def _whole_tables(naming: Naming, catalog: Catalog) -> Iterator[Statement]:
    """With their indexes, and the foreign keys to tables that are there by then; the others come last."""
    made: set[ObjectName] = set()
    late: list[tuple[Table, ForeignKey]] = []
    tables = {table.name: table for table in catalog.tables}
    needs = {table.name: {key.table for key in table.foreign_keys} & tables.keys() for table in catalog.tables}
    for name in _ordered(needs):
        table = tables[name]
        made.add(name)
        there = [key for key in table.foreign_keys if key.table in made or key.table not in tables]
        late += [(table, key) for key in table.foreign_keys if key not in there]
        yield table_statement(naming, table, table.indexes, there)
    for table, key in late:
        yield foreign_key_statement(naming, table, key)


def _sequence(naming: Naming, sequence: Sequence) -> Iterator[Statement]:
    if not naming.mariadb:
        raise ValueError(f"MySQL has no sequences (sequence {sequence.name})")
    name, counter = naming.of(sequence.name), sequence.counter
    clauses = [f"START WITH {counter.start}", f"INCREMENT BY {counter.increment}"]
    clauses += [f"MINVALUE {counter.minimum}"] if counter.minimum is not None else []
    clauses += [f"MAXVALUE {counter.maximum}"] if counter.maximum is not None else []
    # MariaDB's 0 is what others call 1: no value is kept ahead.
    clauses += [f"CACHE {counter.cache}" if counter.cache > 1 else "NOCACHE", "CYCLE" if counter.cycle else "NOCYCLE"]
    make = f"CREATE SEQUENCE {name} {' '.join(clauses)}"
    yield Statement(ObjectKind.SEQUENCE, sequence.name, make, Stage.TABLES)
    if counter.next not in (None, counter.start):
        goes_on = f"DO setval({name}, {counter.next}, 0)"
        yield Statement(ObjectKind.SEQUENCE, sequence.name, goes_on, Stage.TABLES)


def _by_need(catalog: Catalog) -> Iterator[View]:
    """Views after those that they are made of."""
    views = {view.name: view for view in catalog.views}
    by_word: dict[str, list[ObjectName]] = {}
    for name in views:
        by_word.setdefault(name.name.lower(), []).append(name)
    needs = {
        name: {other for word in mentioned(view.query) for other in by_word.get(word, ())}
        for name, view in views.items()
    }
    for name in _ordered(needs):
        yield views[name]


def _ordered(needs: Mapping[ObjectName, Set[ObjectName]]) -> Iterator[ObjectName]:
    """Each after what it needs, as far as that goes in no circle."""
    done: set[ObjectName] = set()
    for first in needs:
        # Depth first, without recursion: a chain may be long.
        waiting: list[tuple[ObjectName, bool]] = [(first, False)]
        while waiting:
            name, ready = waiting.pop()
            if ready:
                yield name
            elif name not in done:
                done.add(name)
                waiting.append((name, True))
                waiting += [(other, False) for other in sorted(needs[name] - done, reverse=True)]
