"""Rows of shaped tables: every reader gives what the shape says of the plain row, compiled or interpreted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.emitter import UNCHANGED_PLACEHOLDER, EventTable
from tailrace.errors import TailraceError
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.shaping.building import build
from tailrace.shaping.condition import parse_condition
from tailrace.shaping.expressions import parse_expression
from tailrace.shaping.masks import Mask
from tailrace.shaping.rules import Rules
from tailrace.shaping.shape import Shape
from tailrace_mysql.binlog import event_types as types
from tailrace_mysql.binlog.binding import Binding, Version
from tailrace_mysql.binlog.rows import PlanColumn, RowPlan
from tailrace_mysql.quoting import identifier
from tailrace_mysql.resultset import JsonRow
from tailrace_mysql.table_select import Select
from tailrace_mysql.types import column_type, parse
from tailrace_postgres import rowplan
from tailrace_postgres.copytext import parse_row
from tailrace_postgres.shapedplan import key_not_logged, plan_for
from tests.unit import test_mysql_sparse as sparse
from tests.unit import test_mysql_textrows as textrows
from tests.unit import test_postgres_decoder as pg
from tests.unit.test_compiled_forms import CHARSETS, MYSQL, POSTGRES, copied, mysql_value, numbers, outcome

NAME = TableName("shop", None, "t")
COLUMNAR = Rules(
    drop=("gone",),
    renamed={"key": "k%"},
    masks={"masked": Mask("hash")},
    salt="salt",
    added={"tenant": parse_expression("'ac%me'")},
)
#: The same, but row by row.
ROWWISE = Rules(
    drop=("gone",),
    renamed={"key": "k%"},
    masks={"masked": Mask("hash")},
    salt="salt",
    added={"tenant": parse_expression("COALESCE('ac%me')")},
)
NAMES = ("key", "gone", "masked", "plain")


def schema_of(type_: Type, name: TableName = NAME) -> TableSchema:
    columns = [Column(number, text, type_, False, int(number == 1)) for number, text in enumerate(NAMES, 1)]
    return TableSchema(1, name, "p.public.t", tuple(columns))


# ---- MySQL


def mysql_plans(declared: str, metadata: int, charset: str) -> tuple[Shape, list[RowPlan]]:
    """The shape; plans without one, compiled with it, interpreted with it, and row by row."""
    kind = column_type(parse(declared, charset))
    columns = [PlanColumn(name, kind.reader(metadata), int(name == "key"), kind.native(metadata)) for name in NAMES]
    shape = build(schema_of(kind.type), COLUMNAR)
    by_row = build(schema_of(kind.type), ROWWISE)
    assert by_row.rowwise
    return shape, [
        RowPlan(columns, compiled=False),
        RowPlan(columns, shape=shape),
        RowPlan(columns, compiled=False, shape=shape),
    ]


@given(data=st.data())
@settings(max_examples=600, deadline=None)
def test_mysql_row_images(data: st.DataObject) -> None:
    declared = data.draw(st.sampled_from(sorted(MYSQL)))
    shape, (plain, compiled, interpreted) = mysql_plans(declared, MYSQL[declared], data.draw(st.sampled_from(CHARSETS)))
    values = [data.draw(st.none() | mysql_value(declared)) for _ in NAMES]
    nulls = sum(1 << index for index, value in enumerate(values) if value is None)
    image = bytes([nulls]) + b"".join(value for value in values if value is not None)
    found = outcome(compiled.read, image, 0)
    assert found == outcome(interpreted.read, image, 0)
    whole = outcome(plain.read, image, 0)
    if isinstance(whole, tuple):
        row, _, end = whole
        fragments = members(row)
        assert found == (shape.row(fragments), shape.key_of(fragments), end)
    for cut in range(len(image)):
        assert outcome(compiled.read, image[:cut], 0) == outcome(interpreted.read, image[:cut], 0)


def members(row: bytes) -> list[bytes | None]:
    """A row's values as they stand there."""
    from tailrace.capture.window import _fragments

    return [value for _, value in _fragments(row)]


