"""From a schema to DynamoDB tables by a key design, and a pipeline that fills them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tailrace.cli.main import main
from tailrace.config import load
from tailrace.verify import verify
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile
from tests.servers import Database, DynamoDB, unique_name

FOLDED = """
[tables."{schema}.customers"]
table = "shop"
entity = "customer"
partition = {{ prefix = "customer", columns = ["id"] }}
sort = {{ prefix = "customer" }}
[[tables."{schema}.customers".indexes]]
name = "by_email"
partition = {{ prefix = "email", columns = ["email"] }}
projection = "keys"

[tables."{schema}.orders"]
table = "shop"
entity = "order"
partition = {{ prefix = "customer", columns = ["customer_id"] }}
sort = {{ prefix = "order", columns = ["id"], digits = 10 }}
"""


def create(database: Database) -> None:
    database.script(
        "CREATE TABLE customers (id int PRIMARY KEY, email varchar(100) NOT NULL UNIQUE, vip boolean DEFAULT false)",
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, note varchar(100),"
        " CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers (id) ON DELETE CASCADE)",
        "CREATE TABLE lines_of (order_id int NOT NULL, number int NOT NULL, price decimal(10,2),"
        " PRIMARY KEY (order_id, number))",
        # A delete has to say whose order it was.
        "ALTER TABLE orders REPLICA IDENTITY FULL",
        "INSERT INTO customers (id, email) VALUES (1, 'a@x'), (2, ''), (3, 'c|x')",
        f"INSERT INTO orders VALUES {', '.join(f'({n}, {n % 3 + 1}, NULL)' for n in range(1, 31))}",
        f"INSERT INTO lines_of VALUES {', '.join(f'({n % 30 + 1}, {n}, {n}.50)' for n in range(60))}",
    )


def test_a_design_is_proposed_edited_made_and_obeyed(
    postgres18: Any, dynamodb: DynamoDB, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgres18.database("src") as database:
        create(database)
        schema = "public"
        prefix = unique_name("d").lower() + "-"
        sink = (
            f'[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "{dynamodb.endpoint}"\n'
            f'region = "eu-west-1"\nprefix = "{prefix}"\n'
        )
        source = text.source(database.url)
        name = unique_name("k").lower()
        first = PipelineFile(tmp_path, text.pipeline(tmp_path, source, sink, name=name))
        keys = tmp_path / "keys.toml"
        out = str(tmp_path / "tables.sh")
        file = str(first.path)
        assert main(["schema", file, "--keys", str(keys), "--out", out, "--rate-seconds", "0.2"]) == 0
        design = tomllib.loads(keys.read_text())
        assert design["tables"][f"{schema}.lines_of"] == {"partition": "order_id", "sort": "number"}
        (index,) = design["tables"][f"{schema}.orders"]["indexes"]
        assert index["partition"] == "customer_id"
        assert f"To fold {schema}.orders into {schema}.customers" in keys.read_text()
        assert main(["schema", file, "--apply"]) == 2
        assert "the sink has no key design" in capsys.readouterr().err

        keys.write_text(FOLDED.format(schema=schema))
        tables = f'[[tables]]\nmatch = "{schema}.orders"\nkey = ["customer_id", "id"]\n'
        obeyed = PipelineFile(
            tmp_path, text.pipeline(tmp_path, source, tables, sink + 'keys = "keys.toml"\n', name=name)
        )
        assert main(["schema", file, "--apply"]) == 0
        assert main(["schema", file, "--diff"]) == 0
        caught_up = obeyed.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr[-3000:]
        database.script(
            "UPDATE orders SET customer_id = 2 WHERE id IN (3, 6)",  # their items move
            "UPDATE orders SET note = 'n' WHERE id < 10",
            "UPDATE customers SET email = 'new' WHERE id = 1",
            "DELETE FROM orders WHERE id = 30",
            "INSERT INTO orders VALUES (31, 3, 'x')",
            "TRUNCATE TABLE lines_of",
            "INSERT INTO lines_of VALUES (1, 1, 7.00)",
        )
        caught_up = obeyed.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr[-3000:]
        verified = verify(load(obeyed.path))
        assert verified.equal, verified.to_dict()
        assert {table.table: table.target_rows for table in verified.tables} == {
            f"{schema}.customers": 3,
            f"{schema}.orders": 30,
            f"{schema}.lines_of": 1,
        }
        found = query(dynamodb, prefix + "shop", {":p": {"S": "customer|2"}}, "pk = :p")
        assert [one["sk"]["S"] for one in found[:3]] == ["customer", "order|0000000001", "order|0000000003"]
        by_email = query(dynamodb, prefix + "shop", {":e": {"S": "email|"}}, "by_email_pk = :e", IndexName="by_email")
        assert [one["pk"]["S"] for one in by_email] == ["customer|2"]
        damaged = dynamodb.client()
        damaged.update_item(
            TableName=prefix + "shop",
            Key={"pk": {"S": "customer|3"}, "sk": {"S": "customer"}},
            UpdateExpression="SET by_email_pk = :x",
            ExpressionAttributeValues={":x": {"S": "email|wrong"}},
        )
        assert sum(table.different for table in verify(load(obeyed.path), pause=0.1).tables) == 1
        assert main(["teardown", file, "--yes"]) == 0
        for table in ("shop", "lines_of"):
            damaged.delete_table(TableName=prefix + table)


def query(dynamodb: DynamoDB, table: str, values: dict[str, Any], condition: str, **more: Any) -> list[dict[str, Any]]:
    answer = dynamodb.client().query(
        TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **more
    )
    return [item for item in answer["Items"] if "_tailrace_deleted" not in item]
