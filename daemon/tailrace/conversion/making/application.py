"""A catalog made in a target: only what is missing, never over what is there, and read back afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from tailrace.conversion.catalog import Catalog, Dialect, ObjectKind, ObjectName
from tailrace.conversion.making.definition import Key, definitions
from tailrace.conversion.making.difference import NEXT, Difference, State, differences, stands
from tailrace.conversion.target import CompletesTables, SchemaTarget, Stage, Statement
from tailrace.errors import RefusedError

#: What `--apply` makes beside a pipeline.
BESIDE = frozenset({Stage.TABLES, Stage.REST})


#: What a column may be given that is there without it.
_GIVEN = frozenset({"default", "null"})
#: Seconds that a run waits for the session of one that was killed, which may be in the middle of a statement.
PATIENCE = 2
#: Of what is there in another form, where a statement is refused.
_NAMED = 5
#: Groups of a catalog that have names of their own; triggers and comments belong to others.
_KINDS = ("tables", "sequences", "enums", "domains", "views", "routines", "others")


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Attributes:
        meant: in the words in which the target keeps it.
        statements: to be run now, in this order.
        held: missing too, and of a stage that was not asked for.
        differing: what is there in another form, or cannot be made by itself (a column of a table that is there): it
            is named, and never altered or dropped.
        present: how many objects are there as they are meant.
        completable: how many of `differing` lack what `complete` would give them, and are else as they are meant.
    """

    meant: Catalog
    statements: tuple[Statement, ...]
    held: tuple[Statement, ...]
    differing: tuple[Difference, ...]
    present: int
    completable: int = 0


@runtime_checkable
class KeepsAlone(Protocol):
    """A target in which two that make a schema at once would stand in each other's way."""

    def alone(self) -> AbstractContextManager[None]:
        """Keeps others out while it lasts.

        Raises:
            RefusedError: somebody is at it.
            UnreachableError: of the target.
        """
        ...


def alone(target: SchemaTarget) -> AbstractContextManager[None]:
    """For planning and making: of two that begin at once, one is refused.

    Raises:
        UnreachableError, RefusedError: as `KeepsAlone`.
    """
    return target.alone() if isinstance(target, KeepsAlone) else contextlib.nullcontext()


def occupied(where: str) -> RefusedError:
    """For `KeepsAlone`."""
    return RefusedError(
        "another run is making a schema there just now", where=where, fix="wait for its end, then run it again"
    )


def plan(target: SchemaTarget, meant: Catalog, stages: Collection[Stage] = BESIDE, *, complete: bool = False) -> Plan:
    """What of a catalog a target lacks.

    Sequences that are there and behind are moved up where `Stage.CUTOVER` is asked for: before that, the source counts.
    One that goes round is set to the source's number: nothing says which of two is behind.

    Args:
        complete: tables that are there get what is otherwise made with them alone: columns their defaults and NOT NULL.

    Raises:
        UnreachableError, RefusedError: of the target.
    """
    canonical = target.canonical(meant)
    present = target.read(names(meant))
    found = differences(canonical, present)
    missing = {difference.key for difference in found if difference.state is State.MISSING}
    whole = {key[1] for key in missing if stands(key)}
    chosen = _statements(target, meant, canonical, missing, whole)
    made = {_key(statement) for statement in chosen}
    if Stage.CUTOVER in stages:
        behind = _behind(meant, present)
        # The first of a sequence's statements makes it, the others say where it stands.
        chosen += [s for s in target.render(meant) if _key(s) in behind and not s.sql.lstrip().startswith("CREATE")]
    made |= _attributes(canonical, made)
    unmade = [d for d in found if d.state is State.MISSING and d.key not in made and d.name not in whole]
    differing = [d for d in found if d.state is not State.MISSING and d.counts]
    completed = {d.key: given for d in (*differing, *unmade) if (given := _completing(target, canonical, d, found))}
    if complete:
        chosen += [statement for statements in completed.values() for statement in statements]
        differing = [d for d in differing if d.key not in completed]
        unmade = [d for d in unmade if d.key not in completed]
    changed = sum(d.state is State.DIFFERENT for d in found)
    return Plan(
        canonical,
        tuple(statement for statement in chosen if statement.stage in stages),
        tuple(statement for statement in chosen if statement.stage not in stages),
        (*unmade, *differing),
        len(definitions(canonical)) - len(missing) - changed,
        0 if complete else len(completed),
    )


def run(target: SchemaTarget, given: Plan) -> list[Difference]:
    """Runs a plan's statements and reads the target back; returns what does not hold, besides what the plan names.

    Raises:
        RefusedError: the target refuses a statement: which, and what was made before; and what is there in another
            form, which may be why.
    """
    if given.statements:
        try:
            target.apply(given.statements)
        except RefusedError as error:
            if not given.differing:
                raise
            others = [f"{difference.kind} {difference.where}" for difference in given.differing]
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            what = f"{error.what}; in another form are there already: {', '.join(others[:_NAMED])}{more}"
            raise RefusedError(what, where=error.where, fix=error.fix) from None
    back = differences(given.meant, target.read(names(given.meant)), counters=bool(given.statements))
    new = {statement.name for statement in given.statements if not statement.member}
    named = {difference.key for difference in given.differing}
    held = {_key(statement) for statement in given.held}
    return [
        difference
        for difference in back
        if difference.counts
        and difference.key not in named
        and not (difference.name not in new and _only_counts(difference))
        and not (difference.state is State.MISSING and (difference.key in held or _within(difference.key, held)))
    ]