def test_a_dropped_value_that_no_text_is_does_no_harm() -> None:
    _, (plain, compiled, interpreted) = mysql_plans("varchar(20)", 80, "utf8mb4")
    image = b"\0\1k\1\xff\1m\1p"
    with pytest.raises(TailraceError):
        plain.read(image, 0)
    assert compiled.read(image, 0) == interpreted.read(image, 0)


def loaded(select: Select, *rows: Sequence[bytes | None]) -> list[tuple[list[JsonRow], int, list[bytes] | None]]:
    """What becomes of these rows in each form: rows, how many were seen, the last one's key."""
    names = [column.name for column in select.plan.columns]
    sent = [[row[NAMES.index(name)] if identifier(name) in select.sql() else None for name in names] for row in rows]
    found = []
    for reader in textrows.forms(select.plan):
        read: list[JsonRow] = []
        stream = textrows.answer(sent)
        assert reader.feed(stream, 0, len(stream), read, 1 << 40) == len(stream)
        assert reader.ended
        assert reader.size == sum(len(key or b"") + len(row) for key, row in read)
        found.append((read, reader.seen, reader.last))
    return found


def select_of(rules: Rules) -> Select:
    shape = build(schema_of(column_type(parse("varchar(20)", "utf8mb4")).type), rules)
    return Select(NAME, shape.source.columns, shape=shape)


@pytest.mark.parametrize("rules", [COLUMNAR, ROWWISE], ids=["by column", "by row"])
def test_mysql_rows_of_a_load(rules: Rules) -> None:
    select = select_of(rules)
    _, (_, compiled, _) = mysql_plans("varchar(20)", 80, "utf8mb4")
    expected = []
    for image in (b"\x08\1k\1g\1m", b"\x04\1K\1g\1p"):
        row, key, _ = compiled.read(image, 0)
        expected.append((key, row))
    assert "gone" not in select.sql()
    assert b"ac%me" in expected[0][1]
    for read, seen, last in loaded(select, [b"k", b"g", b"m", None], [b"K", b"g", None, b"p"]):
        assert (read, seen, last) == (expected, 2, [b"K"])


def test_mysql_rows_of_a_load_that_a_filter_leaves_out() -> None:
    select = select_of(Rules(where=parse_condition("gone = 'a'"), drop=("gone",)))
    rows = [b"k", b"b", b"m", None], [b"l", b"a", b"m", None], [b"m", None, b"m", None]
    for found in loaded(select, *rows):
        assert found == ([(b'{"key":"l"}', b'{"key":"l","masked":"m","plain":null}')], 3, [b"m"])


def test_mysql_rows_of_a_load_by_a_key_that_does_not_leave() -> None:
    """It is read in the order of the source's own key."""
    select = select_of(Rules(drop=("key",), key=("plain",)))
    assert select.sql(limit=1).endswith("ORDER BY `key` LIMIT 1")
    for found in loaded(select, [b"k", None, b"m", b"p"]):
        assert found == ([(b'{"plain":"p"}', b'{"gone":null,"masked":"m","plain":"p"}')], 1, [b"k"])


class Filtered(sparse.Bench):
    """shop.t (id, a, j, k) with a filter on `a`; `j` is dropped, `up` is calculated."""

    def __init__(self, keyless: bool = False) -> None:
        super().__init__(keyless=keyless)
        binding = self.tables.binding
        rules = Rules(
            where=parse_condition("a LIKE 'in%'"), drop=("j",), added={"up": parse_expression("UPPER(a) || id")}
        )
        shape = build(binding.table.schema, rules)
        table = EventTable(binding.table.schema, "mysql", "p", shape)
        self.tables.binding = Binding(Version(table), RowPlan(binding.columns, shape=shape))


def seen(events: Sequence[Any]) -> list[Any]:
    return [
        (op, before and before.get("a"), after and (after.get("a"), after.get("up"))) for op, before, after, _ in events
    ]


