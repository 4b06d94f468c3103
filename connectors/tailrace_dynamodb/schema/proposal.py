"""A key design for a table, with its reasons: partition and sort key, hot keys, indexes, tables that fold into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tailrace.conversion.catalog import ForeignKey, ObjectName, Table
from tailrace.conversion.statistics import Changes, TableStatistics
from tailrace.schema import Column, Kind
from tailrace.sink import TargetTable
from tailrace.structure import Index
from tailrace_dynamodb.key_form import PARTITION_BYTES
from tailrace_dynamodb.keys import IndexDesign, KeyPart, TableDesign
from tailrace_dynamodb.schema.cost import WRITE_BYTES, units
from tailrace_dynamodb.schema.sizes import Size, largest_bytes

#: What one partition of DynamoDB takes: write units a second.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_UNITS = 1000
#: Fewer values spread over too few partitions, whatever is written now.
_FEW_VALUES = 100
_MOST_INDEXES = 20
#: Kinds whose attributes are never empty and never a boolean: they can be keys of indexes as they are.
_KEYS = frozenset({Kind.INTEGER, Kind.YEAR, Kind.DECIMAL, Kind.UUID, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})
_TIMES = frozenset({Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ})


@dataclass(frozen=True, slots=True)
class Subject:
    """A table that is designed for.

    Attributes:
        table: the source's.
        target: as the stream has it: names, types, key.
        columns: the stream's names, by the source's.
    """

    table: Table
    target: TargetTable
    columns: Mapping[str, str]
    statistics: TableStatistics | None = None
    changes: Changes | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.target.key)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.target.columns if column.name == name), None)

    def named(self, names: Iterable[str]) -> tuple[str, ...] | None:
        """Columns of the source in the stream's names; None: the stream lacks one."""
        found = [self.columns.get(name, "") for name in names]
        return tuple(found) if all(self.column(name) for name in found) else None

    def counted(self, name: str) -> bool:
        """An integer that is never negative: the database counts it, or it has no sign."""
        old = next((old for old, new in self.columns.items() if new == name), "")
        source, column = self.table.column(old), self.column(name)
        unsigned = column is not None and column.type.kind is Kind.INTEGER and column.type.unsigned
        return unsigned or (source is not None and source.identity is not None)


@dataclass(slots=True)
class Proposal:
    """
    Attributes:
        reasons: why the key is as it is; a line each.
        risk: what is to be said of hot keys: "" for nothing.
        index_reasons: by the index's name.
        served: how an index or foreign key of the source is served: "key", or the index's name.
        further: indexes that the source has, and that cost more than they are surely worth.
    """

    design: TableDesign
    reasons: list[str] = field(default_factory=list)
    risk: str = ""
    index_reasons: dict[str, str] = field(default_factory=dict)
    served: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    further: list[tuple[IndexDesign, str]] = field(default_factory=list)


def propose(subject: Subject, size: Size) -> Proposal:
    """Of a table that has a key."""
    key = subject.key
    proposal = Proposal(TableDesign())
    partition: tuple[str, ...]
    sort: tuple[str, ...]
    if len(key) == 1:
        partition, sort = key, ()
        proposal.reasons.append(f"{key[0]} alone names a row: every access by it is one GetItem")
    else:
        partition, sort = _divided(subject, size, proposal)
    proposal.risk = _hot(subject, partition, bool(sort), size)
    proposal.design = TableDesign(
        partition=_part(subject, partition, "pk", pad=False), sort=_part(subject, sort, "sk") if sort else None
    )
    _index(subject, size, partition, sort, proposal)
    return proposal


# ---- the key


def _divided(subject: Subject, size: Size, proposal: Proposal) -> tuple[tuple[str, ...], tuple[str, ...]]:
    key = subject.key
    for foreign in subject.table.foreign_keys:
        columns = subject.named(foreign.columns)
        if columns and len(columns) < len(key) and set(columns) == set(key[: len(columns)]):
            proposal.reasons.append(
                f"rows of one {foreign.table.name} lie together ({', '.join(columns)} refers to it): one Query reads "
                f"them, in the order of {', '.join(key[len(columns) :])}"
            )
            return key[: len(columns)], key[len(columns) :]
    first, rest = key[:1], key[1:]
    risk = _hot(subject, first, True, size)
    if risk:
        best = max(key, key=lambda name: _distinct(subject, (name,)) or 0.0)
        if best != first[0] and not _hot(subject, (best,), True, size):
            others = tuple(name for name in key if name != best)
            proposal.reasons.append(
                f"not {first[0]}, which the source's key begins with ({risk}): {best} has more values. What was found "
                f"by {first[0]} alone needs an index"
            )
            return (best,), others
    proposal.reasons.append(
        f"{first[0]} comes first in the source's key, so that rows are found by it: one Query reads all of one value, "
        f"in the order of {', '.join(rest)}"
    )
    return first, rest


