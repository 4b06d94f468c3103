"""What defines each object of a catalog, as words that can be compared one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tailrace.conversion.catalog import (
    OF_INDEX,
    Argument,
    Catalog,
    Check,
    Column,
    Counter,
    Domain,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Partition,
    Partitioning,
    Routine,
    Sequence,
    Table,
    Trigger,
    View,
    kind_of,
    signature,
)
from tailrace.structure import Index, Part

_INDEXED = (ObjectKind.INDEX, ObjectKind.EXCLUSION, ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE)
#: Kind, name, and the member of a table: as `Catalog.count` names an object.
Key = tuple[ObjectKind, ObjectName, str]
#: Whose name says nothing: two of one definition are the same thing.
_RENAMABLE = frozenset(
    {ObjectKind.PRIMARY_KEY, ObjectKind.UNIQUE, ObjectKind.CHECK, ObjectKind.FOREIGN_KEY, ObjectKind.INDEX}
)


@dataclass(frozen=True, slots=True)
class Definition:
    """
    Attributes:
        said: what an object says of itself, by the name of it; what it does not say is not in it.
        next: the value that comes next of what counts; None: it does not.
        step: up or down.
        renamable: the name is no part of what it is.
    """

    said: Mapping[str, str]
    next: int | None = None
    step: int = 1
    renamable: bool = False


def definitions(catalog: Catalog) -> dict[Key, Definition]:
    """Of every object, as `Catalog.count` names them. Rows, statistics and lines of scripts are no part of it."""
    found: dict[Key, Definition] = {}
    for kind, name, member, said, counter in _all(catalog):
        after = None if counter is None else (counter.start if counter.next is None else counter.next)
        step = 1 if counter is None else counter.increment
        kept = {what: text for what, text in said.items() if text}
        found[kind, name, member] = Definition(kept, after, step, kind in _RENAMABLE)
    return found


_Entry = tuple[ObjectKind, ObjectName, str, Mapping[str, str], Counter | None]


def _all(catalog: Catalog) -> Iterator[_Entry]:
    for schema in catalog.schemas:
        yield ObjectKind.SCHEMA, ObjectName("", schema), "", {}, None
    for table in catalog.tables:
        yield from _table(table)
    for sequence in catalog.sequences:
        yield ObjectKind.SEQUENCE, sequence.name, "", _sequence(sequence), sequence.counter
    for enum in catalog.enums:
        yield ObjectKind.ENUM, enum.name, "", {"labels": _list(map(_quoted, enum.labels))}, None
    for domain in catalog.domains:
        yield ObjectKind.DOMAIN, domain.name, "", _domain(domain), None
    for view in catalog.views:
        kind = ObjectKind.MATERIALIZED_VIEW if view.materialized else ObjectKind.VIEW
        yield kind, view.name, "", _view(view), None
        for index in view.indexes:
            yield ObjectKind.INDEX, view.name, index.name, _index(index), None
    for routine in catalog.routines:
        yield routine.kind, routine.name, signature(routine), _routine(routine), None
    for trigger in catalog.triggers:
        yield ObjectKind.TRIGGER, trigger.table, trigger.name.name, _trigger(trigger), None
    for comment in catalog.comments:
        member = f"{comment.kind} {comment.member}".strip()
        yield ObjectKind.COMMENT, comment.name, member, {"text": comment.text}, None
    tables = {table.name: table for table in catalog.tables}
    for other in catalog.others:
        member = other.name.name if other.table else ""
        said = {"definition": other.definition, **_options(other)}
        if other.table in tables and other.kind in _INDEXED:
            # Of a partition's own index the name says of which partition.
            options = tables[other.table].options
            said["storage"] = options.get(f"{OF_INDEX}{member}") or options.get(
                f"{OF_INDEX}{member.partition(' ')[2]}", ""
            )
        yield other.kind, other.table or other.name, member, said, None


def _table(table: Table) -> Iterator[_Entry]:
    said = {what: text for what, text in _options(table).items() if not what.startswith(f"option {OF_INDEX}")}
    yield ObjectKind.TABLE, table.name, "", said, None
    for column in table.columns:
        counter = column.identity.counter if column.identity else None
        yield ObjectKind.COLUMN, table.name, column.name, _column(column), counter
        if column.comment:
            yield ObjectKind.COMMENT, table.name, column.name, {"text": column.comment}, None
    for index in table.indexes:
        stored = {"storage": table.options.get(f"{OF_INDEX}{index.name}", "")}
        yield kind_of(index), table.name, index.name, _index(index) | stored, None
    for check in table.checks:
        yield ObjectKind.CHECK, table.name, check.name, _check(check), None
    for key in table.foreign_keys:
        yield ObjectKind.FOREIGN_KEY, table.name, key.name, _foreign_key(key), None
    if table.partitioning:
        yield ObjectKind.PARTITION, table.name, "", _partitioning(table.partitioning), None
    if table.comment:
        yield ObjectKind.COMMENT, table.name, "", {"text": table.comment}, None


def _column(column: Column) -> dict[str, str]:
    return {
        "type": column.sql_type,
        "null": "" if column.nullable else "NOT NULL",
        "default": column.default,
        "on update": column.on_update,
        "generated": column.generated,
        "stored": _yes(bool(column.generated) and column.stored),
        "identity": _identity(column.identity),
        "character set": column.charset,
        "collation": column.collation,
        "invisible": _yes(column.invisible),
    }


def _identity(identity: Identity | None) -> str:
    if identity is None:
        return ""
    kind = "ALWAYS" if identity.always else "BY DEFAULT"
    owned = f" by sequence {identity.sequence}" if identity.sequence else ""
    return f"{kind}{owned}, {_counter(identity.counter)}"


def _counter(counter: Counter) -> str:
    """Without where it stands, and without where it once began."""
    bounds = f"{_or_none(counter.minimum)} to {_or_none(counter.maximum)}"
    return f"by {counter.increment}, {bounds}{', cycle' if counter.cycle else ''}, cache {counter.cache}"


def _or_none(number: int | None) -> str:
    return "any" if number is None else str(number)


def _sequence(sequence: Sequence) -> dict[str, str]:
    owner = f"{sequence.owner[0]}.{sequence.owner[1]}" if sequence.owner else ""
    return {"type": sequence.sql_type, "counts": _counter(sequence.counter), "owner": owner}


def _index(index: Index) -> dict[str, str]:
    return {
        "columns": _list(map(_part, index.parts)),
        "unique": _yes(index.unique),
        "method": index.method,
        "include": _list(index.include),
        "where": index.where,
        "nulls": "" if index.nulls_distinct else "NOT DISTINCT",
        "deferrable": index.deferrable,
        "invisible": _yes(index.invisible),
    }


def _part(part: Part) -> str:
    words = [part.column or f"({part.expression})"]
    if part.prefix:
        words[0] += f"({part.prefix})"
    words += [f"COLLATE {part.collation}"] if part.collation else []
    words += [part.operators] if part.operators else []
    words += ["DESC"] if part.descending else []
    if part.nulls_first is not None and part.nulls_first != part.descending:
        words.append("NULLS FIRST" if part.nulls_first else "NULLS LAST")
    return " ".join(words)


def _check(check: Check) -> dict[str, str]:
    return {
        "expression": check.expression,
        "enforced": "" if check.enforced else "no",
        "validated": "" if check.validated else "no",
    }


def _foreign_key(key: ForeignKey) -> dict[str, str]:
    return {
        "columns": _list(key.columns),
        "references": f"{key.table} ({_list(key.referenced_columns)})",
        "on update": key.on_update,
        "on delete": f"{key.on_delete} ({_list(key.set_columns)})" if key.set_columns else key.on_delete,
        "match": "FULL" if key.full else "",
        "deferrable": key.deferrable,
        "enforced": "" if key.enforced else "no",
        "validated": "" if key.validated else "no",
    }


def _partitioning(given: Partitioning) -> dict[str, str]:
    return {
        "method": given.method,
        "by": _list(given.expressions),
        "partitions": _list(map(_partition, given.partitions)),
        "count": str(given.count or ""),
    }


def _partition(given: Partition) -> str:
    words = [given.name]
    if given.lower is not None or given.upper is not None:
        words.append(f"from {_bound(given.lower)} to {_bound(given.upper)}")
    if given.members:
        words.append(f"in ({_list(_list(member) for member in given.members)})")
    if given.modulus:
        words.append(f"modulus {given.modulus} remainder {given.remainder}")
    if given.default:
        words.append("default")
    if given.within:
        words.append(f"by {given.within.method} ({_list(map(_partition, given.within.partitions))})")
    return " ".join(words)


def _bound(bound: tuple[str, ...] | None) -> str:
    return "anywhere" if bound is None else f"({_list(bound)})"


def _domain(domain: Domain) -> dict[str, str]:
    checks = _list(f"{check.name} {check.expression}".strip() for check in domain.checks)
    null = "" if domain.nullable else "NOT NULL"
    return {
        "type": domain.sql_type,
        "null": null,
        "default": domain.default,
        "checks": checks,
        "collation": domain.collation,
    }


def _view(view: View) -> dict[str, str]:
    return {
        "query": view.query,
        "columns": _list(view.columns),
        "check option": view.check_option,
        **_options(view),
    }


def _routine(routine: Routine) -> dict[str, str]:
    return {
        "arguments": _list(map(_argument, routine.arguments)),
        "returns": routine.returns,
        "language": routine.language,
        "body": routine.body.strip(),
        **_options(routine),
    }


def _argument(argument: Argument) -> str:
    default = f"DEFAULT {argument.default}" if argument.default else ""
    return " ".join(filter(None, (argument.mode, argument.name, argument.sql_type, default)))


def _trigger(trigger: Trigger) -> dict[str, str]:
    return {
        "when": f"{trigger.timing} {' OR '.join(sorted(trigger.events))}",
        "columns": _list(trigger.columns),
        "for each": "row" if trigger.row else "statement",
        "condition": trigger.when,
        "function": f"{trigger.function}({trigger.arguments})" if trigger.function else "",
        "body": trigger.body.strip(),
        "enabled": "" if trigger.enabled else "no",
        **_options(trigger),
    }


def _options(given: object) -> dict[str, str]:
    options: Mapping[str, str] = getattr(given, "options", {})
    return {f"option {name}": text for name, text in options.items()}


def _yes(said: bool) -> str:
    return "yes" if said else ""


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