def test_mysql_updates_move_rows_into_a_filter_and_out_of_it() -> None:
    bench = Filtered()

    def update(*pairs: tuple[str | None, str | None, int]) -> list[Any]:
        images = b"".join(
            sparse.row(15, 1, old, None, None) + sparse.row(15, 1 + moved, new, None, None) for old, new, moved in pairs
        )
        return seen(bench.take(types.UPDATE_ROWS, [15, 15], images))

    assert update(("in1", "in2", 0)) == [("u", "in1", ("in2", "IN21"))]
    assert update(("out", "in2", 0)) == [("c", None, ("in2", "IN21"))]
    assert update((None, "in2", 0)) == [("c", None, ("in2", "IN21"))]
    assert update(("in1", "out", 0)) == [("d", "in1", None)]
    assert update(("in1", None, 0)) == [("d", "in1", None)]
    assert update(("out", None, 0)) == []
    assert update(("in1", "in2", 5)) == [("d", "in1", None), ("c", None, ("in2", "IN26"))]
    assert update(("out", "in2", 5), ("in3", "out", 5)) == [("c", None, ("in2", "IN26")), ("d", "in3", None)]
    insert = bench.take(
        types.WRITE_ROWS, [15], sparse.row(15, 1, "out", None, None) + sparse.row(15, 2, "in", None, None)
    )
    assert seen(insert) == [("c", None, ("in", "IN2"))]
    assert insert[0][2] == {"id": 2, "a": "in", "k": None, "up": "IN2"}
    gone = sparse.row(15, 1, "out", None, None) + sparse.row(15, 2, "in", None, None)
    assert seen(bench.take(types.DELETE_ROWS, [15], gone)) == [("d", "in", None)]


def test_mysql_keyless_rows_are_filtered_too() -> None:
    bench = Filtered(keyless=True)
    images = sparse.row(15, 1, "out", None, None) + sparse.row(15, 1, "in", None, None)
    assert seen(bench.take(types.UPDATE_ROWS, [15, 15], images)) == [("c", None, ("in", "IN1"))]


def test_an_incomplete_image_does_not_tell_whether_the_row_was_inside() -> None:
    bench = Filtered()
    bench.tables.rows = {b"1": {"a": b'"in2"', "j": b"null", "k": b'"7"'}}
    inside = sparse.row(1, 1) + sparse.row(2, "in2")
    assert bench.take(types.UPDATE_ROWS, [1, 2], inside) == [
        ("u", None, {"id": 1, "a": "in2", "k": "7", "up": "IN21"}, [])
    ]
    assert bench.tables.asked[0][1] == ["k"]  # j is dropped
    outside = sparse.row(1, 1) + sparse.row(2, "out")
    assert [event[0] for event in bench.take(types.UPDATE_ROWS, [1, 2], outside)] == ["d"]
    assert [event[0] for event in bench.take(types.DELETE_ROWS, [1], sparse.row(1, 1))] == ["d"]
    unknown = sparse.row(1, 1) + sparse.row(8, None)
    assert [event[0] for event in bench.take(types.UPDATE_ROWS, [1, 8], unknown)] == ["u"]
    bench.tables.rows = {}  # the row is gone at the source
    assert [event[0] for event in bench.take(types.UPDATE_ROWS, [1, 8], unknown)] == ["d"]


# ---- PostgreSQL


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_postgres_rows(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(POSTGRES)))
    texts = st.one_of(st.sampled_from(POSTGRES[kind]), st.text(max_size=9).map(str.encode), numbers())
    values = data.draw(st.lists(st.none() | texts, min_size=len(NAMES), max_size=len(NAMES)))
    schema = schema_of(Type(kind), TableName("shop", "public", "t"))
    shape = build(schema, COLUMNAR)
    plan = plan_for(EventTable(schema, "postgresql", "p", shape), whole_old=False)
    plain = rowplan.RowPlan(EventTable(schema, "postgresql", "p"), whole_old=False)
    by_row = plan_for(EventTable(schema, "postgresql", "p", build(schema, ROWWISE)), whole_old=False)
    assert by_row.reader is None
    try:
        made = [plan.fragment(index, value) for index, value in enumerate(values)]
        expected = plan.row_json(made), plan.key_json(made)
    except TailraceError:
        expected = None
    else:
        again = [by_row.fragment(index, value) for index, value in enumerate(values)]
        assert (by_row.row_json(again), by_row.key_json(again)) == expected
        kept = [value for index, value in enumerate(values) if NAMES[index] != "gone"]
        assert orjson.loads(expected[0])["plain"] == (
            None if kept[2] is None else orjson.loads(plain.converters[3](kept[2]))
        )
    reader = plan.reader
    if reader is None:
        return
    message = pg.values(*values)
    end = reader.read(message, 0)
    line = b"\t".join(b"\\N" if value is None else copied(value) for value in values) + b"\n"
    assert parse_row(line) == values
    rows: list[Any] = []
    read = reader.read_lines([line], 0, rows)
    if expected is None:
        assert (end, read) == (-1, 0)
    elif end >= 0:
        assert (reader.row, reader.key, end) == (*expected, len(message))
        assert rows == [(expected[1], expected[0])]
    for cut in range(len(message)):
        assert reader.read(message[:cut], 0) == -1


