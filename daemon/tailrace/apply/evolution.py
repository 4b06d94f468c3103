"""How a SQL table gets from one version's columns to another's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tailrace.schema import Column, Kind, Type
from tailrace.sink import TargetTable

#: Kinds whose values are texts already, which a change to a text column leaves alone.
_TEXTUAL = frozenset({Kind.ENUM, Kind.SET, Kind.UUID, Kind.JSON})
#: Digits of the longest integer, its sign included.
_INTEGER_DIGITS = 20
_FRACTIONAL = frozenset({Kind.TIME, Kind.TIMETZ, Kind.TIMESTAMP, Kind.TIMESTAMPTZ, Kind.INTERVAL})


@dataclass(frozen=True, slots=True)
class Evolution:
    """What to do, in this order; nothing of it where the target has it already.

    Attributes:
        renames: (present name, new name), in an order in which no name is taken when it is needed.
        added: columns to add.
        retyped: live columns whose type the source has changed: (as it was, as it is now).
    """

    renames: tuple[tuple[str, str], ...]
    added: tuple[Column, ...]
    retyped: tuple[tuple[Column, Column], ...]


def evolve(
    target: TargetTable,
    previous: TargetTable | None,
    present: Iterable[str],
    fold: Callable[[str], str] = str,
) -> Evolution:
    """Compares the versions, and both with the columns that the target's catalog names.

    Args:
        present: the names of the columns that the target's table has now.
        fold: maps names to one that the target holds for equal (`str.casefold`).
    """
    names = {fold(name): name for name in present}
    before = {column.id: column for column in (*previous.columns, *previous.retained)} if previous else {}
    wanted = [(before[c.id].name, c.name, c.id) for c in (*target.columns, *target.retained) if c.id in before]
    renames = _rename([(old, new, column_id) for old, new, column_id in wanted if old != new], names, fold)
    added = tuple(column for column in target.columns if fold(column.name) not in names)
    retyped = tuple(
        (before[column.id], column)
        for column in target.columns
        if column.id in before and before[column.id].type != column.type
    )
    return Evolution(tuple(renames), added, retyped)


def _rename(
    moves: list[tuple[str, str, int]], names: dict[str, str], fold: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Orders renames; `names` is brought up to date."""
    done: list[tuple[str, str]] = []

    def rename(old: str, new: str) -> None:
        done.append((names.pop(fold(old)), new))
        names[fold(new)] = new

    # A column that is not there was renamed before a crash, or never made.
    waiting = [move for move in moves if fold(move[0]) in names]
    while waiting:
        leaving = {fold(old) for old, _, _ in waiting}
        free = [move for move in waiting if fold(move[1]) not in names or fold(move[0]) == fold(move[1])]
        if free:
            for old, new, _ in free:
                rename(old, new)
            waiting = [move for move in waiting if move not in free]
            continue
        circle = [move for move in waiting if fold(move[1]) in leaving]
        if not circle:
            break  # both names are there: the rename was done, and the old name given to another column since
        old, new, column_id = circle[0]
        aside = f"_tailrace_{column_id}"
        rename(old, aside)
        waiting[waiting.index(circle[0])] = (aside, new, column_id)
    return done


def same_form(old: Type, new: Type) -> bool:
    """Whether a value that was written as the old type reads the same as one of the new type.

    A target that keeps a value's text must be loaded anew where this is not so: the source has rewritten its rows.
    """
    if old.kind != new.kind:
        return False
    if old.kind is Kind.DECIMAL:
        return old.scale == new.scale and bool(old.size) == bool(new.size)
    if old.kind in (Kind.FLOAT, Kind.BITS) or old.kind in _FRACTIONAL:
        return old.size == new.size
    if old.kind in (Kind.TEXT, Kind.BYTES) and (old.fixed or new.fixed):
        return old.fixed == new.fixed and old.size == new.size
    if old.kind is Kind.SET:
        # A value names its labels in their declared order.
        return [x for x in old.labels if x in new.labels] == [x for x in new.labels if x in old.labels]
    return old.kind is not Kind.OTHER or old.name == new.name


def preserves(old: Type, new: Type, from_postgres: bool) -> bool:
    """Whether a changed type leaves the source's rows the values that a cast of the target's gives, or leaves, too.

    What depends on the source's session (time zone, sql_mode, text formats) or pads is not among it.
    """
    if same_form(old, new):
        return True
    if old.kind == new.kind:
        return _resized(old, new, from_postgres)
    text = new.kind is Kind.TEXT and not new.fixed
    match old.kind:
        case Kind.INTEGER if new.kind is Kind.DECIMAL:
            return new.scale >= 0
        case Kind.INTEGER | Kind.DECIMAL if text:
            wide = not new.size or new.size >= max(_INTEGER_DIGITS, old.size + 2 if old.kind is Kind.DECIMAL else 0)
            return wide and "zerofill" not in old.name.lower()
        case Kind.DATE:
            return new.kind is Kind.TIMESTAMP
        case Kind.YEAR:
            return new.kind is Kind.INTEGER
        case kind if kind in _TEXTUAL and text:
            return True
    # PostgreSQL casts to numbers as any PostgreSQL does.
    numbers = (Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT)
    return from_postgres and old.kind in numbers and new.kind in numbers


def _resized(old: Type, new: Type, from_postgres: bool) -> bool:
    if old.kind is Kind.FLOAT:
        return True
    if old.kind in (Kind.OTHER, Kind.BITS, Kind.SET):
        return False
    if from_postgres:
        return True
    if old.kind is Kind.DECIMAL:
        return new.scale >= old.scale and new.size - new.scale >= old.size - old.scale
    if old.kind in _FRACTIONAL:
        return new.size >= old.size
    # MySQL's CHAR loses blanks at the end, its BINARY gains zeros: leaving them changes nothing more.
    return not new.fixed or (old.kind is Kind.TEXT and old.fixed and new.size >= old.size)
