"""The text of statements that make tables, their constraints, indexes and sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tailrace.conversion.catalog import (
    Check,
    Column,
    Counter,
    ForeignKey,
    Identity,
    ObjectName,
    Partition,
    Partitioning,
    Sequence,
    Table,
)
from tailrace.conversion.expressions.chains import chains
from tailrace.structure import Index, Part
from tailrace_postgres.schema.partitioning import bound_clause, clause
from tailrace_postgres.schema.reading_types import collation_sql
from tailrace_postgres.schema.sql_text import ident, idents, literal, of_default, plainer, qualified

DEFERRABLE = {"": "", "deferrable": " DEFERRABLE", "deferred": " DEFERRABLE INITIALLY DEFERRED"}
_BITS = {"smallint": 16, "integer": 32}


def parents(table: Table) -> list[ObjectName]:
    """The tables that it inherits from."""
    return [
        ObjectName(*chain.parts) if len(chain.parts) > 1 else ObjectName("", chain.parts[0])
        for chain in chains(table.options.get("inherits", ""))
    ]


def create_table(table: Table, above: Mapping[ObjectName, Table]) -> str:
    """
    Args:
        above: tables that it may inherit from.
    """
    inherited = [above[name] for name in parents(table) if name in above]
    theirs: dict[str, Column] = {}
    for parent in inherited:
        theirs.update((column.name, replace(column, comment="")) for column in parent.columns)
    primary = table.primary_key
    key = frozenset(primary.columns) if primary is not None else frozenset()
    lines = [
        _column(column, column.name in key)
        for column in table.columns
        if theirs.get(column.name) != replace(column, comment="")
    ]
    if primary is not None:
        lines.append(_primary(table, primary))
    unlogged = "UNLOGGED " if table.options.get("unlogged") else ""
    text = f"CREATE {unlogged}TABLE {qualified(table.name)}"
    if type_ := table.options.get("type"):
        text += f" OF {type_}"
        lines = [
            f"{ident(column.name)} WITH OPTIONS{said}"
            for column in table.columns
            if (said := _said(column, column.name in key))
        ]
        lines += [_primary(table, primary)] if primary is not None else []
        text += " (\n    " + ",\n    ".join(lines) + "\n)" if lines else ""
    else:
        text += " (\n    " + ",\n    ".join(lines) + "\n)" if lines else " ()"
    if "inherits" in table.options:
        text += f" INHERITS ({table.options['inherits']})"
    if table.partitioning is not None:
        text += f" PARTITION BY {clause(table.partitioning)}"
    if method := table.options.get("access method"):
        text += f" USING {ident(method)}"
    return text


def _column(column: Column, key: bool) -> str:
    collation = f" COLLATE {collation_sql(column.collation)}" if column.collation else ""
    return f"{ident(column.name)} {plainer(column.sql_type)}{collation}{_said(column, key)}"


def _said(column: Column, key: bool) -> str:
    """Besides its type."""
    text = ""
    if column.generated:
        text += f" GENERATED ALWAYS AS ({plainer(column.generated)}) {'STORED' if column.stored else 'VIRTUAL'}"
    counts = column.identity
    if counts is not None and counts.sequence is not None:
        text += f" DEFAULT nextval({literal(qualified(counts.sequence))}::regclass)"
    elif counts is not None:
        text += identity_clause(counts)
    elif column.default:
        text += f" DEFAULT {of_default(column.default)}"
    if not column.nullable and not key:
        text += " NOT NULL"
    return text


def complete_column(table: ObjectName, column: Column) -> str:
    """Gives a column that is there its default and its NOT NULL."""
    name = ident(column.name)
    actions = [f"ALTER COLUMN {name} SET DEFAULT {plainer(column.default)}"] if column.default else []
    actions += [] if column.nullable else [f"ALTER COLUMN {name} SET NOT NULL"]
    return f"ALTER TABLE {qualified(table)} {', '.join(actions)}"


def identity_clause(identity: Identity) -> str:
    options = counter_options(identity.counter)
    return f" GENERATED {'ALWAYS' if identity.always else 'BY DEFAULT'} AS IDENTITY" + (
        f" ({' '.join(options)})" if options else ""
    )


def counter_options(counter: Counter) -> list[str]:
    """What is not as the server would have it anyway."""
    options = []
    if counter.increment != 1:
        options.append(f"INCREMENT BY {counter.increment}")
    if counter.minimum is not None:
        options.append(f"MINVALUE {counter.minimum}")
    if counter.maximum is not None:
        options.append(f"MAXVALUE {counter.maximum}")
    usual = (1, counter.minimum) if counter.increment > 0 else (-1, counter.maximum)
    if counter.start != (usual[0] if usual[1] is None else usual[1]):
        options.append(f"START WITH {counter.start}")
    if counter.cache != 1:
        options.append(f"CACHE {counter.cache}")
    if counter.cycle:
        options.append("CYCLE")
    return options


def create_sequence(sequence: Sequence) -> str:
    words = [] if sequence.sql_type == "bigint" else [f"AS {sequence.sql_type}"]
    return " ".join(["CREATE SEQUENCE", qualified(sequence.name), *words, *counter_options(sequence.counter)])


def setval(sequence: str, counter: Counter, type_: str) -> str | None:
    """None where it begins at its start.

    Args:
        sequence: an expression that gives its name.
        type_: of its values.
    """
    following = counter.next
    if following is None or following == counter.start:
        return None
    half = 1 << (_BITS.get(type_, 64) - 1)
    if counter.increment > 0:
        last = counter.maximum if counter.maximum is not None else half - 1
        used_up = following > last
    else:
        last = counter.minimum if counter.minimum is not None else -half
        used_up = following < last
    return f"SELECT setval({sequence}, {last})" if used_up else f"SELECT setval({sequence}, {following}, false)"


def named(constraint: str) -> str:
    """A constraint without a name gets the server's."""
    return f" CONSTRAINT {ident(constraint)}" if constraint else ""