def standing(target: SchemaTarget, meant: Catalog) -> Catalog:
    """What a target has of a catalog, and what its own schema has besides."""
    wanted, all_of_it = target.read(names(meant)), target.read()
    known = {(type(thing), thing.name.name) for group in _groups(wanted) for thing in group}
    tables = {table.name for table in wanted.tables} | {view.name for view in wanted.views}
    besides: dict[str, Any] = {
        kind: (
            *getattr(wanted, kind),
            *(
                thing
                for thing in getattr(all_of_it, kind)
                if (type(thing), thing.name.name) not in known and getattr(thing, "table", None) not in tables
            ),
        )
        for kind in _KINDS
    }
    return replace(wanted, **besides)


def names(catalog: Catalog) -> list[ObjectName]:
    """All that a catalog has and that stands by itself; a schema, which may be empty, with no name in it."""
    found = (thing for group in _groups(catalog) for thing in group)
    own = dict.fromkeys(thing.name for thing in found if getattr(thing, "table", None) is None)
    return [*own, *(ObjectName(schema, "") for schema in catalog.schemas)]


def _groups(catalog: Catalog) -> list[Sequence[Any]]:
    return [getattr(catalog, kind) for kind in _KINDS]


def _completing(
    target: SchemaTarget, canonical: Catalog, difference: Difference, found: Sequence[Difference]
) -> list[Statement]:
    """Statements for what a table that is there lacks, and nothing else; none where that is not all."""
    kind, name, member = difference.key
    table = next((table for table in canonical.tables if table.name == name), None)
    if table is None or not member or not hasattr(target, "completing"):
        return []
    if kind is ObjectKind.COLUMN and not _lacks(difference):
        return []
    # A column says its comment with all else that it is.
    altered = any(d.key == (ObjectKind.COLUMN, name, member) and not _lacks(d) for d in found)
    if kind not in (ObjectKind.COLUMN, ObjectKind.CHECK, ObjectKind.COMMENT) or altered:
        return []
    if kind is not ObjectKind.COLUMN and difference.state is not State.MISSING:
        return []
    completing: CompletesTables = target  # type: ignore[assignment]
    return completing.completing(canonical, table, kind, member)


def _lacks(difference: Difference) -> bool:
    """Whether a column is there, and only lacks what it can be given."""
    lacking = {detail.what for detail in difference.details if not detail.found}
    return difference.state is State.DIFFERENT and lacking <= _GIVEN and len(lacking) == len(difference.details)


def _key(statement: Statement) -> Key:
    return statement.kind, statement.name, statement.member


def _attributes(canonical: Catalog, made: Collection[Key]) -> set[Key]:
    """In DynamoDB, the attributes of an index come with it."""
    if canonical.dialect is not Dialect.DYNAMODB:
        return set()
    return {
        (ObjectKind.COLUMN, table.name, part.column)
        for table in canonical.tables
        for index in table.indexes
        if (ObjectKind.INDEX, table.name, index.name) in made
        for part in index.parts
    }


def _only_counts(difference: Difference) -> bool:
    """The source has counted on since it was made: `tailrace cutover` sets the number."""
    return bool(difference.details) and all(detail.what == NEXT for detail in difference.details)


def _behind(meant: Catalog, present: Catalog) -> set[Key]:
    there = {sequence.name: sequence.counter for sequence in present.sequences}
    found: set[Key] = set()
    for sequence in meant.sequences:
        counter, other = sequence.counter, there.get(sequence.name)
        if other is None or counter.next is None or other.next is None:
            continue
        behind = counter.next > other.next if counter.increment > 0 else counter.next < other.next
        if behind or (counter.cycle and counter.next != other.next):
            found.add((ObjectKind.SEQUENCE, sequence.name, ""))
    return found


def _within(key: Key, held: Collection[Key]) -> bool:
    """A member of something whose own statement waits."""
    return any(name == key[1] and not member for _, name, member in held)


def _statements(
    target: SchemaTarget, meant: Catalog, canonical: Catalog, missing: Collection[Key], whole: Collection[ObjectName]
) -> list[Statement]:
    """In the target's order: those of what is missing, and all of those of what is missing whole."""
    chosen = [s for s in target.render(meant) if _key(s) in missing or s.name in whole]
    # What had no name in the meant catalog has one that the server gave.
    made = {_key(statement) for statement in chosen}
    unmade = {key for key in missing if key not in made and key[1] not in whole}
    return chosen + [s for s in target.render(canonical) if _key(s) in unmade] if unmade else chosen