def _part(subject: Subject, columns: Sequence[str], name: str, pad: bool = True, prefix: str = "") -> KeyPart:
    if len(columns) == 1 and not prefix:
        return KeyPart(columns=tuple(columns))
    digits = 0
    integers = [c for c in (subject.column(column) for column in columns) if c and c.type.kind is Kind.INTEGER]
    if pad and integers and all(subject.counted(column.name) for column in integers):
        digits = max(20 if column.type.unsigned and column.type.size == 64 else _digits(column) for column in integers)
    return KeyPart(columns=tuple(columns), name=_free(subject, name), prefix=prefix, digits=digits)


def _free(subject: Subject, name: str) -> str:
    """No column's name."""
    while subject.column(name) is not None:
        name += "_"
    return name


def _digits(column: Column) -> int:
    return {8: 3, 16: 5, 24: 8, 32: 10}.get(column.type.size, 19)


def _distinct(subject: Subject, columns: Sequence[str]) -> float | None:
    """Different values of all of them together, at least."""
    if subject.statistics is None:
        return None
    found = [subject.statistics.columns.get(name) for name in columns]
    known = [each.distinct for each in found if each is not None and each.distinct is not None]
    return max(known, default=None)


def _hot(subject: Subject, partition: Sequence[str], sorted_: bool, size: Size) -> str:
    """Why a partition may get more than it takes; "" where nothing says so."""
    columns = [column for name in partition if (column := subject.column(name)) is not None]
    rows = (subject.statistics.rows if subject.statistics else None) or 0.0
    if sorted_ and columns and all(column.type.kind in _TIMES for column in columns):
        return f"all that is written at one time has one {partition[0]}, and goes to one partition"
    if not sorted_:
        return ""  # one row each; DynamoDB spreads values by a hash, so that counted ones are spread too
    distinct = _distinct(subject, partition)
    if distinct is not None and distinct < _FEW_VALUES and rows > distinct * _FEW_VALUES:
        return f"it has only about {distinct:,.0f} values, each of which is one partition's load"
    if all(column.type.kind in (Kind.BOOLEAN, Kind.ENUM) for column in columns):
        return "it has few values, each of which is one partition's load"
    if subject.changes is None:
        return ""
    share = _share(subject, partition, distinct)
    writes = subject.changes.total * units(size.average) * share
    if writes > PARTITION_UNITS / 2:
        return (
            f"one value gets up to {share:.1%} of the writes, about {writes:,.0f} units/s; a partition takes "
            f"{PARTITION_UNITS:,}"
        )
    return ""


def _share(subject: Subject, partition: Sequence[str], distinct: float | None) -> float:
    """Of the rows that the most common value has."""
    found = subject.statistics.columns.get(partition[0]) if subject.statistics else None
    if found is not None and found.most_common is not None and len(partition) == 1:
        return found.most_common
    return 1 / distinct if distinct else 0.0


# ---- indexes


def _index(subject: Subject, size: Size, partition: Sequence[str], sort: Sequence[str], proposal: Proposal) -> None:
    served: dict[tuple[str, ...], str] = {tuple(partition): "key", (*partition, *sort): "key"}
    chosen: list[IndexDesign] = []
    for kind, name, columns, why in _wanted(subject):
        known = served.get(columns)
        if known is None and len(chosen) < _MOST_INDEXES and not _oversized(subject, columns):
            index = _gsi(subject, size, columns, unique=kind == "unique", taken=[*chosen])
            chosen.append(index)
            served[columns] = known = index.name
            served.setdefault(index.partition.columns, index.name)
            proposal.index_reasons[index.name] = f"{why}{_warning(subject, size, index)}"
        proposal.served[kind, (name, *columns)] = known or ""
    for given in subject.table.indexes:
        named = subject.named(part.column for part in given.parts)
        if given.unique or not named or not given.plain:
            continue
        known = served.get(named)
        if known is None and not _oversized(subject, named):
            further = _gsi(subject, size, named, unique=False, taken=[*chosen, *(each for each, _ in proposal.further)])
            proposal.further.append((further, f"the source has the index {given.name}"))
            known = ""
        proposal.served["index", (given.name, *named)] = known or ""
    proposal.design = proposal.design.model_copy(update={"indexes": tuple(chosen)})


def _warning(subject: Subject, size: Size, index: IndexDesign) -> str:
    """What may become of an index: a hot one slows the table down too."""
    large = _largest(subject, index.partition.columns)
    text = "" if large is not None and large < PARTITION_BYTES else ". A value beyond 2,048 bytes would be refused"
    risk = _hot(subject, index.partition.columns, True, size)
    return f"{text}. Hot key: {risk}" if risk else text


