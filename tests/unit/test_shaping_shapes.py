"""What rules make of a version of a table: its columns, its rows, its record, and what does not fit."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace.config.settings import bind
from tailrace.config.table_settings import TableSettings
from tailrace.connectors import Context
from tailrace.emitter import UNCHANGED_PLACEHOLDER, Emitter, EventTable
from tailrace.errors import ConfigError, ValueRefusedError
from tailrace.position import schema_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.shaping.building import ShapeError
from tailrace.shaping.findings import entry_findings, shape_findings
from tailrace.shaping.moves import carry_update
from tailrace.shaping.predicate import LackingValueError
from tailrace.shaping.shape import FIRST_ADDED, Shape
from tailrace.shaping.shapes import Shapes

INTEGER = Type(Kind.INTEGER, "integer", 32)
TEXT = Type(Kind.TEXT, "text")
NAME = TableName("shop", "public", "users")
SCHEMA = TableSchema(
    1,
    NAME,
    "p.public.users",
    (
        Column(1, "id", INTEGER, nullable=False, key=1),
        Column(2, "email", TEXT, nullable=False),
        Column(3, "phone", Type(Kind.TEXT, "character(14)", 14, fixed=True)),
        Column(4, "age", INTEGER, initial=18),
        Column(5, "secret", TEXT, initial="hush"),
        Column(6, "price", Type(Kind.DECIMAL, "numeric(10,2)", 10, 2)),
    ),
)
ROW = {"id": 7, "email": "a@x.org", "phone": "+49 123 4567  ", "age": 30, "secret": "s%c", "price": "12.50"}


def shapes(*entries: dict[str, Any]) -> Shapes:
    tables = tuple(TableSettings.model_validate(entry) for entry in entries)
    for index, table in enumerate(tables):
        bind(table, "shop.toml", ("tables", index))
    return Shapes(Context("p", "cdc", Path("/state"), tables=tables))


def shape(**keys: Any) -> Shape:
    found = shapes({"match": "public.*", **keys}).of(SCHEMA)
    assert found is not None
    return found


def fragments(**changes: Any) -> list[bytes | None]:
    return [orjson.dumps(value) for value in (ROW | changes).values()]


def row(made: Shape, **changes: Any) -> Any:
    return orjson.loads(made.row(fragments(**changes)))


def problems(**keys: Any) -> str:
    with pytest.raises(ShapeError) as caught:
        shape(**keys)
    return str(caught.value)


def test_a_table_without_an_entry_has_no_shape() -> None:
    assert shapes({"match": "crm.*", "case": "lower"}, {"match": "*", "inserts_only": True}).of(SCHEMA) is None


def test_each_key_comes_from_the_first_entry_that_has_it() -> None:
    made = shapes(
        {"match": "public.users", "columns": {"drop": ["secret"]}, "mask": {"phone": "digits"}},
        {"match": "*", "case": "upper", "mask": {"email": "null"}},
    ).of(SCHEMA)
    assert made is not None
    assert made.names == ["ID", "EMAIL", "PHONE", "AGE", "PRICE"]
    assert row(made)["EMAIL"] == "a@x.org"
    assert row(made)["PHONE"] == "+00 000 0000  "
    assert made.schema.target == "USERS"


def test_dropped_and_renamed_columns_keep_their_order_and_ids() -> None:
    made = shape(columns={"drop": ["phone", "secret"], "rename": {"email": "mail"}}, rename="old_{schema}_{table}")
    assert [(c.id, c.name, c.key) for c in made.schema.columns] == [
        (1, "id", 1),
        (2, "mail", 0),
        (4, "age", 0),
        (6, "price", 0),
    ]
    assert made.row(fragments()) == b'{"id":7,"mail":"a@x.org","age":30,"price":"12.50"}'
    assert made.key_of(fragments()) == b'{"id":7}'
    assert made.schema.target == "old_public_users"
    assert not made.rowwise
    assert made.wanted == {0, 1, 3, 5}


def test_names_may_be_exchanged() -> None:
    made = shape(columns={"rename": {"email": "phone", "phone": "email"}})
    assert row(made)["phone"] == "a@x.org"


@pytest.mark.parametrize(
    ("mask", "column", "expected"),
    [
        ("hash", "email", hashlib.sha256(b"salta@x.org").hexdigest()),
        ("hash", "price", hashlib.sha256(b"salt12.50").hexdigest()),
        ("hash", "age", hashlib.sha256(b"salt30").hexdigest()),
        ("partial:4", "email", "***.org"),
        ("partial:40", "email", "*******"),
        ("partial:4", "phone", "********4567  "),
        ("partial:0", "email", "*******"),
        ("digits", "phone", "+00 000 0000  "),
        ("null", "age", None),
    ],
)
def test_masks(mask: str, column: str, expected: Any) -> None:
    made = shape(mask={column: mask}, mask_salt="salt")
    assert row(made)[column] == expected
    assert row(made, **{column: None})[column] is None


def test_a_hash_is_a_text_of_64_characters_and_may_be_the_key() -> None:
    made = shape(mask={"email": "hash"}, mask_salt="salt", key=["email"])
    email = made.schema.by_name["email"]
    assert (email.type, email.key) == (Type(Kind.TEXT, "character varying(64)", 64), 1)
    assert made.schema.by_name["id"].key == 0
    assert made.key_of(fragments()) == b'{"email":"' + hashlib.sha256(b"salta@x.org").hexdigest().encode() + b'"}'
    assert shape(mask={"id": "hash"}, mask_salt="salt").hides_key
    assert not made.hides_key


def test_added_columns() -> None:
    made = shape(
        columns={
            "drop": ["secret", "age"],
            "add": {"tenant": "'ac%me'", "n": "12", "both": "email || ' ' || age", "next": "age * 2 + 1"},
        }
    )
    assert row(made)["tenant"] == "ac%me"
    assert (row(made)["n"], row(made)["both"], row(made)["next"]) == (12, "a@x.org 30", 61)
    assert (row(made, age=None)["both"], row(made, age=None)["next"]) == (None, None)
    assert [column.id for column in made.schema.columns[-4:]] == [FIRST_ADDED + n for n in range(4)]
    assert made.rowwise
    assert not shape(columns={"add": {"tenant": "'acme'"}}).rowwise
    assert shape(columns={"add": {"a": "COALESCE(secret, 'none')", "b": "upper(email)"}}).wanted == set(range(6))
    with pytest.raises(ValueRefusedError, match=r"public\.users\.next cannot be made"):
        row(shape(columns={"add": {"next": "age * 9223372036854775807"}}))


@pytest.mark.parametrize(
    ("column", "written", "value", "expected"),
    [
        ("age", "text", 30, "30"),
        ("age", "numeric(12,2)", 30, "30.00"),
        ("price", "numeric(12,3)", "-0.50", "-0.500"),
        ("price", "integer", "12.00", 12),
        ("email", "bigint", "-5", -5),
        ("email", "boolean", "T", True),
        ("email", "uuid", "A0000000-0000-0000-0000-000000000001", "a0000000-0000-0000-0000-000000000001"),
        ("email", "json", '{"a": 1}', '{"a": 1}'),
        ("email", "varchar(3)", "äöü", "äöü"),
    ],
)
def test_changed_types(column: str, written: str, value: Any, expected: Any) -> None:
    assert row(shape(columns={"type": {column: written}}), **{column: value})[column] == expected


@pytest.mark.parametrize(
    ("column", "written", "value"),
    [
        ("age", "smallint", 40000),
        ("price", "integer", "12.50"),
        ("price", "numeric(3,2)", "12.50"),
        ("price", "numeric(10,1)", "12.55"),
        ("email", "integer", "1e"),
        ("email", "varchar(3)", "four"),
        ("email", "boolean", "maybe"),
        ("email", "json", "{"),
        ("email", "uuid", "1"),
    ],
)
def test_values_that_a_changed_type_cannot_hold_are_refused_by_name(column: str, written: str, value: Any) -> None:
    with pytest.raises(ValueRefusedError, match=rf"a value of public\.users\.{column} cannot become") as caught:
        row(shape(columns={"type": {column: written}}), **{column: value})
    assert str(value) not in str(caught.value)


def test_a_document_of_mysqls_stays_a_text() -> None:
    mysql = replace(SCHEMA, name=TableName("shop", None, "users"))
    with pytest.raises(ShapeError, match=r"columns\.type: column email: a JSON column of MySQL's would write"):
        shapes({"match": "shop.*", "columns": {"type": {"email": "json"}}}).of(mysql)


def test_only_what_is_true_passes_the_filter() -> None:
    made = shape(where="age >= 18")
    assert made.passes(fragments(age=18))
    assert not made.passes(fragments(age=17))
    assert not made.passes(fragments(age=None))
    assert made.passed(None) is None
    lacking = fragments()
    lacking[3] = None
    assert made.passed(lacking) is None
    with pytest.raises(LackingValueError):
        made.passes(lacking)


def test_what_the_log_lacks_has_the_placeholder_and_is_listed_by_its_new_name() -> None:
    made = shape(
        columns={"drop": ["phone"], "rename": {"secret": "s"}, "add": {"copy": "secret", "both": "email || secret"}},
        mask={"price": "hash"},
        mask_salt="salt",
    )
    values = fragments()
    values[2] = values[4] = values[5] = None
    assert made.unchanged(values) == ("s", "price", "copy")
    with pytest.raises(LackingValueError):
        made.row(values)
    values[1] = None
    assert made.unchanged(values) == ("email", "s", "price", "copy", "both")
    found = orjson.loads(made.row(values))
    assert {name for name, value in found.items() if value == UNCHANGED_PLACEHOLDER} == set(made.unchanged(values))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"where": "agee > 1"}, "where: public.users has no column agee; did you mean 'age'?"),
        ({"mask": {"EMAIL": "null"}}, "mask: public.users has no column EMAIL; did you mean 'email'?"),
        ({"columns": {"drop": ["nothing"]}}, "columns.drop: public.users has no column nothing; it has: id, email"),
        ({"columns": {"drop": ["id"]}}, "columns.drop: id is part of the key"),
        ({"columns": {"drop": [c.name for c in SCHEMA.columns]}, "key": ["email"]}, "no column of the source is left"),
        ({"mask": {"id": "null"}}, "mask: id is part of the key; use hash"),
        ({"mask": {"age": "digits"}}, "the mask digits takes a text"),
        ({"mask": {"email": "hash"}}, "mask_salt: email is hashed without a salt"),
        ({"mask": {"email": "null"}, "columns": {"drop": ["email"]}}, "mask: email is dropped"),
        ({"mask": {"email": "null"}, "columns": {"type": {"email": "text"}}}, "columns.type: email is masked"),
        ({"mask": {"email": "null"}, "columns": {"add": {"x": "email || ''"}}}, "x uses email, which is masked"),
        ({"columns": {"rename": {"email": "Phone"}}}, "there would be Phone and phone"),
        ({"columns": {"add": {"Age": "1"}}}, "there would be age and Age"),
        ({"columns": {"rename": {"email": "x"}, "add": {"x": "1"}}}, "there would be two columns x"),
        ({"columns": {"add": {"x": "age || TRUE"}}}, "|| joins texts and numbers, not boolean"),
        ({"columns": {"add": {"x": "email + 1"}}}, "+ takes integers, not text"),
        ({"columns": {"add": {"x": "COALESCE(email, 1)"}}}, "values of one kind"),
        ({"columns": {"type": {"age": "float"}}}, "'float' is none of smallint"),
        ({"columns": {"type": {"age": "uuid"}}}, "a column of kind integer cannot become uuid"),
        ({"columns": {"type": {"email": "uuid"}}, "key": ["email"]}, "columns.type: email is part of the key"),
        ({"key": ["age"]}, "key: column age may be NULL"),
        ({"where": "email = 5"}, "where: column email: the column holds no numbers"),
    ],
)
def test_rules_that_do_not_fit_are_named(keys: dict[str, Any], expected: str) -> None:
    assert expected in problems(**keys)


def test_a_first_start_refuses_them_by_their_place_in_the_file() -> None:
    with pytest.raises(ConfigError) as caught:
        shapes({"match": "*", "case": "lower"}, {"match": "public.users", "mask": {"x": "null"}}).refuse_misfits(
            [SCHEMA]
        )
    assert str(caught.value).startswith("shop.toml: tables[1].mask: public.users: public.users has no column x")


def test_check_finds_them_and_entries_that_are_for_nothing() -> None:
    made = shapes({"match": "public.users", "where": "x = 1"}, {"match": "public.nobody", "case": "lower"})
    assert [(finding.ok, finding.detail) for finding in shape_findings(made, [SCHEMA])] == [
        (False, "public.users: where: public.users has no column x")
    ]
    (unused,) = entry_findings(made._context, [NAME])
    assert (unused.ok, unused.detail) == (None, 'match = "public.nobody" names no selected table')


# ---- records

RULES = {
    "match": "public.users",
    "rename": "people",
    "columns": {"drop": ["phone"], "add": {"tenant": "'acme'"}},
    "mask": {"secret": "hash"},
    "mask_salt": "salt",
}


def test_a_record_has_the_streams_columns_for_sinks_and_the_sources_for_us() -> None:
    made = shapes(RULES)
    emitter = Emitter(1, "r")
    emitter.record = made.record
    emitter.first_schema(SCHEMA)
    state = emitter.take().state
    record = state[schema_key(SCHEMA.topic, 1)]
    carried = TableSchema.from_json(record)
    assert [column.name for column in carried.columns] == ["id", "email", "age", "secret", "price", "tenant"]
    assert (carried.name, carried.target) == (NAME, "people")
    assert carried.by_name["secret"].initial == hashlib.sha256(b"salthush").hexdigest()
    assert b"hush" not in record
    (recalled,) = shapes(RULES).recalled(state, lambda _: True)
    assert [column.name for column in recalled.columns] == [column.name for column in SCHEMA.columns]
    again = shapes(RULES)
    assert again.record(recalled) == record


@pytest.mark.parametrize(
    "change",
    [{"rename": "persons"}, {"mask_salt": "pepper"}, {"mask": {"secret": "null"}}, {"where": "age > 1"}, None],
    ids=["rename", "salt", "mask", "filter", "no entry"],
)
def test_rules_that_were_changed_after_rows_left_are_refused(change: dict[str, Any] | None) -> None:
    state = {schema_key(SCHEMA.topic, 1): shapes(RULES).record(SCHEMA)}
    other = shapes() if change is None else shapes(RULES | change)
    with pytest.raises(ConfigError, match=r"what the file says of table public\.users is not what its rows"):
        other.recalled(state, lambda _: True)
    assert len(other.recalled(state, lambda _: False)) == 1


def test_a_table_that_had_no_rules_when_its_rows_left_cannot_get_some() -> None:
    with pytest.raises(ConfigError):
        shapes(RULES).recalled({schema_key(SCHEMA.topic, 1): SCHEMA.to_json()}, lambda _: True)


def test_a_hidden_column_that_is_renamed_is_not_uncovered_by_another_of_its_name() -> None:
    """Renamed, and another one added under its name, before any row told of it."""
    mail = replace(SCHEMA.by_name["secret"], name="mail")
    columns = [mail if column.id == mail.id else column for column in SCHEMA.columns]
    later = replace(SCHEMA, id=2, columns=(*columns, Column(9, "secret", TEXT)))
    made = shapes(RULES)
    made.of(SCHEMA)
    with pytest.raises(ShapeError, match=r"mask: public\.users has column secret under the name mail now"):
        made.of(later)
    again = shapes(RULES)
    again.recalled({schema_key(SCHEMA.topic, 1): shapes(RULES).record(SCHEMA)}, lambda _: True)
    with pytest.raises(ShapeError, match="under the name mail now"):
        again.of(later)


# ---- updates of filtered tables


@pytest.mark.parametrize(
    ("was", "now", "ops"),
    [
        (True, True, ["u"]),
        (False, True, ["c"]),
        (True, False, ["d"]),
        (False, False, []),
        (None, True, ["u"]),
        (None, False, ["d"]),
    ],
)
def test_updates_of_rows_that_come_and_go(was: bool | None, now: bool, ops: list[str]) -> None:
    emitter = Emitter(1, "r")
    emitter.begin("0" * 20, 1, b"")
    table = EventTable(SCHEMA, "postgresql", "p")
    emitter.insert(table, 1, b'{"id":1}', b"{}")
    carry_update(emitter, table, 2, was, now, b'{"id":7}', b'{"id":7}', b'{"a":1}', b'{"a":2}', (), b"")
    emitter.commit("r2", "1" * 20)
    (run,) = emitter.take().runs
    events = [orjson.loads(value) for value in run.values if value is not None][1:]
    assert [event["op"] for event in events] == ops
    assert len(run.values) - 1 == len(ops) + (ops == ["d"])
    for event in events:
        assert event["source"]["tx_end"] is True
        assert event["before"] == (None if event["op"] == "c" else {"a": 1})
        assert event["after"] == (None if event["op"] == "d" else {"a": 2})
