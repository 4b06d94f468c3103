"""Key designs that the DynamoDB sink obeys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace.errors import StuckError, ValueRefusedError
from tailrace.load_mark import END, LoadMark
from tailrace.schema import Kind
from tailrace.sink import TableWork, TargetTable
from tests.integration.dynamodb_sink.test_tables import next_version
from tests.servers import DynamoDB, wait_until
from tests.sinks import Applied, column, deletes, integer, rows, seq, target, text, upserts
from tests.sinks.dynamodb import MakeSink, item

CUSTOMERS = target("customers", [integer(1, "id", key=1), text(2, "name")])
ORDERS = target(
    "orders",
    [integer(1, "customer_id", key=1), integer(2, "id", key=2), text(3, "status"), text(4, "note")],
)
SHARED = """
[tables."shop.customers"]
table = "both"
entity = "customer"
partition = { prefix = "customer", columns = ["id"] }
sort = { prefix = "customer" }

[tables."shop.orders"]
table = "both"
entity = "order"
partition = { prefix = "customer", columns = ["customer_id"] }
sort = { prefix = "order", columns = ["id"], digits = 6 }
[[tables."shop.orders".indexes]]
name = "by_status"
partition = { columns = ["status", "note"], name = "gsi" }
sort = "id"
projection = "keys"
"""
INDEXED = """
[[tables."shop.orders".indexes]]
name = "by_status"
partition = "status"
projection = ["note"]
"""
TWO_INDEXES = (
    INDEXED
    + """