def _primary(table: Table, index: Index) -> str:
    name = "" if index.name == f"{table.name.name}_pkey" else f"{named(index.name)} ".lstrip()
    include = f" INCLUDE ({idents(index.include)})" if index.include else ""
    return f"{name}PRIMARY KEY ({idents(index.columns)}){include}{DEFERRABLE[index.deferrable]}"


def create_index(table: ObjectName, index: Index) -> str:
    """A unique constraint, where it is one."""
    distinct = "" if index.nulls_distinct else " NULLS NOT DISTINCT"
    include = f" INCLUDE ({idents(index.include)})" if index.include else ""
    if index.constraint or index.deferrable:
        text = f"ALTER TABLE {qualified(table)} ADD{named(index.name)} UNIQUE{distinct}"
        return f"{text} ({idents(index.columns)}){include}{DEFERRABLE[index.deferrable]}"
    method = "" if index.method == "btree" else f" USING {index.method}"
    name = f" {ident(index.name)}" if index.name else ""
    text = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX{name} ON {qualified(table)}{method}"
    text += f" ({', '.join(_part(part) for part in index.parts)}){include}{distinct}"
    return text + (f" WHERE {plainer(index.where)}" if index.where else "")


def _part(part: Part) -> str:
    text = ident(part.column) if part.column else f"({plainer(part.expression)})"
    if part.collation:
        text += f" COLLATE {part.collation.removeprefix('pg_catalog.')}"
    if part.operators:
        text += f" {part.operators.removeprefix('pg_catalog.')}"
    if part.descending:
        text += " DESC"
    if part.nulls_first is not None:
        text += f" NULLS {'FIRST' if part.nulls_first else 'LAST'}"
    return text


def add_check(table: Table, check: Check) -> str:
    text = f"ALTER TABLE {qualified(table.name)} ADD{named(check.name)} CHECK ({plainer(check.expression)})"
    if check.name in [chain.parts[0] for chain in chains(table.options.get("no inherit", ""))]:
        text += " NO INHERIT"
    return text + _trusted(check.enforced, check.validated)


def _trusted(enforced: bool, validated: bool) -> str:
    if not enforced:
        return " NOT ENFORCED"
    return "" if validated else " NOT VALID"


def add_foreign_key(table: ObjectName, key: ForeignKey) -> str:
    text = f"ALTER TABLE {qualified(table)} ADD{named(key.name)} FOREIGN KEY ({idents(key.columns)})"
    text += f" REFERENCES {qualified(key.table)} ({idents(key.referenced_columns)})"
    text += " MATCH FULL" if key.full else ""
    text += f" ON UPDATE {key.on_update}" if key.on_update != "NO ACTION" else ""
    if key.on_delete != "NO ACTION":
        text += f" ON DELETE {key.on_delete}" + (f" ({idents(key.set_columns)})" if key.set_columns else "")
    return text + DEFERRABLE[key.deferrable] + _trusted(key.enforced, key.validated)


def create_partitions(
    schema: str, table: str, partitioning: Partitioning
) -> Iterator[tuple[ObjectName, ObjectName, str]]:
    """The name of each partition, of what it is a partition of, and its statement; sub-partitions after theirs."""
    above = ObjectName(schema, table)
    named = partitioning.partitions or tuple(
        Partition(f"{table}_p{number}", modulus=partitioning.count, remainder=number)
        for number in range(partitioning.count)
    )
    for partition in named:
        name = ObjectName(schema, partition.name)
        text = f"CREATE TABLE {qualified(name)} PARTITION OF {qualified(above)}"
        text += f" {bound_clause(partition, len(partitioning.expressions))}"
        if partition.within is not None:
            text += f" PARTITION BY {clause(partition.within)}"
        yield name, above, text
        if partition.within is not None:
            yield from create_partitions(schema, partition.name, partition.within)
