"""Changes of one key, in any order, become one write of its last state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.apply.change import Change
from tailrace.apply.compaction import TableCompaction
from tailrace.apply.targets import RowMap, fold
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sink import TableWork
from tailrace.stream import Partition

ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
A = Column(2, "a", Type(Kind.TEXT, "text"))
B = Column(3, "b", Type(Kind.TEXT, "text"))
SCHEMA = TableSchema(1, TableName("app", "public", "t"), "shop.public.t", (ID, A, B))
KEYLESS = TableSchema(1, TableName("app", "public", "t"), "shop.public.t", (A, B))
PLACEHOLDER = "__debezium_unavailable_value"

Values = dict[str, Any]


class Compacting:
    def __init__(self, schema: TableSchema = SCHEMA) -> None:
        self.schema = schema
        self.target = fold([schema])
        self.table = TableCompaction(self.target)
        self.number = 0

    def add(self, op: str, before: Values | None = None, after: Values | None = None, *unchanged: str) -> None:
        self.number += 1
        row = after if op in "cru" else before
        key = None if self.schema.keyless or row is None else orjson.dumps({"id": row["id"]})
        change = Change(
            op,
            f"{self.number:04}",
            self.schema,
            key,
            before,
            after,
            list(unchanged),
            True,
            0,
            Partition("", 0),
            self.number,
            1,
        )
        self.table.add(change, RowMap(self.schema, self.target))

    def work(self) -> TableWork:
        return self.table.work()


def row(key: int, a: str | None = "a", b: str | None = "b") -> Values:
    return {"id": key, "a": a, "b": b}


def test_the_last_of_several_whole_rows_wins_with_its_sequence() -> None:
    table = Compacting()
    table.add("c", None, row(1, "x"))
    table.add("u", None, row(1, "y"))
    (written,) = table.work().upserts
    assert written.values == row(1, "y")
    assert written.seq == "0002"


def test_delete_then_create_is_a_write_and_create_then_delete_is_a_delete() -> None:
    table = Compacting()
    table.add("d", row(1))
    table.add("c", None, row(1, "new"))
    table.add("c", None, row(2))
    table.add("d", row(2))
    work = table.work()
    assert [r.values for r in work.upserts] == [row(1, "new")]
    assert [r.values for r in work.deletes] == [{"id": 2}]


def test_unchanged_columns_are_laid_over_what_the_batch_has() -> None:
    table = Compacting()
    table.add("c", None, row(1, "x", "big"))
    table.add("u", None, {"id": 1, "a": "y", "b": PLACEHOLDER}, "b")
    assert [r.values for r in table.work().upserts] == [row(1, "y", "big")]


def test_unchanged_columns_without_an_earlier_row_stay_a_partial_update_and_are_merged() -> None:
    table = Compacting()
    table.add("u", None, {"id": 1, "a": "y", "b": PLACEHOLDER}, "b")
    table.add("u", None, {"id": 1, "a": PLACEHOLDER, "b": "z"}, "a")
    table.add("u", None, {"id": 2, "a": "k", "b": PLACEHOLDER}, "b")
    work = table.work()
    assert [r.values for r in work.updates] == [{"id": 1, "a": "y", "b": "z"}, {"id": 2, "a": "k"}]
    assert not work.upserts


def test_a_value_that_only_looks_like_the_placeholder_is_a_value() -> None:
    table = Compacting()
    table.add("c", None, row(1, PLACEHOLDER))
    assert table.work().upserts[0].values["a"] == PLACEHOLDER


def test_a_partial_update_after_a_delete_does_not_bring_the_row_back() -> None:
    table = Compacting()
    table.add("d", row(1))
    table.add("u", None, {"id": 1, "a": "y", "b": PLACEHOLDER}, "b")
    work = table.work()
    assert not work.updates
    assert not work.upserts
    assert len(work.deletes) == 1


def test_a_whole_row_after_a_partial_update_replaces_it() -> None:
    table = Compacting()
    table.add("u", None, {"id": 1, "a": "y", "b": PLACEHOLDER}, "b")
    table.add("u", None, row(1, "z", "w"))
    work = table.work()
    assert not work.updates
    assert [r.values for r in work.upserts] == [row(1, "z", "w")]


def test_a_truncate_clears_what_was_before_and_keeps_what_comes_after() -> None:
    table = Compacting()
    table.add("c", None, row(1))
    table.add("t")
    table.add("c", None, row(2))
    work = table.work()
    assert work.truncate
    assert work.truncate_seq == "0002"
    assert [r.values["id"] for r in work.upserts] == [2]


def test_only_rows_of_a_load_are_inserts_only() -> None:
    load, mixed = Compacting(), Compacting()
    load.add("r", None, row(1))
    assert load.work().inserts_only
    mixed.add("r", None, row(1))
    mixed.add("u", None, row(1, "z"))
    assert not mixed.work().inserts_only


def test_a_keyless_table_keeps_every_change_in_order() -> None:
    table = Compacting(KEYLESS)
    table.add("c", None, {"a": "x", "b": "y"})
    table.add("c", None, {"a": "x", "b": "y"})
    table.add("u", {"a": "x", "b": "y"}, {"a": "z", "b": PLACEHOLDER}, "b")
    table.add("d", {"a": "x", "b": "y"})
    changes = table.work().sequential
    assert [change.op for change in changes] == ["c", "c", "u", "d"]
    assert changes[2].after == {"a": "z", "b": "y"}


def test_an_event_whose_columns_are_not_those_of_its_version_is_refused() -> None:
    table = Compacting()
    with pytest.raises(StuckError, match="columns are not those"):
        table.add("c", None, {"id": 1, "a": "x"})
    with pytest.raises(StuckError, match="columns are not those"):
        table.add("u", None, {"id": 1, "nobody": "x"}, "b")


def test_an_unknown_operation_is_refused() -> None:
    table = Compacting()
    with pytest.raises(StuckError, match="unknown operation 'm'"):
        table.table.add(
            Change("m", "1", SCHEMA, b"{}", None, row(1), [], True, 0, Partition("", 0), 7, 1),
            RowMap(SCHEMA, table.target),
        )


VALUES = st.sampled_from(["p", "q", "r", None])
STEPS = st.lists(
    st.tuples(st.sampled_from(["c", "u", "part", "d", "t"]), st.integers(1, 3), VALUES, VALUES), max_size=30
)


@given(STEPS, st.integers(0, 30))
def test_one_batch_and_two_batches_leave_what_row_by_row_leaves(
    steps: list[tuple[str, int, str | None, str | None]], cut: int
) -> None:
    """Compaction against a model of the target that applies each change by itself."""
    expected: dict[int, Values] = {}
    got: dict[int, Values] = {}
    for part in (steps[:cut], steps[cut:]):
        table = Compacting()
        for op, key, a, b in part:
            if op == "t":
                table.add("t")
                expected.clear()
            elif op == "d":
                table.add("d", row(key))
                expected.pop(key, None)
            elif op == "part":
                table.add("u", None, {"id": key, "a": a, "b": PLACEHOLDER}, "b")
                if key in expected:
                    expected[key] = {**expected[key], "a": a}
            else:
                table.add(op, None, row(key, a, b))
                expected[key] = row(key, a, b)
        _apply(got, table.work())
    assert got == expected


def _apply(target: dict[int, Values], work: TableWork) -> None:
    if work.truncate:
        target.clear()
    for written in work.deletes:
        target.pop(written.values["id"], None)
    for written in work.upserts:
        target[written.values["id"]] = written.values
    for written in work.updates:
        if written.values["id"] in target:
            target[written.values["id"]] = {**target[written.values["id"]], **written.values}
    keys = [r.values["id"] for group in (work.upserts, work.updates, work.deletes) for r in group]
    assert len(keys) == len(set(keys))


def test_a_row_is_created_where_the_batch_has_it_from_its_creation_on() -> None:
    table = Compacting()
    table.add("c", None, row(1, "x"))
    table.add("u", None, row(1, "y"))
    table.add("u", None, {"id": 1, "a": "z", "b": PLACEHOLDER}, "b")
    table.add("u", None, row(2))
    table.add("r", None, row(3))
    table.add("d", row(4))
    table.add("c", None, row(4))
    table.add("u", None, {"id": 5, "a": "z", "b": PLACEHOLDER}, "b")
    table.add("c", None, row(5))
    assert [r.values["id"] for r in table.work().upserts if r.created] == [1]


def test_after_a_truncate_a_row_is_created_whatever_was_there() -> None:
    table = Compacting()
    table.add("u", None, row(1))
    table.add("t")
    table.add("c", None, row(1))
    assert [r.created for r in table.work().upserts] == [True]


def test_a_row_is_passed_on_as_the_event_has_it_only_where_its_names_are_the_targets() -> None:
    newer = replace(SCHEMA, id=2, columns=(ID, A, replace(B, name="c")))
    event = orjson.dumps(row(1))
    for versions, json in (([SCHEMA], event), ([SCHEMA, newer], None)):
        table = TableCompaction(fold(versions))
        rows = RowMap(SCHEMA, table.table)
        table.add(Change("c", "1", SCHEMA, b'{"id":1}', None, event, [], True, 0, Partition("", 0), 1, 1), rows)
        (written,) = table.work().upserts
        assert written.json == json
        assert written.values == {"id": 1, "a": "a", versions[-1].columns[2].name: "b"}