def test_a_dropped_value_that_the_log_leaves_out_is_ordinary() -> None:
    schema = schema_of(Type(Kind.TEXT, "text"), TableName("shop", "public", "t"))
    plan = plan_for(EventTable(schema, "postgresql", "p", build(schema, COLUMNAR)), whole_old=False)
    if plan.reader is not None:
        message = pg.values(b"k", pg.UNCHANGED, b"m", b"p")
        assert plan.reader.read(message, 0) == len(message)


def filtered_plan(whole_old: bool, where: str = "v LIKE 'in%'", **rules: Any) -> rowplan.RowPlan:
    schema = pg.make_plan().table.schema
    shape = build(schema, Rules(where=parse_condition(where), **rules))
    return plan_for(EventTable(schema, "postgresql", "p", shape), whole_old)


def changes(relations: pg.FakeRelations, *payloads: bytes) -> list[Any]:
    identity = b"f" if relations.found and relations.found.whole_old else b"d"
    events = pg.decoded(relations, pg.relation(identity=identity), *payloads)
    return [(event["op"], event["before"], event["after"]) for event in events]


def test_postgres_updates_move_rows_into_a_filter_and_out_of_it() -> None:
    def update(old: bytes | None, new: bytes | None, key: bytes = b"1") -> list[Any]:
        relations = pg.FakeRelations(filtered_plan(whole_old=True))
        return changes(relations, pg.update(pg.values(key, new), b"O" + pg.values(b"1", old)))

    one, two = {"id": 1, "v": "in1"}, {"id": 1, "v": "in2"}
    assert update(b"in1", b"in2") == [("u", one, two)]
    assert update(b"out", b"in2") == [("c", None, two)]
    assert update(b"in1", None) == [("d", one, None)]
    assert update(b"out", None) == []
    assert update(b"in1", b"in2", b"5") == [("d", one, None), ("c", None, {"id": 5, "v": "in2"})]
    assert update(b"out", b"in2", b"5") == [("c", None, {"id": 5, "v": "in2"})]
    relations = pg.FakeRelations(filtered_plan(whole_old=True))
    gone = [pg.delete(b"O" + pg.values(b"1", value)) for value in (b"out", b"in1")]
    assert changes(relations, pg.insert(b"1", b"out"), pg.insert(b"1", b"in1"), *gone) == [
        ("c", None, one),
        ("d", one, None),
    ]


def test_the_last_event_that_passes_ends_the_transaction_and_ordinals_count_before_the_filter() -> None:
    relations = pg.FakeRelations(filtered_plan(whole_old=True))
    events = pg.decoded(
        relations, pg.relation(identity=b"f"), pg.insert(b"1", b"out"), pg.insert(b"2", b"in"), pg.insert(b"3", b"out")
    )
    assert [event["source"]["tx_end"] for event in events] == [True]
    assert int(events[0]["source"]["tailrace_seq"].rpartition("-")[2], 16) >> 2 == 2


def test_without_the_old_row_updates_outside_leave_as_deletes() -> None:
    relations = pg.FakeRelations(filtered_plan(whole_old=False))
    assert changes(relations, pg.update(pg.values(b"1", b"out")), pg.update(pg.values(b"1", b"in"))) == [
        ("d", {"id": 1}, None),
        ("u", None, {"id": 1, "v": "in"}),
    ]
    assert changes(relations, pg.delete(b"K" + pg.values(b"1", None))) == [("d", {"id": 1}, None)]


