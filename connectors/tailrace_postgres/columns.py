"""Gives the columns of a Relation message their stable ids.

The message has names and types, but no attnums; the catalog has them, but as of now, and the log may be behind it. No
I/O here: what the message says, what the catalog says and what the previous version said come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tailrace.schema import Column, TableSchema, Type
from tailrace_postgres.catalog import CatalogColumn, CatalogColumns
from tailrace_postgres.relation import Relation
from tailrace_postgres.types import TypeCatalog, describe

#: Ids of columns whose attnum cannot be known any more (added and dropped again before their changes were read).
#: PostgreSQL's own numbers end at 1600.
INVENTED = 10_000


@dataclass(frozen=True, slots=True)
class _Described:
    """A column as the log describes it, with its type resolved."""

    name: str
    type: Type
    key: bool


def catalog_columns(columns: CatalogColumns, types: TypeCatalog) -> tuple[Column, ...]:
    """The columns as the catalog has them now."""
    key = columns.table.key
    return tuple(
        Column(
            id=column.number,
            name=column.name,
            type=describe(column.type_oid, column.modifier, types),
            nullable=column.nullable,
            key=key.index(column.number) + 1 if column.number in key else 0,
            generated=column.generated,
        )
        for column in columns.live
    )


def relation_columns(
    relation: Relation,
    catalog: CatalogColumns | None,
    previous: TableSchema | None,
    known_ids: int,
    types: TypeCatalog,
    age: int,
) -> tuple[Column, ...]:
    """The columns of a Relation message.

    Args:
        catalog: the table now; None when it was dropped.
        previous: the version of the events before; None when there were none.
        known_ids: the highest id that any version of the table has used.
        age: transactions that began since the one whose changes the relation describes.
    """
    described = [
        _Described(column.name, describe(column.type_oid, column.modifier, types), column.key)
        for column in relation.columns
    ]
    live = catalog.live if catalog is not None else ()
    ids = _ids(described, relation, live, previous, max(known_ids, INVENTED - 1), age)
    by_number = {column.number: column for column in live}
    by_id = {column.id: column for column in previous.columns} if previous is not None else {}
    key = _key(relation, ids, catalog, previous)
    columns = []
    for number, column in zip(ids, described, strict=True):
        now, before = by_number.get(number), by_id.get(number)
        nullable = now.nullable if now is not None else before.nullable if before is not None else True
        generated = now.generated if now is not None else before.generated if before is not None else False
        place = key.index(number) + 1 if number in key else 0
        columns.append(Column(number, column.name, column.type, nullable, place, generated=generated))
    return tuple(columns)


def _ids(
    described: Sequence[_Described],
    relation: Relation,
    live: Sequence[CatalogColumn],
    previous: TableSchema | None,
    highest: int,
    age: int,
) -> list[int]:
    names = [column.name for column in described]
    same_now = [(column.name, column.type_oid) for column in live] == [
        (column.name, column.type_oid) for column in relation.columns
    ]
    before = previous.columns if previous is not None else ()
    same_before = [(column.name, column.type) for column in before] == [
        (column.name, column.type) for column in described
    ]
    if same_now and not (
        same_before
        and any(now.number != old.id and not _younger(now, age) for now, old in zip(live, before, strict=True))
    ):
        return [column.number for column in live]
    if same_before:
        return [column.id for column in before]

    ids = _kept(described, live, before, age)
    now_by_name = {column.name: column for column in live}
    for index, column in enumerate(relation.columns):
        current = now_by_name.get(column.name)
        if (
            not ids[index]
            and current is not None
            and current.type_oid == column.type_oid
            and _fits(ids, index, current.number)
        ):
            ids[index] = current.number
    nameless = [index for index, number in enumerate(ids) if not number]
    gone = [column for column in before if column.id not in ids and column.name not in names]
    if len(nameless) == 1 and len(gone) == 1:
        index = nameless[0]
        if gone[0].type == described[index].type and _fits(ids, index, gone[0].id):
            ids[index] = gone[0].id  # renamed, and renamed or dropped again since
    _give_next_number(ids, nameless, relation, live, before)
    for index in nameless:
        if not ids[index]:
            highest += 1
            ids[index] = highest
    return ids


def _give_next_number(
    ids: list[int], nameless: Sequence[int], relation: Relation, live: Sequence[CatalogColumn], before: Sequence[Column]
) -> None:
    """A column that was added, written and renamed since: the catalog has it under its new name.

    Numbers are given in turn and never again. The live column that has the first number after all that the version
    before used was added before any other new column; so it is in the relation, where only one has no number yet.
    """
    left = [index for index in nameless if not ids[index]]
    used = [column.id for column in before]
    if len(left) != 1 or not used or max(used) >= INVENTED:
        return
    index, number = left[0], max(used) + 1
    for column in live:
        if column.number == number and column.type_oid == relation.columns[index].type_oid and number not in ids:
            ids[index] = number


def _kept(
    described: Sequence[_Described], live: Sequence[CatalogColumn], before: Sequence[Column], age: int
) -> list[int]:
    """The ids of columns that the previous version had under the same name; 0 for the others."""
    now = {column.name: column for column in live}
    old = {column.name: column for column in before}
    ids = []
    # Columns are logged in the order of their numbers: an id below an earlier one's is another column of that name.
    last = 0
    for column in described:
        known, current = old.get(column.name), now.get(column.name)
        replaced = known is not None and current is not None and known.id < current.number and _younger(current, age)
        if known is not None and known.id > last and not replaced:
            ids.append(known.id)
            last = known.id
        else:
            ids.append(0)
    return ids


def _younger(current: CatalogColumn, age: int) -> bool:
    """Whether the change that is read was made after the column's catalog row was written.

    ALTER TABLE holds a lock that keeps writers out: a transaction that began after it cannot have written before it.
    """
    return current.age > age


def _fits(ids: Sequence[int], index: int, number: int) -> bool:
    """Whether a number keeps the order of the ids around it."""
    if number in ids:
        return False
    before = [other for other in ids[:index] if other]
    after = [other for other in ids[index + 1 :] if other and other < INVENTED]
    return (not before or before[-1] < number) and (not after or number < after[0])


def _key(
    relation: Relation, ids: Sequence[int], catalog: CatalogColumns | None, previous: TableSchema | None
) -> tuple[int, ...]:
    """The ids of the key's columns, in key order."""
    flagged = {number for number, column in zip(ids, relation.columns, strict=True) if column.key}
    candidates = [catalog.table.key] if catalog is not None else []
    if previous is not None:
        candidates.append(tuple(column.id for column in previous.key))
    if relation.identity in ("d", "i") and flagged:
        for key in candidates:
            if set(key) == flagged:
                return key
        return tuple(sorted(flagged))
    # REPLICA IDENTITY FULL flags every column and NOTHING none: the log does not tell the primary key.
    for key in candidates:
        if set(key) <= set(ids):
            return key
    return ()
