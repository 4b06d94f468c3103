"""`tailrace verify`: every captured table against every sink that takes it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from tailrace.apply.targets import target_of
from tailrace.config import Pipeline
from tailrace.errors import StuckError
from tailrace.schema import TableSchema
from tailrace.sink import Sink, TargetTable
from tailrace.source import SnapshotReader, SourceTable
from tailrace.verify.difference import Differences, compare, look_again
from tailrace.verify.digest import Item

#: Keys of differing rows that are named per table, sink and kind.
NAMED_KEYS = 100
#: Looks at differing rows, with a pause between: what is still on its way settles.
ATTEMPTS = 4
PAUSE_SECONDS = 2.0


@dataclass(slots=True)
class TableComparison:
    """One table against one sink.

    Attributes:
        missing, extra, different: rows that only the source has, only the target has, that both have unequal. Where
            very many differ, those whose keys were not looked at are counted by the least numbers that explain it.
        keys: keys of the first differing rows, by kind, as JSON values.
    """

    table: str
    sink: str
    source_rows: int = 0
    target_rows: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    keys: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        return not (self.missing or self.extra or self.different)

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "sink": self.sink,
            "source_rows": self.source_rows,
            "target_rows": self.target_rows,
            "missing": self.missing,
            "extra": self.extra,
            "different": self.different,
            "keys": self.keys,
        }


@dataclass(slots=True)
class Verification:
    """All comparisons of one `verify`.

    Attributes:
        unverified: tables that could not be compared, with the reason; they make the whole unequal, because
            nobody knows.
    """

    tables: list[TableComparison] = field(default_factory=list)
    unverified: list[tuple[str, str]] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.unverified and all(table.equal for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        return {
            "equal": self.equal,
            "tables": [table.to_dict() for table in self.tables],
            "unverified": [{"table": table, "reason": reason} for table, reason in self.unverified],
        }


def verify(
    pipeline: Pipeline,
    *,
    pause: float = PAUSE_SECONDS,
    attempts: int = ATTEMPTS,
    compared: Callable[[TableComparison], None] = lambda comparison: None,
) -> Verification:
    """Compares every captured table with every sink that takes it, both as they are now.

    Args:
        pause: seconds between two looks at rows that differ.
        attempts: looks, at most.
        compared: called after each table, for a live view.
    """
    result = Verification()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
        reader = stack.enter_context(contextlib.closing(source.snapshot()))
        stream = stack.enter_context(contextlib.closing(pipeline.create_stream().reader("")))
        schemas = [TableSchema.from_json(record) for record in stream.schemas()]
        tables = source.tables()
        for settings in pipeline.sinks:
            sink = stack.enter_context(contextlib.closing(pipeline.create_sink(settings.name)))
            for table in tables:
                if not pipeline.takes(settings, table.name):
                    continue
                if table.state != "streaming":
                    result.unverified.append((str(table.name), table.reason))
                    continue
                target = target_table(schemas, table)
                if target is None:
                    result.unverified.append((str(table.name), "nothing of it has been captured yet"))
                    continue
                try:
                    comparison = _compare(table, target, settings.name, reader, sink, pause, attempts)
                except (_OtherColumnsError, StuckError) as error:
                    result.unverified.append((str(table.name), str(error)))
                    continue
                result.tables.append(comparison)
                compared(comparison)
    return result


class _OtherColumnsError(Exception):
    """The source's table has other columns now than its newest captured version: nothing is to be said of them."""

    def __init__(self, columns: Iterable[str]) -> None:
        names = ", ".join(sorted(columns))
        super().__init__(f"the source has other columns now ({names}), and no change of a row was captured since")


def target_table(schemas: Iterable[TableSchema], table: SourceTable) -> TargetTable | None:
    versions = [schema for schema in schemas if schema.topic == table.topic]
    return target_of(versions) if versions else None


def _compare(
    table: SourceTable,
    target: TargetTable,
    sink_name: str,
    reader: SnapshotReader,
    sink: Sink,
    pause: float,
    attempts: int,
) -> TableComparison:
    names = [column.name for column in target.columns]
    key_names = [column.name for column in target.key]
    known = frozenset(names)

    def source_items() -> Iterator[Item]:
        for _, row in reader.rows(table.topic):
            values = orjson.loads(row)
            if values.keys() != known:
                raise _OtherColumnsError(values.keys() ^ known)
            yield _item(values, names, key_names)

    def target_items() -> Iterator[Item]:
        for values in sink.rows(target):
            yield _item(values, names, key_names)

    found = compare(source_items, target_items)
    for _ in range(attempts - 1):
        if not found:
            break
        time.sleep(pause)
        found = look_again(found, source_items, target_items)
    return _summary(str(table.name), sink_name, found, key_names)


def _item(values: dict[str, Any], names: list[str], key_names: list[str]) -> Item:
    # A target that lags behind may lack a column, or hold a value that no JSON form has: it equals no row then.
    row = orjson.dumps([values.get(name) for name in names], default=repr)
    return Item(orjson.dumps({name: values.get(name) for name in key_names}, default=repr) if key_names else row, row)


def _summary(table: str, sink: str, found: Differences, key_names: list[str]) -> TableComparison:
    comparison = TableComparison(table, sink, found.source_rows, found.target_rows)
    for key, difference in found.keys.items():
        kind = difference.kind
        if key_names:
            count = 1
        else:  # the same row may stand several times; what differs is how often
            source = difference.source.count if difference.source else 0
            target = difference.target.count if difference.target else 0
            count = abs(source - target)
            kind = "missing" if source > target else "extra"
        setattr(comparison, kind, getattr(comparison, kind) + count)
        named = comparison.keys.setdefault(kind, [])
        if key_names and len(named) < NAMED_KEYS:
            named.append(orjson.loads(key))
    for bucket in found.counted.values():
        comparison.missing += max(bucket.source - bucket.target, 0)
        comparison.extra += max(bucket.target - bucket.source, 0)
        comparison.different += bucket.source == bucket.target
    return comparison