def test_a_filter_on_the_key_alone_needs_no_more_of_the_old_row() -> None:
    relations = pg.FakeRelations(filtered_plan(whole_old=False, where="id < 5"))
    assert changes(relations, pg.update(pg.values(b"9", b"x")), pg.delete(b"K" + pg.values(b"9", None))) == []
    moved = pg.update(pg.values(b"1", b"x"), b"K" + pg.values(b"9", None))
    assert changes(relations, moved) == [("c", None, {"id": 1, "v": "x"})]


def test_a_row_that_comes_into_the_filter_under_the_same_chosen_key_is_whole() -> None:
    text = Type(Kind.TEXT, "text")
    columns = [
        Column(number, name, text, number > 2, number if number < 3 else 0) for number, name in enumerate(NAMES, 1)
    ]
    schema = TableSchema(1, TableName("shop", "public", "t"), "p.public.t", tuple(columns))
    rules = Rules(key=("key",), where=parse_condition("gone = 'in'"))
    moved = pg.update(pg.values(b"k", b"in", pg.UNCHANGED, b"p"), b"K" + pg.values(b"k", b"out", None, None))
    row = {"key": "k", "gone": "in", "masked": "read", "plain": "p"}
    for present, expected in (
        ([b'"read"'], ("c", None, row)),
        (None, ("u", None, row | {"masked": UNCHANGED_PLACEHOLDER})),
    ):
        plan = plan_for(EventTable(schema, "postgresql", "p", build(schema, rules)), whole_old=False)
        relations = pg.FakeRelations(plan, present=present)
        assert changes(relations, moved) == [expected]
        assert relations.asked == [([b"k", b"in"], [2])]


def test_a_filter_that_needs_what_the_log_leaves_out_suspends_the_table() -> None:
    relations = pg.FakeRelations(filtered_plan(whole_old=False))
    assert changes(relations, pg.update(pg.values(b"1", pg.UNCHANGED)), pg.insert(b"2", b"in")) == []
    assert relations.lacked == ["the table's filter needs column v"]


def test_masked_values_that_the_log_leaves_out_keep_the_placeholder() -> None:
    schema = pg.make_plan().table.schema
    rules = Rules(masks={"v": Mask("hash")}, renamed={"v": "w"}, salt="salt")
    plan = plan_for(EventTable(schema, "postgresql", "p", build(schema, rules)), whole_old=False)
    (event,) = pg.decoded(pg.FakeRelations(plan), pg.relation(), pg.update(pg.values(b"1", pg.UNCHANGED)))
    assert event["after"] == {"id": 1, "w": UNCHANGED_PLACEHOLDER}
    assert event["source"]["unchanged"] == ["w"]


def test_dropped_values_that_the_log_leaves_out_are_not_asked_for() -> None:
    schema = schema_of(Type(Kind.TEXT, "text"), TableName("shop", "public", "t"))
    rules = Rules(drop=("gone",), where=parse_condition("plain <> 'test'"))
    plan = plan_for(EventTable(schema, "postgresql", "p", build(schema, rules)), whole_old=False)
    relations = pg.FakeRelations(plan, present=[b'"read"'])
    new = pg.values(b"k", pg.UNCHANGED, pg.UNCHANGED, b"p")
    (event,) = pg.decoded(relations, pg.relation(), pg.update(new))
    assert event["after"] == {"key": "k", "masked": "read", "plain": "p"}
    assert relations.asked == [([b"k"], [2])]


def test_a_chosen_key_must_be_in_the_logs_old_rows() -> None:
    schema = schema_of(Type(Kind.TEXT, "text"), TableName("shop", "public", "t"))
    shape = build(schema, Rules(key=("plain",)))
    assert "the key plain is not in the log's old rows" in key_not_logged(shape, "d")
    assert key_not_logged(shape, "f") == ""


def test_a_value_that_its_new_type_cannot_hold_is_refused_with_its_place() -> None:
    schema = pg.make_plan().table.schema
    plan = plan_for(EventTable(schema, "postgresql", "p", build(schema, Rules(types={"v": "integer"}))), False)
    with pytest.raises(TailraceError, match=r"log position 0/5000: a value of public\.t\.v cannot become integer"):
        pg.decoded(pg.FakeRelations(plan), pg.relation(), pg.insert(b"1", b"x"))
