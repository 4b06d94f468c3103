"""Schema versions folded by column id, rows mapped to them, and the steps a target takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.apply.change import Change
from tailrace.apply.changes import SchemaCatalog, parse
from tailrace.apply.evolution import evolve, preserves, same_form
from tailrace.apply.targets import RowMap, Targets, fold, target_of
from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sink import TargetTable
from tailrace.stream import Partition

TEXT = Type(Kind.TEXT, "text")
ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NAME = TableName("app", "public", "t")


def text(column_id: int, name: str, initial: str | None = None) -> Column:
    return Column(column_id, name, TEXT, initial=initial)


def version(number: int, *columns: Column, since: int = 0) -> TableSchema:
    return TableSchema(number, NAME, "shop.public.t", (ID, *columns), f"0001-{since:020x}-" if since else "")


def names(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]


def test_a_dropped_column_is_retained_and_nullable() -> None:
    strict = replace(text(2, "a"), nullable=False)
    table = fold([version(1, strict, text(3, "b")), version(2, text(3, "b"))])
    assert names(table.columns) == ["id", "b"]
    assert [(c.name, c.nullable) for c in table.retained] == [("a", True)]
    assert table.version == 2


def test_a_renamed_column_has_its_newest_name_only() -> None:
    table = fold([version(1, text(2, "a")), version(2, text(2, "z"))])
    assert names(table.columns) == ["id", "z"]
    assert not table.retained


def test_a_column_dropped_and_added_again_is_set_aside() -> None:
    table = fold([version(1, text(2, "a")), version(2), version(3, text(5, "A"))])
    assert names(table.columns) == ["id", "A"]
    assert names(table.retained) == ["a_dropped_2"]


def test_versions_are_ordered_by_the_place_from_which_they_hold() -> None:
    table = target_of([version(2, text(2, "z"), since=9), version(1, text(2, "a"))])
    assert names(table.columns) == ["id", "z"]


def test_rows_of_an_older_version_are_mapped_by_column_id() -> None:
    old = version(1, text(2, "a"), text(3, "gone"))
    target = fold([old, version(2, text(2, "z"), text(4, "new", initial="filled"))])
    rows = RowMap(old, target)
    assert rows.whole({"id": 1, "a": "x", "gone": "y"}) == {"id": 1, "z": "x", "new": "filled"}
    assert rows.part({"id": 1, "a": "x", "gone": "y"}, ["gone"]) == {"id": 1, "z": "x"}


def test_rows_of_the_targets_own_version_pass_as_they_are() -> None:
    schema = version(1, text(2, "a"))
    row = {"id": 1, "a": "x"}
    assert RowMap(schema, fold([schema])).whole(row) is row


# ---- Targets


class Following:
    def __init__(self, *versions: TableSchema) -> None:
        self.records = [schema.to_json() for schema in versions]
        self.targets = Targets(SchemaCatalog(lambda: self.records, wait=0))

    def meet(self, schema: TableSchema, at: int, op: str = "c") -> tuple[TargetTable, TargetTable | None] | None:
        seq = f"0001-{at:020x}-0000000000000001"
        return self.targets.meet(Change(op, seq, schema, None, None, None, [], True, 0, Partition("", 0), at, 1))


V1 = version(1, text(2, "a"))
V2 = version(2, text(2, "b"), since=10)
V3 = version(3, text(2, "b"), text(3, "a"), since=20)


def test_a_table_is_met_once_and_again_at_each_version() -> None:
    following = Following(V1, V2, V3)
    first = following.meet(V1, 5)
    assert first is not None
    assert names(first[0].columns) == ["id", "a"]
    assert first[1] is None
    assert following.meet(V1, 6) is None
    second = following.meet(V2, 10, "s")
    assert second is not None
    assert second[1] == first[0]
    assert following.meet(V2, 11) is None


def test_versions_of_the_future_do_not_count() -> None:
    met = Following(V1, V2, V3).meet(V1, 5)
    assert met is not None
    assert not met[0].retained


def test_after_a_restart_the_announcing_event_tells_what_the_target_was() -> None:
    met = Following(V1, V2, V3).meet(V2, 10, "s")
    assert met is not None
    assert met[1] is not None
    assert names(met[1].columns) == ["id", "a"]


def test_after_a_restart_rows_alone_mean_that_the_target_is_there_already() -> None:
    met = Following(V1, V2, V3).meet(V2, 11)
    assert met is not None
    assert met[1] is None


def test_an_older_version_after_a_newer_one_changes_nothing() -> None:
    following = Following(V1, V2)
    following.meet(V2, 10, "s")
    assert following.meet(V1, 9) is None
    assert following.targets.current(V1.topic).version == 2


def test_a_return_to_an_earlier_shape_retains_what_was_dropped() -> None:
    added = version(2, text(2, "a"), text(7, "x"), since=10)
    following = Following(V1, added)
    following.meet(V1, 5)
    following.meet(added, 10, "s")
    back = following.meet(V1, 20, "s")
    assert back is not None
    assert names(back[0].columns) == ["id", "a"]
    assert names(back[0].retained) == ["x"]
    restarted = Following(V1, added).meet(V1, 20, "s")
    assert restarted is not None
    assert restarted[0] == back[0]


def test_two_source_tables_of_one_name_are_refused() -> None:
    other = replace(V1, name=TableName("app", "audit", "t"), topic="shop.audit.t")
    following = Following(V1, other)
    following.meet(V1, 5)
    with pytest.raises(StuckError, match=r"audit\.t and public\.t would both go to the table t"):
        following.meet(other, 6)


# ---- the catalog


def test_a_record_that_comes_after_its_event_is_waited_for() -> None:
    records: list[bytes] = []
    reads: list[int] = []

    def read() -> list[bytes]:
        reads.append(1)
        if len(reads) == 3:
            records.append(V1.to_json())
        return records

    assert SchemaCatalog(read, wait=5).find(V1.topic, 1) == V1


def test_an_unknown_version_is_an_error_that_names_topic_and_id() -> None:
    with pytest.raises(StuckError, match=r"topic shop\.public\.t: an event has schema version 9"):
        SchemaCatalog(lambda: [V1.to_json()], wait=0).find(V1.topic, 9)


@pytest.mark.parametrize(
    "value", [b"{", b"[]", b"{}", b'{"op":"c","source":{"tailrace_seq":"1"}}', b'{"op":"c","source":null}']
)
def test_what_is_no_event_of_ours_is_refused_with_its_place(value: bytes) -> None:
    catalog = SchemaCatalog(list, wait=0)
    with pytest.raises(StuckError, match="topic shop, partition 3, offset 17: not an event"):
        parse("shop", None, value, Partition("shop", 3), 17, catalog)


# ---- evolution


def test_names_that_change_places_are_renamed_through_a_third() -> None:
    before = fold([version(1, text(2, "a"), text(3, "b"))])
    after = fold([version(1, text(2, "a"), text(3, "b")), version(2, text(2, "b"), text(3, "a"))])
    plan = evolve(after, before, ["id", "a", "b"])
    assert _renamed(["id", "a", "b"], plan.renames) == {"id": "id", "a": "b", "b": "a"}
    assert not plan.added


def test_a_column_added_again_gets_the_name_after_the_old_one_left_it() -> None:
    history = [version(1, text(2, "a")), version(2), version(3, text(5, "a"))]
    plan = evolve(fold(history), fold(history[:2]), ["id", "a"])
    assert plan.renames == (("a", "a_dropped_2"),)
    assert [column.id for column in plan.added] == [5]


def test_what_is_done_is_not_done_again() -> None:
    history = [version(1, text(2, "a")), version(2), version(3, text(5, "a"))]
    plan = evolve(fold(history), fold(history[:2]), ["id", "a", "a_dropped_2"])
    assert not plan.renames
    assert not plan.added
    crashed = evolve(fold(history), fold(history[:2]), ["id", "a_dropped_2"])
    assert not crashed.renames
    assert [column.id for column in crashed.added] == [5]


def _renamed(present: list[str], renames: tuple[tuple[str, str], ...]) -> dict[str, str]:
    origin = {name: name for name in present}
    for old, new in renames:
        assert new not in origin, "a name was taken"
        origin[new] = origin.pop(old)
    return {was: now for now, was in origin.items()}


@given(st.permutations(["a", "b", "c", "d", "e"]), st.integers(0, 4))
def test_any_permutation_of_names_can_be_reached(names_now: list[str], fresh: int) -> None:
    first = version(1, *(text(i + 2, name) for i, name in enumerate("abcde")))
    names_now[fresh] = "new"
    second = version(2, *(text(i + 2, name) for i, name in enumerate(names_now)))
    plan = evolve(fold([first, second]), fold([first]), ["id", *"abcde"])
    assert _renamed(["id", *"abcde"], plan.renames) == {"id": "id", **dict(zip("abcde", names_now, strict=True))}
    assert not plan.added


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (Type(Kind.INTEGER, "int", 32), Type(Kind.INTEGER, "bigint", 64), True),
        (Type(Kind.TEXT, "varchar(9)", 9), Type(Kind.TEXT, "text"), True),
        (Type(Kind.DECIMAL, "decimal(9,2)", 9, 2), Type(Kind.DECIMAL, "decimal(12,2)", 12, 2), True),
        (Type(Kind.DECIMAL, "decimal(9,2)", 9, 2), Type(Kind.DECIMAL, "decimal(9,3)", 9, 3), False),
        (Type(Kind.TIME, "time", 0), Type(Kind.TIME, "time(3)", 3), False),
        (Type(Kind.FLOAT, "float", 32), Type(Kind.FLOAT, "double", 64), False),
        (Type(Kind.INTEGER, "int", 32), Type(Kind.TEXT, "text"), False),
        (Type(Kind.ENUM, labels=("a", "b")), Type(Kind.ENUM, labels=("b", "c", "a")), True),
        (Type(Kind.SET, labels=("a", "b")), Type(Kind.SET, labels=("a", "c", "b")), True),
        (Type(Kind.SET, labels=("a", "b")), Type(Kind.SET, labels=("b", "a")), False),
    ],
)
def test_types_whose_values_are_written_alike(old: Type, new: Type, same: bool) -> None:
    assert same_form(old, new) is same


INT, BIG = Type(Kind.INTEGER, "int", 32), Type(Kind.INTEGER, "bigint", 64)
CHAR, VARCHAR = Type(Kind.TEXT, "char(4)", 4, fixed=True), Type(Kind.TEXT, "varchar(30)", 30)


@pytest.mark.parametrize(
    ("old", "new", "mysql", "postgres"),
    [
        (INT, BIG, True, True),
        (INT, Type(Kind.DECIMAL, "decimal(12,2)", 12, 2), True, True),
        (INT, VARCHAR, True, True),
        (Type(Kind.INTEGER, "int(5) unsigned zerofill", 32, unsigned=True), VARCHAR, False, False),
        (INT, Type(Kind.TEXT, "varchar(3)", 3), False, False),
        (Type(Kind.DECIMAL, "decimal(5,1)", 5, 1), Type(Kind.DECIMAL, "decimal(9,3)", 9, 3), True, True),
        (Type(Kind.DECIMAL, "decimal(9,3)", 9, 3), Type(Kind.DECIMAL, "decimal(9,1)", 9, 1), False, True),
        (Type(Kind.BYTES, "blob"), TEXT, False, False),
        (TEXT, Type(Kind.BYTES, "blob"), False, False),
        (Type(Kind.TIME, "time"), VARCHAR, False, False),
        (Type(Kind.TIMESTAMPTZ, "timestamp"), Type(Kind.TIMESTAMP, "datetime"), False, False),
        (Type(Kind.TIMESTAMP, "datetime"), Type(Kind.TIMESTAMPTZ, "timestamp"), False, False),
        (Type(Kind.TIMESTAMP, "datetime"), Type(Kind.TIMESTAMP, "datetime(3)", 3), True, True),
        (Type(Kind.DATE, "date"), Type(Kind.TIMESTAMP, "datetime"), True, True),
        (CHAR, VARCHAR, True, True),
        (VARCHAR, CHAR, False, True),
        (Type(Kind.BYTES, "binary(4)", 4, fixed=True), Type(Kind.BYTES, "binary(8)", 8, fixed=True), False, True),
        (Type(Kind.BYTES, "binary(4)", 4, fixed=True), Type(Kind.BYTES, "blob"), True, True),
        (Type(Kind.BITS, "bit(8)", 8), Type(Kind.BITS, "bit(9)", 9), False, False),
        (Type(Kind.ENUM, "enum('a')", labels=("a",)), VARCHAR, True, True),
        (VARCHAR, Type(Kind.ENUM, "enum('a')", labels=("a",)), False, False),
        (TEXT, Type(Kind.JSON, "json"), False, False),
        (Type(Kind.JSON, "json"), TEXT, True, True),
    ],
)
def test_type_changes_that_leave_the_values(old: Type, new: Type, mysql: bool, postgres: bool) -> None:
    assert preserves(old, new, from_postgres=False) is mysql
    assert preserves(old, new, from_postgres=True) is postgres
