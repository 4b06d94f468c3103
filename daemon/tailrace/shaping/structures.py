"""A table's structure in the names that `[[tables]]` gives its columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tailrace.schema import TableSchema
from tailrace.shaping.shape import Shape
from tailrace.structure import FOREIGN_KEY, INDEX, NUMBERING, ForeignKey, Index, LeftOut, TableStructure

#: What becomes of a source's columns, by name: the stream's name, or a `Reason`.
Names = Mapping[str, "str | Reason"]
#: The topic of a source's table by its name, and its columns; None: it is not captured.
Find = Callable[[str], "tuple[str, Names] | None"]


class Reason(str):
    """Why a column is not the stream's; completes "the column …"."""


def names(schema: TableSchema, shape: Shape | None) -> Names:
    """What becomes of the columns of a version."""
    if shape is None:
        return {column.name: column.name for column in schema.columns}
    types = {column.id: column.type for column in shape.schema.columns}
    found: dict[str, str | Reason] = {}
    for column, carried in zip(schema.columns, shape.columns, strict=True):
        if not carried.name:
            found[column.name] = Reason(f"{column.name} is dropped by [[tables]]")
        elif carried.alter is not None or types[column.id] != column.type:
            found[column.name] = Reason(f"{column.name} has other values in the stream ({carried.note})")
        else:
            found[column.name] = carried.name
    return found


def shaped(
    structure: TableStructure, own: Names, mentions: Callable[[Index], Iterable[str]], find: Find
) -> TableStructure:
    """The structure as the stream's columns allow it.

    Args:
        own: what becomes of the table's columns.
        mentions: the source's columns that an index has in expressions and in its predicate.
        find: by a foreign key's `references`.
    """
    indexes: list[Index] = []
    keys: list[ForeignKey] = []
    left_out = list(structure.left_out)
    for index in structure.indexes:
        columns = [part.column for part in index.parts if part.column] + list(index.include)
        mentioned = list(mentions(index))
        if reason := _missing([*columns, *mentioned], own):
            left_out.append(LeftOut(INDEX, index.name, reason))
        elif renamed := [name for name in mentioned if own[name] != name]:
            left_out.append(LeftOut(INDEX, index.name, f"its SQL names the column {renamed[0]}, which is renamed"))
        else:
            parts = tuple(replace(part, column=own[part.column]) if part.column else part for part in index.parts)
            indexes.append(replace(index, parts=parts, include=tuple(own[name] for name in index.include)))
    for key in structure.foreign_keys:
        found = find(key.references)
        reason = _missing(key.columns, own)
        if found is None:
            reason = f"the table {key.references}, to which it refers, is not captured"
        elif not reason:
            reason = _missing(key.referenced_columns, found[1])
        if reason or found is None:
            left_out.append(LeftOut(FOREIGN_KEY, key.name, reason))
            continue
        topic, theirs = found
        keys.append(
            replace(
                key,
                columns=tuple(own[name] for name in key.columns),
                topic=topic,
                referenced_columns=tuple(theirs[name] for name in key.referenced_columns),
                set_columns=tuple(own[name] for name in key.set_columns),
            )
        )
    numberings = []
    for numbering in structure.numberings:
        if reason := _missing([numbering.column], own):
            left_out.append(LeftOut(NUMBERING, numbering.column, reason))
        else:
            numberings.append(replace(numbering, column=own[numbering.column]))
    collations = [
        replace(one, column=str(name))
        for one in structure.collations
        if (name := own.get(one.column)) is not None and not isinstance(name, Reason)
    ]
    return replace(
        structure,
        indexes=tuple(indexes),
        foreign_keys=tuple(keys),
        numberings=tuple(numberings),
        left_out=tuple(left_out),
        collations=tuple(collations),
    )


def _missing(columns: Iterable[str], names: Names) -> str:
    for column in columns:
        name = names.get(column)
        if name is None:
            return f"the column {column} is not captured"
        if isinstance(name, Reason):
            return f"the column {name}"
    return ""