[[tables."shop.orders".indexes]]
name = "by_text"
partition = { columns = ["status", "note"], prefix = "s" }
projection = "keys"
[[tables."shop.orders".indexes]]
name = "by_id"
partition = "id"
projection = "keys"
"""
)


@pytest.fixture
def designed(make_sink: MakeSink, tmp_path: Path) -> Any:
    def make(text_: str, **settings: Any) -> Applied:
        file = tmp_path / "keys.toml"
        file.write_text(text_)
        return Applied(make_sink(keys=str(file), **settings))

    return make


def found(dynamodb: DynamoDB, table: str, index: str, value: str, attribute: str) -> list[Any]:
    def ready() -> bool:
        described = dynamodb.client().describe_table(TableName=table)["Table"]
        return {i["IndexName"]: i["IndexStatus"] for i in described["GlobalSecondaryIndexes"]}[index] == "ACTIVE"

    wait_until(ready, 30, f"{index} is made")
    answer = dynamodb.client().query(
        TableName=table,
        IndexName=index,
        KeyConditionExpression="#a = :v",
        ExpressionAttributeNames={"#a": attribute},
        ExpressionAttributeValues={":v": {"S": value}},
    )
    return answer["Items"]


def order(customer: int, number: int, status: str | None = "new", note: str | None = "n") -> dict[str, Any]:
    return {"customer_id": customer, "id": number, "status": status, "note": note}


def test_two_tables_in_one_stay_apart_in_all_that_is_done_to_one(
    designed: Any, dynamodb: DynamoDB, prefix: str
) -> None:
    applied: Applied = designed(SHARED)
    applied.ensure(CUSTOMERS)
    applied.ensure(ORDERS)
    people = [{"id": number, "name": f"c{number}"} for number in range(30)]
    orders = [order(number % 10, number) for number in range(40)]
    for table, data in ((CUSTOMERS, people), (ORDERS, orders)):  # a first load, in batches
        applied(TableWork(table, upserts=rows(data), inserts_only=True))
    assert applied.rows(CUSTOMERS) == sorted(people, key=lambda row: repr(row["id"]))
    assert len(applied.rows(ORDERS)) == 40
    page = dynamodb.client().query(
        TableName=prefix + "both",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "customer|3"}},
    )["Items"]
    assert [one["sk"]["S"] for one in page] == [
        "customer",
        "order|000003",
        "order|000013",
        "order|000023",
        "order|000033",
    ]

    # A changed key is a delete and a create; a late write of the former changes nothing.
    for _ in range(2):
        applied(TableWork(ORDERS, deletes=rows([{"customer_id": 3, "id": 13}], 5), upserts=rows([order(4, 13)], 6)))
        applied(upserts(ORDERS, order(3, 13, "late"), number=4))
    assert [row["customer_id"] for row in applied.rows(ORDERS) if row["id"] == 13] == [4]
    marker = item(dynamodb, prefix + "both", pk={"S": "customer|3"}, sk={"S": "order|000013"})
    assert marker is not None
    assert (marker["_tailrace_deleted"], marker["_tailrace_entity"]) == ({"BOOL": True}, {"S": "order"})

    applied(
        TableWork(
            ORDERS, updates=rows([{"customer_id": 3, "id": 3, "note": "changed"}, {"customer_id": 3, "id": 999}], 7)
        )
    )
    assert [row["note"] for row in applied.rows(ORDERS) if row["id"] == 3] == ["changed"]
    assert len(applied.rows(ORDERS)) == 40

    # What was parked comes late, and finds its row by the same key.
    applied(TableWork(ORDERS, upserts=rows([order(3, 3, "late", "late")], 6), late=True))
    assert [row["note"] for row in applied.rows(ORDERS) if row["id"] == 3] == ["late"]
    applied(upserts(ORDERS, order(3, 3), number=8))

    # A load that removes what it does not bring, of one table.
    applied(TableWork(ORDERS, upserts=rows([order(1, 1)], 11)))
    applied.sink.remove_others(ORDERS, LoadMark(END, load=1, since=seq(10), resync=True, rows=1), None)
    assert applied.rows(ORDERS) == [order(1, 1)]
    applied(TableWork(ORDERS, truncate=True, truncate_seq=seq(20)))
    assert applied.rows(ORDERS) == []
    assert len(applied.rows(CUSTOMERS)) == 30
    applied.sink.drop(CUSTOMERS)
    assert len(applied.rows(CUSTOMERS)) == 0
    applied(upserts(ORDERS, order(1, 1, "again"), number=21))
    applied.ensure(CUSTOMERS)
    applied(TableWork(CUSTOMERS, upserts=rows(people), inserts_only=True))
    assert (len(applied.rows(CUSTOMERS)), len(applied.rows(ORDERS))) == (30, 1)


def test_columns_of_a_shared_table_change_in_their_own_items_alone(designed: Any) -> None:
    applied: Applied = designed(SHARED)
    applied.ensure(CUSTOMERS)
    applied.ensure(ORDERS)
    applied(upserts(CUSTOMERS, {"id": 1, "name": "x"}), upserts(ORDERS, order(1, 1)))
    renamed = next_version(CUSTOMERS, 2, integer(1, "id", key=1), text(2, "note"), integer(3, "n", initial=5))
    applied.ensure(renamed, CUSTOMERS)
    assert applied.rows(renamed) == [{"id": 1, "note": "x", "n": 5}]
    assert applied.rows(ORDERS) == [order(1, 1)]


def test_indexes_are_made_with_the_table_and_follow_its_rows(designed: Any, dynamodb: DynamoDB, prefix: str) -> None:
    applied: Applied = designed(SHARED)
    applied.ensure(ORDERS)
    applied(upserts(ORDERS, order(1, 1), order(1, 2, None)))

    def listed(value: str) -> list[str]:
        items = found(dynamodb, prefix + "both", "by_status", value, "gsi")
        return [one["id"]["N"] for one in items]

    assert listed("new|n") == ["1"]
    # What the log did not carry is taken from the item, unless something newer has written it.
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 1, "status": "paid"}], 2)))
    assert (listed("new|n"), listed("paid|n")) == ([], ["1"])
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 1, "status": "older"}], 1)))
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 2, "status": "paid"}], 2)))
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 3, "status": "paid"}], 2)))
    assert listed("paid|n") == ["1", "2"]
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 2, "note": None}], 3)))
    assert listed("paid|n") == ["1"]
    assert applied.rows(ORDERS) == [order(1, 1, "paid"), order(1, 2, "paid", None)]
    applied(deletes(ORDERS, {"customer_id": 1, "id": 1}, number=4))
    assert listed("paid|n") == []
    # Another stream's rows, and those of another program, are completed in the same way.
    dynamodb.client().put_item(
        TableName=prefix + "both",
        Item={
            "pk": {"S": "customer|1"},
            "sk": {"S": "order|000005"},
            "_tailrace_entity": {"S": "order"},
            "customer_id": {"N": "1"},
            "id": {"N": "5"},
            "note": {"S": "theirs"},
        },
    )
    applied(TableWork(ORDERS, updates=rows([{"customer_id": 1, "id": 5, "status": "ours"}], 5)))
    assert listed("ours|theirs") == ["5"]


def test_indexes_that_come_later_find_the_rows_that_are_there(designed: Any, dynamodb: DynamoDB, prefix: str) -> None:
    applied: Applied = designed(INDEXED)
    applied.ensure(ORDERS)
    applied(upserts(ORDERS, *(order(1, number) for number in range(30))))
    applied(deletes(ORDERS, {"customer_id": 1, "id": 29}, number=2))
    applied.sink.close()
    applied = designed(TWO_INDEXES)
    applied.ensure(ORDERS)
    items = found(dynamodb, prefix + "orders", "by_text", "s|new|n", "by_text_pk")
    assert len(items) == 29
    assert all(row["status"] == "new" for row in applied.rows(ORDERS))
    # A column that rows get by a change of the table stands in the texts too.
    described = dynamodb.client().describe_table(TableName=prefix + "orders")["Table"]
    names = {index["IndexName"] for index in described["GlobalSecondaryIndexes"]}
    assert names == {"by_status", "by_text", "by_id"}
    applied.sink.close()
    other: Applied = designed(INDEXED.replace('"status"', '"note"').replace('["note"]', '"all"'))
    with pytest.raises(StuckError, match=r"index by_status is there with another key or projection than .*keys\.toml"):
        other.sink.ensure(ORDERS, None)


def test_a_column_that_rows_get_later_stands_in_the_texts_of_indexes(
    designed: Any, dynamodb: DynamoDB, prefix: str
) -> None:
    applied: Applied = designed("")
    applied.ensure(ORDERS)
    applied(upserts(ORDERS, order(1, 1)))
    applied.sink.close()
    grown = next_version(ORDERS, 2, *ORDERS.columns, text(9, "kind", initial="retail"))
    design = '[[tables."shop.orders".indexes]]\nname = "by_kind"\npartition = { columns = ["kind", "status"] }\n'
    applied = designed(design)
    with pytest.raises(StuckError, match="kind is no column of the table"):
        applied.sink.ensure(ORDERS, None)
    applied.ensure(grown, ORDERS)
    assert len(found(dynamodb, prefix + "orders", "by_kind", "retail|new", "by_kind_pk")) == 1


def test_what_a_design_cannot_do_is_refused_by_name(designed: Any, dynamodb: DynamoDB, prefix: str) -> None:
    applied: Applied = designed("")
    applied.ensure(ORDERS)
    applied.sink.close()
    applied = designed('[tables."shop.orders"]\npartition = "id"\nsort = "customer_id"\n')
    with pytest.raises(StuckError, match=r"the table's key is customer_id \(N\), id \(N\), and .*keys\.toml says id"):
        applied.sink.ensure(ORDERS, None)
    (finding,) = [finding for finding in applied.sink.check() if finding.name == "key design"]
    assert finding.ok is False
    assert "orders is customer_id, id" in finding.detail
    assert "says id, customer_id" in finding.detail
    applied.sink.close()
    applied = designed('[tables."shop.orders"]\npartition = "id"\n')
    with pytest.raises(StuckError, match="leaves out customer_id, so that it is not unique"):
        applied.sink.ensure(ORDERS, None)
    applied.sink.close()
    applied = designed('[tables."shop.orders"]\ntable = "customers"\n')
    applied.ensure(CUSTOMERS)
    with pytest.raises(StuckError, match="rows of several tables would go to the DynamoDB table"):
        applied.sink.ensure(replaced(ORDERS), None)
    applied.sink.close()
    # An index's key has one type, and is never empty, in all items of a table.
    index = '[[tables."shop.orders".indexes]]\nname = "by_x"\npartition = "COLUMN"\n'
    for name, said in (
        ("status", "column status of shop.customers would be key of an index of shop.orders"),
        ("id", ""),
    ):
        applied = designed(SHARED.replace("both", f"shared_{name}") + index.replace("COLUMN", name))
        applied.ensure(ORDERS)
        other = target("customers", [integer(1, "id", key=1), text(2, "status")])
        if said:
            with pytest.raises(StuckError, match=said):
                applied.sink.ensure(other, None)
        else:
            applied.ensure(other)
        applied.sink.close()
    applied = designed(SHARED.replace("both", "apart"))
    applied.ensure(ORDERS)
    renamed = next_version(
        ORDERS, 2, integer(1, "buyer", key=1), integer(2, "id", key=2), text(3, "status"), text(4, "note")
    )
    with pytest.raises(StuckError, match="customer_id is no column of the table"):
        applied.sink.ensure(renamed, ORDERS)
    applied.sink.close()
    applied = designed(SHARED.replace("both", "apart").replace("customer_id", "buyer"))
    applied.ensure(renamed, ORDERS)  # the text of the key is the same
    with pytest.raises(ValueRefusedError, match="more than the 6 digits"):
        applied(upserts(renamed, {"buyer": 1, "id": 10**6, "status": "", "note": ""}))
    typed = next_version(
        renamed,
        3,
        integer(1, "buyer", key=1),
        column(2, "id", Kind.DECIMAL, key=2, size=30, scale=2),
        text(3, "status"),
        text(4, "note"),
    )
    with pytest.raises(StuckError, match="digits"):
        applied.sink.ensure(typed, renamed)


def replaced(table: TargetTable) -> TargetTable:
    return target("orders", [integer(1, "id", key=1), *table.columns[2:]])