def _wanted(subject: Subject) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Kind, name, columns and reason."""
    for index in subject.table.indexes:
        if index.unique and not index.primary and (columns := _plain(subject, index)):
            yield (
                "unique",
                index.name,
                columns,
                f"{', '.join(columns)} names a row ({index.name or 'unique'} at the source)",
            )
    for foreign in subject.table.foreign_keys:
        if columns := subject.named(foreign.columns):
            yield "foreign key", foreign.name, columns, f"finds the rows of one {foreign.table.name}"


def _plain(subject: Subject, index: Index) -> tuple[str, ...] | None:
    whole = index.plain and not any(part.prefix for part in index.parts)
    return subject.named(part.column for part in index.parts) if whole else None


def _gsi(
    subject: Subject, size: Size, columns: tuple[str, ...], *, unique: bool, taken: Sequence[IndexDesign]
) -> IndexDesign:
    name = _name("by_" + "_".join(columns), [index.name for index in taken])
    first, rest = columns, tuple(column for column in subject.key if column not in columns)
    if len(columns) > 1 and not _hot(subject, columns[:1], True, size):
        # Found by the first of them alone too.
        first, rest, unique = columns[:1], columns[1:], False
    part = _part(subject, first, f"{name}_pk", pad=False, prefix=_prefix(subject, first))
    sort = _part(subject, rest, f"{name}_sk", prefix=_prefix(subject, rest)) if rest and not unique else None
    # Up to a KB a write of an entry takes one unit, whatever it holds.
    return IndexDesign(
        name=name, partition=part, sort=sort, projection="all" if size.average <= WRITE_BYTES else "keys"
    )


def _prefix(subject: Subject, columns: Sequence[str]) -> str:
    """Of a text that stands for columns of which an index takes not every value as it is: an empty one, a boolean."""
    kinds = [column.type.kind for name in columns if (column := subject.column(name)) is not None]
    return "" if _KEYS.issuperset(kinds) else columns[0]


def _name(wanted: str, taken: Iterable[str]) -> str:
    name = re.sub(r"[^a-zA-Z0-9_.-]", "_", wanted)[:200]
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _largest(subject: Subject, columns: Sequence[str]) -> int | None:
    total = 0
    for name in columns:
        column = subject.column(name)
        size = largest_bytes(column.type) if column is not None else None
        if size is None:
            return None
        total += size
    return total


def _oversized(subject: Subject, columns: Sequence[str]) -> bool:
    """Whether values are expected to be beyond what a key takes."""
    found = subject.statistics.columns if subject.statistics else {}
    widths = sum(found[name].width or 0.0 for name in columns if name in found)
    kinds = [column.type.kind for name in columns if (column := subject.column(name)) is not None]
    return widths > PARTITION_BYTES / 4 or Kind.JSON in kinds or Kind.FLOAT in kinds


# ---- tables that fold into one


@dataclass(frozen=True, slots=True)
class Fold:
    """A child's items in its parent's item collection.

    Attributes:
        key: what `[[tables]]` must say as the child's `key`; empty: the stream's is right already.
        reason: why it is worth it.
    """

    parent: ObjectName
    child: ObjectName
    parent_design: TableDesign
    child_design: TableDesign
    key: tuple[str, ...]
    reason: str


def fold(parent: Subject, child: Subject, foreign: ForeignKey) -> Fold | None:
    """None: the child's rows do not belong to one parent each, or the parent is not named by what they refer to."""
    columns = child.named(foreign.columns)
    primary = parent.table.primary_key
    referenced = parent.named(foreign.referenced_columns or (primary.columns if primary is not None else ()))
    if not columns or not child.key or parent is child or referenced != parent.key:
        return None
    nullable = [column.nullable for name in columns if (column := child.column(name)) is not None and not column.key]
    identifying = set(columns) <= set(child.key)
    if any(nullable) or not (identifying or foreign.on_delete == "CASCADE"):
        return None
    rest = tuple(name for name in child.key if name not in columns)
    if not rest:
        return None
    entities = parent.target.name, child.target.name
    partition = _part(child, columns, "pk", pad=False, prefix=entities[0])
    each = _ratio(parent, child)
    return Fold(
        parent.table.name,
        child.table.name,
        TableDesign(
            table=parent.target.name,
            entity=entities[0],
            partition=_part(parent, parent.key, "pk", pad=False, prefix=entities[0]),
            sort=KeyPart(prefix=entities[0], name="sk"),
        ),
        TableDesign(
            table=parent.target.name,
            entity=entities[1],
            partition=partition,
            sort=_part(child, rest, "sk", prefix=entities[1]),
        ),
        () if identifying else (*columns, *child.key),
        f"each {entities[1]} belongs to one {entities[0]}{each}: one Query reads both",
    )


def _ratio(parent: Subject, child: Subject) -> str:
    rows = [each.statistics.rows if each.statistics else None for each in (parent, child)]
    return f" (about {rows[1] / rows[0]:,.1f} on average)" if rows[0] and rows[1] else ""
