"""What `verify` calls equal, and what it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sink import TargetTable
from tailrace.source import SourceTable
from tailrace.verify import Verification, difference, verify
from tailrace.verify.digest import Entry

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"))
NAME = TableName("app", "public", "users")
TOPIC = "shop.public.users"
TABLE = SourceTable(NAME, TOPIC)

Rows = list[dict[str, Any]]


@dataclass
class Double:
    """A pipeline, its source, stream and sink in one: rows on both sides.

    Attributes:
        between: called before each pass over the target, with its number.
    """

    source_rows: Rows
    target_rows: Rows
    columns: tuple[Column, ...] = (ID, NOTE)
    table: SourceTable = TABLE
    between: Callable[[int], None] = lambda number: None
    passes: int = 0
    name: str = "copy"
    captured: bool = True
    sinks: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.sinks = [self]

    def takes(self, settings: Any, table: TableName) -> bool:
        return True

    def create_source(self) -> Source:
        return Source(self)

    def create_stream(self) -> Double:
        return self

    def reader(self, consumer: str) -> Double:
        return self

    def create_sink(self, name: str) -> Double:
        return self

    def schemas(self) -> list[bytes]:
        return [TableSchema(1, NAME, TOPIC, self.columns).to_json()] if self.captured else []

    def rows(self, table: TargetTable) -> Iterator[dict[str, Any]]:
        self.passes += 1
        self.between(self.passes)
        return iter([dict(row) for row in self.target_rows])

    def close(self) -> None:
        pass


@dataclass
class Source:
    double: Double

    def snapshot(self) -> Source:
        return self

    def tables(self) -> list[SourceTable]:
        return [self.double.table]

    def rows(self, topic: str) -> Iterator[tuple[None, bytes]]:
        return iter([(None, orjson.dumps(row)) for row in self.double.source_rows])

    def close(self) -> None:
        pass


def row(key: int, note: str | None = "n") -> dict[str, Any]:
    return {"id": key, "note": note}


def verified(double: Any) -> Verification:
    return verify(double, pause=0.0)


def test_equal_rows_in_any_order_are_equal() -> None:
    rows = [row(number) for number in range(50)]
    assert verified(Double(rows, rows[::-1])).equal


def test_missing_extra_and_different_rows_are_named() -> None:
    result = verified(Double([row(1), row(2), row(3)], [row(2), row(3, "m"), row(4)]))
    (table,) = result.tables
    assert not result.equal
    assert (table.missing, table.extra, table.different) == (1, 1, 1)
    assert table.keys == {"missing": [{"id": 1}], "extra": [{"id": 4}], "different": [{"id": 3}]}


def test_values_that_changed_places_do_not_cancel_out() -> None:
    found = verified(Double([row(1, "a"), row(2, "b")], [row(1, "b"), row(2, "a")]))
    assert found.tables[0].different == 2


def test_a_target_without_the_table_lacks_every_row() -> None:
    assert verified(Double([row(1), row(2)], [])).tables[0].missing == 2


def test_very_many_differences_are_counted_in_bounded_passes_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "LIMIT_ROWS", 1000)
    rows = [row(number) for number in range(60_000)]
    held: list[int] = []
    unequal = difference._unequal

    def watched(here: dict[bytes, Entry], there: dict[bytes, Entry]) -> dict[bytes, difference.Difference]:
        held.append(len(here) + len(there))
        return unequal(here, there)

    monkeypatch.setattr(difference, "_unequal", watched)
    empty = Double(rows, [])
    (found,) = verified(empty).tables
    assert (found.missing, found.extra, found.different) == (60_000, 0, 0)
    assert len(found.keys["missing"]) == 100
    assert empty.passes <= 5
    behind = Double(rows, [*rows[:30_000], row(70_000), row(70_001)])
    (found,) = verified(behind).tables
    assert found.missing - found.extra == 29_998
    assert behind.passes <= 5
    assert max(held) <= 1000


def test_rows_that_are_counted_only_may_be_on_their_way_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "LIMIT_ROWS", 10)
    double = Double([row(number) for number in range(5000)], [])

    def arrive(number: int) -> None:
        if number == 4:
            double.target_rows = double.source_rows

    double.between = arrive
    assert verified(double).equal


def test_values_that_no_json_form_has_equal_nothing() -> None:
    assert verified(Double([row(1)], [{"id": 1, "note": b"n"}])).tables[0].different == 1


def test_repeats_of_a_row_without_a_key_are_counted() -> None:
    columns = (Column(1, "id", ID.type), NOTE)
    table = SourceTable(NAME, TOPIC, keyless=True)
    assert verified(Double([row(1), row(1)], [row(1), row(1)], columns, table)).equal
    found = verified(Double([row(1), row(1), row(1), row(2)], [row(1), row(2), row(2)], columns, table)).tables[0]
    assert (found.missing, found.extra) == (2, 1)


def test_what_is_still_on_its_way_is_no_difference() -> None:
    double = Double([row(1), row(2, "new")], [row(1), row(2, "old")])

    def arrive(number: int) -> None:
        if number == 3:
            double.target_rows[1] = row(2, "new")

    double.between = arrive
    assert verified(double).equal


def test_a_wrong_row_is_found_though_the_source_changes_it_all_the_time() -> None:
    double = Double([row(1, "0")], [row(1, "wrong")])
    double.between = lambda number: double.source_rows.__setitem__(0, row(1, str(number)))
    assert verified(double).tables[0].different == 1


@pytest.mark.parametrize("there", [{"id": 1, "note": "n", "added": 5}, {"id": 1}], ids=["added", "dropped"])
def test_columns_that_the_stream_does_not_know_yet_are_not_called_equal(there: dict[str, Any]) -> None:
    result = verified(Double([there], [row(1, None)]))
    assert not result.equal
    ((name, reason),) = result.unverified
    assert name == "public.users"
    assert ("added" if "added" in there else "note") in reason


def test_a_table_that_is_suspended_or_not_captured_yet_is_not_called_equal() -> None:
    assert not verified(Double([], [], table=SourceTable(NAME, TOPIC, "suspended", "no key"))).equal
    assert not verified(Double([], [], captured=False)).equal
