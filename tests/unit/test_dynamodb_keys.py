"""Key designs of the DynamoDB sink, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.errors import ConfigError, StuckError, ValueRefusedError
from tailrace.schema import Kind
from tailrace_dynamodb.attributes import ItemForm
from tailrace_dynamodb.keys import KeyDesign, TableDesign, load_keys
from tests.sinks import column, integer, target, text
from tests.unit.test_dynamodb_items import split

ORDERS = target(
    "orders",
    [
        integer(1, "customer_id", key=1),
        integer(2, "id", key=2),
        text(3, "status"),
        column(4, "paid", Kind.BOOLEAN),
        text(5, "email"),
    ],
)
ROW = {"customer_id": 7, "id": 12, "status": "new", "paid": True, "email": "a|b\\c"}


def form(**design: Any) -> ItemForm:
    return ItemForm(ORDERS, TableDesign.model_validate(design), "keys.toml")


def test_key_attributes_of_one_column_are_its_own_and_others_are_texts() -> None:
    assert form(partition="customer_id", sort=["id"]).key_of(ROW) == {"customer_id": {"N": "7"}, "id": {"N": "12"}}
    swapped = form(partition=["id"], sort={"columns": ["customer_id"]})
    assert swapped.key == (("id", "N"), ("customer_id", "N"))
    shared = form(
        partition={"prefix": "customer", "columns": ["customer_id"]},
        sort={"prefix": "order", "columns": ["id"], "digits": 5},
        entity="order",
    )
    assert shared.key_of(ROW) == {"pk": {"S": "customer|7"}, "sk": {"S": "order|00012"}}
    item = shared.item(ROW)
    assert item["_tailrace_entity"] == {"S": "order"}
    assert (item["customer_id"], item["id"]) == ({"N": "7"}, {"N": "12"})
    assert shared.values(item) == ROW
    with pytest.raises(ValueRefusedError, match="more than the 5 digits"):
        shared.key_of({**ROW, "id": 100_000})
    with pytest.raises(ValueRefusedError, match="negative"):
        shared.key_of({**ROW, "id": -1})
    with pytest.raises(ValueRefusedError, match="NULL in the key"):
        shared.key_of({**ROW, "id": None})


@given(st.text(max_size=20, min_size=1), st.lists(st.text(max_size=20), min_size=2, max_size=2))
def test_a_text_with_a_prefix_can_be_taken_apart(prefix: str, parts: list[str]) -> None:
    table = target("t", [text(1, "a", key=1), text(2, "b", key=2)])
    joined = ItemForm(table, TableDesign.model_validate({"partition": {"prefix": prefix, "columns": ["a", "b"]}}))
    assert split(joined.key_of(dict(zip("ab", parts, strict=True)))["pk"]["S"]) == [prefix, *parts]


def test_texts_of_indexes_are_there_where_none_of_their_columns_is_null() -> None:
    found = form(
        indexes=[
            {"name": "by_status", "partition": {"name": "gsi", "columns": ["status", "id"]}, "projection": "keys"},
            {"name": "by_email", "partition": "email", "sort": "id", "projection": ["status"]},
            {"name": "by_order", "partition": "id", "sort": "customer_id", "projection": "keys"},
        ]
    )
    assert found.item(ROW)["gsi"] == {"S": "new|12"}
    assert "gsi" not in found.item({**ROW, "status": None})
    assert found.made_from(["status"]) == [("gsi", ("status", "id"))]
    assert found.made_from(["paid"]) == []
    status, email, order = found.indexes
    assert (status.key, status.projection) == ((("gsi", "S"),), {"ProjectionType": "KEYS_ONLY"})
    assert email.key == (("email", "S"), ("id", "N"))
    assert email.projection == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}
    # Markers of deleted rows are in an index of key attributes alone: it shows what they are.
    assert order.projection == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["_tailrace_deleted"]}
    with pytest.raises(ValueRefusedError, match="empty value"):
        found.item({**ROW, "email": ""})
    with pytest.raises(ValueRefusedError, match="a key of 2049 bytes"):
        found.item({**ROW, "email": "x" * 2049})


def test_an_item_whose_texts_contradict_its_columns_equals_no_row() -> None:
    found = form(
        partition={"prefix": "c", "columns": ["customer_id"]},
        sort={"columns": ["id"], "name": "sk"},
        indexes=[{"name": "by_status", "partition": {"columns": ["status"], "prefix": "s"}}],
    )
    item = found.item(ROW)
    assert found.values(item) == ROW
    assert found.values({**item, "pk": {"S": "c|8"}}) != ROW
    assert found.values({**item, "by_status_pk": {"S": "s|old"}}) != ROW
    del item["by_status_pk"]
    assert found.values(item) != ROW


@pytest.mark.parametrize(
    ("design", "said"),
    [
        ({"partition": "id"}, r"leaves out customer_id, so that it is not unique: .* \(customer_id, id\)"),
        ({"partition": "id", "sort": "customer"}, "customer is no column of the table"),
        (
            {"partition": ["status", "customer_id", "id"]},
            r'status is not part of the stream\'s key.*"shop\.orders" with key = \["status", "customer_id", "id"\]',
        ),
        ({"partition": {"columns": ["customer_id", "id"], "name": "email"}}, "email is a column of the table"),
        ({"partition": {"columns": ["customer_id", "id"], "name": "_tailrace_seq"}}, "a name that tailrace uses"),
        ({"indexes": [{"name": "by_paid", "partition": "paid"}]}, "paid is a boolean, which is no key of an index"),
        (
            {"indexes": [{"name": "by_x", "partition": {"columns": ["status"], "digits": 3}}]},
            "by_x_pk holds no integer",
        ),
        ({"indexes": [{"name": "by_x", "partition": "status", "projection": ["gone"]}]}, "gone is no column"),
        ({"indexes": [{"name": f"by_{n}", "partition": "status"} for n in range(21)]}, "21 indexes"),
    ],
)
def test_designs_that_do_not_fit_the_table_are_named(design: dict[str, Any], said: str) -> None:
    with pytest.raises(StuckError, match=said):
        form(**design)


def shared(**changed: Any) -> dict[str, Any]:
    customer = {
        "table": "shop",
        "entity": "customer",
        "partition": {"prefix": "customer", "columns": ["id"]},
        "sort": {"prefix": "customer"},
    }
    order = {
        "table": "shop",
        "entity": "order",
        "partition": {"prefix": "customer", "columns": ["customer_id"]},
        "sort": {"prefix": "order", "columns": ["id"]},
        **changed,
    }
    return {"tables": {"shop.customers": customer, "shop.orders": order}}


def test_tables_that_share_one_are_told_apart_by_prefix_and_entity() -> None:
    assert KeyDesign.model_validate(shared()).tables["shop.orders"].entity == "order"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"entity": "customer"}, "give each an entity of its own"),
        ({"entity": ""}, "give each an entity of its own"),
        ({"sort": {"prefix": "customer", "columns": ["id"]}}, "could have one key"),
        ({"sort": {"columns": ["id"], "name": "sk"}}, "could have one key"),
        ({"sort": "id"}, "other key attributes"),
        ({"sort": None}, "other key attributes"),
    ]
    for changed, said in refused:
        with pytest.raises(ValueError, match=said):
            KeyDesign.model_validate(shared(**changed))
    alone = KeyDesign.model_validate(shared(table="", entity=""))
    assert alone.tables["shop.orders"].table == ""


def test_a_file_is_refused_with_the_place_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    for content, said in [
        ('[tables."shop.orders"]\nsort = ["id"]', r'tables\."shop\.orders"\.partition: has no partition key'),
        ('[tables."shop.orders"]\npartition = {}', "neither columns nor a prefix"),
        ('[tables."shop.orders"]\npartion = "id"', "unknown key"),
        ("[tables", "not valid TOML"),
        ('[[tables."a.b".indexes]]\nname = "x_y"\npartition = { name = "pk" }', "the key has no attribute pk"),
        ("[prices]\nwrite_million = -1", "prices.write_million"),
    ]:
        file.write_text(content)
        with pytest.raises(ConfigError, match=said):
            load_keys(file)
    with pytest.raises(ConfigError, match="there is no such file"):
        load_keys(tmp_path / "missing.toml")
    file.write_text('[prices]\nwrite_million = 1\n[tables."shop.orders"]\npartition = "id"\n')
    design = load_keys(file)
    assert design.path == str(file)
    assert design.prices.write_million == 1
    assert design.tables["shop.orders"].partition is not None
