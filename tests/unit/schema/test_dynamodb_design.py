"""Key designs that are proposed for DynamoDB, with sizes, hot keys and costs."""

from __future__ import annotations

import re
import tomllib
from collections import Counter as Count
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Counter,
    Dialect,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Sequence,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.measuring import measure
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.statistics import Changes, ColumnStatistics, Statistics, TableStatistics
from tailrace.errors import ConfigError
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_dynamodb.keys import KeyDesign, KeyPart, load_keys
from tailrace_dynamodb.schema.target import DynamoDBSchemaTarget
from tailrace_dynamodb.settings import DynamoDBSinkSettings

BIGINT = Type(Kind.INTEGER, "bigint", 64)
TEXT = Type(Kind.TEXT, "varchar(100)", 100)
UUID = Type(Kind.UUID, "uuid")
DAY = Type(Kind.DATE, "date")


def named(name: str) -> ObjectName:
    return ObjectName("shop", name)


def column(name: str, type_: Type = BIGINT, nullable: bool = False, **more: Any) -> Column:
    return Column(name, type_, type_.name, nullable, **more)


def primary(*names: str) -> Index:
    return Index("PRIMARY", tuple(Part(name) for name in names), unique=True, primary=True)


CUSTOMERS = Table(
    named("customers"),
    (
        column("id", identity=Identity(Counter(next=9))),
        column("email", TEXT, collation="utf8mb4_general_ci"),
        column("code", UUID, nullable=True),
        column("vip", Type(Kind.BOOLEAN, "boolean"), default="false"),
        column("profile", Type(Kind.JSON, "json"), nullable=True),
    ),
    (
        primary("id"),
        Index("email", (Part("email"),), unique=True, constraint=True),
        Index("code", (Part("code"),), unique=True),
        Index("vips", (Part("vip"), Part("id"))),
        Index("words", (Part("profile"),), method="fulltext"),
    ),
    checks=(Check("mail", "email LIKE '%@%'"),),
    comment="people",
    rows=1000,
)
ORDERS = Table(
    named("orders"),
    (
        column("id", identity=Identity()),
        column("customer_id"),
        column("note", Type(Kind.TEXT, "varchar(3000)", 3000), nullable=True),
    ),
    (primary("id"), Index("customer", (Part("customer_id"),))),
    foreign_keys=(ForeignKey("fk_customer", ("customer_id",), named("customers"), ("id",), on_delete="CASCADE"),),
)
LINES = Table(
    named("lines"),
    (
        column("order_id"),
        column("number", Type(Kind.INTEGER, "int", 32)),
        column("price", Type(Kind.DECIMAL, "", 10, 2)),
    ),
    (primary("order_id", "number"),),
    foreign_keys=(ForeignKey("fk_order", ("order_id",), named("orders"), ("id",)),),
)
DAILY = Table(named("daily"), (column("day", DAY), column("shop"), column("hits")), (primary("day", "shop"),))
WIDE = Table(
    named("wide"),
    (column("a", TEXT), column("b", Type(Kind.INTEGER, "int unsigned", 32, unsigned=True)), column("c", TEXT)),
    (primary("a", "b", "c"),),
)
LOG = Table(named("log"), (column("line", TEXT),))
CATALOG = Catalog(
    Dialect.MYSQL,
    default_schema="shop",
    schemas=("shop",),
    tables=(CUSTOMERS, ORDERS, LINES, DAILY, WIDE, LOG),
    sequences=(Sequence(named("tickets")),),
    views=(View(named("recent"), "SELECT 1"),),
    routines=(Routine(named("f"), ObjectKind.FUNCTION, (), "int", "sql", "", "CREATE FUNCTION f() …"),),
    triggers=(Trigger(named("t"), named("orders"), "BEFORE", ("INSERT",), True, "CREATE TRIGGER t …"),),
    others=(Other(ObjectKind.EVENT, named("nightly"), "CREATE EVENT …"),),
)
STATISTICS = Statistics(
    {
        named("customers"): TableStatistics(1000.0, 200.0, {"email": ColumnStatistics(1000, 0, 25)}),
        named("orders"): TableStatistics(50_000.0, 80.0, {"note": ColumnStatistics(100, 0.5, 2001)}),
        named("lines"): TableStatistics(200_000.0, 40.0),
    }
)
RATES = {named("customers"): Changes(1.0, 2.0, 0.5), named("orders"): Changes(10.0)}


def convert(target: DynamoDBSchemaTarget, catalog: Catalog = CATALOG) -> Conversion:
    rules = load()
    return target.convert(catalog, rules, script_names(catalog, target, rules, ""), "kv")


@pytest.fixture
def target() -> DynamoDBSchemaTarget:
    made = DynamoDBSchemaTarget(None)
    made.measured(STATISTICS, RATES, "measured in 60 s")
    return made


def design_of(target: DynamoDBSchemaTarget) -> KeyDesign:
    return KeyDesign.model_validate(tomllib.loads(target.key_design()))


def test_every_object_has_a_verdict_and_what_is_left_to_a_person_an_item(target: DynamoDBSchemaTarget) -> None:
    conversion = convert(target)
    assert [(v.kind, v.name, v.member) for v in conversion.verdicts] == [entry[:3] for entry in CATALOG.count()]
    said = {(item.kind, item.name, item.member) for item in conversion.items}
    for verdict in conversion.verdicts:
        if verdict.grade is not Grade.AUTOMATIC:
            assert (verdict.kind, verdict.name, verdict.member) in said
    codes = Count(item.code for item in conversion.items)
    assert "not-converted" not in codes
    expected = ("no-key", "unique", "foreign-key", "check", "identity", "default", "collation", "index-kind", "index")
    assert {*expected, "cost", "trigger", "routine", "view", "sequence", "comment", "hot-key", "item-size"} <= set(
        codes
    )
    grades = {(v.kind, v.name.name, v.member): v.grade for v in conversion.verdicts}
    assert grades[ObjectKind.TABLE, "log", ""] is Grade.BY_HAND
    assert grades[ObjectKind.UNIQUE, "customers", "email"] is Grade.CHANGED
    assert grades[ObjectKind.FOREIGN_KEY, "orders", "fk_customer"] is Grade.CHANGED
    assert grades[ObjectKind.INDEX, "orders", "customer"] is Grade.AUTOMATIC
    assert grades[ObjectKind.INDEX, "customers", "vips"] is Grade.BY_HAND


def test_keys_and_indexes_come_from_keys_references_and_unique_columns(target: DynamoDBSchemaTarget) -> None:
    conversion = convert(target)
    tables = design_of(target).tables
    assert tables["shop.customers"].partition == KeyPart(columns=("id",))
    assert tables["shop.customers"].sort is None
    email, code = tables["shop.customers"].indexes
    # An empty text is no key of an index: the prefix makes it one.
    assert email.partition == KeyPart(columns=("email",), prefix="email", name="by_email_pk")
    assert code.partition == KeyPart(columns=("code",))
    (customer,) = tables["shop.orders"].indexes
    assert (customer.name, customer.partition, customer.sort) == (
        "by_customer_id",
        KeyPart(columns=("customer_id",)),
        KeyPart(columns=("id",)),
    )
    # Items of orders are beyond a KB on average: an index of whole items would be paid twice.
    assert (email.projection, customer.projection) == ("all", "keys")
    assert (tables["shop.lines"].partition, tables["shop.lines"].sort) == (
        KeyPart(columns=("order_id",)),
        KeyPart(columns=("number",)),
    )
    assert tables["shop.lines"].indexes == ()
    # All of a day would go to one partition.
    assert tables["shop.daily"].partition == KeyPart(columns=("day",))
    assert any(i.code == "hot-key" and i.name == named("daily") for i in conversion.items)
    assert tables["shop.wide"].sort == KeyPart(columns=("b", "c"), name="sk", digits=10)
    assert "shop.log" not in tables
    text = target.key_design()
    assert '# name = "by_vip_id"' in text
    assert "To fold shop.lines into shop.orders: each lines belongs to one orders (about 4.0 on average)" in text
    assert 'key = ["customer_id", "id"]' in text


def test_an_index_of_two_columns_is_asked_by_its_first_one_too(target: DynamoDBSchemaTarget) -> None:
    number = Index("number", (Part("shop"), Part("number")), unique=True)
    foreign = ForeignKey("fk_shop", ("shop",), named("shops"), ("id",))
    flag = Index("flag", (Part("vip"), Part("number")), unique=True)
    columns = (column("id"), column("shop"), column("number"), column("vip", Type(Kind.BOOLEAN, "boolean")))
    table = Table(named("bills"), columns, (primary("id"), number, flag), foreign_keys=(foreign,))
    conversion = convert(target, Catalog(Dialect.MYSQL, default_schema="shop", tables=(table,)))
    one, other = design_of(target).tables["shop.bills"].indexes
    assert (one.partition, one.sort) == (KeyPart(columns=("shop",)), KeyPart(columns=("number",)))
    # Two values would be two partitions.
    assert (other.partition.columns, other.sort) == (("vip", "number"), None)
    served = {verdict.member: verdict.target for verdict in conversion.verdicts}
    assert served["fk_shop"] == served["number"] == "by_shop_number"


def test_a_rule_for_a_type_is_told_to_have_no_effect(target: DynamoDBSchemaTarget, tmp_path: Path) -> None:
    house = tmp_path / "house.toml"
    house.write_text('[[types]]\ntable = "shop.lines"\ncolumn = "price"\nbecome = "numeric(20,4)"\n')
    rules = load([house])
    conversion = target.convert(CATALOG, rules, script_names(CATALOG, target, rules, ""), "kv")
    (item,) = [item for item in conversion.items if item.code == "type-rule"]
    assert (item.name, item.member) == (named("lines"), "price")
    assert "numeric(20,4)" in item.reason


def test_a_few_values_are_no_partition_key_where_another_column_has_many(target: DynamoDBSchemaTarget) -> None:
    table = Table(named("events"), (column("kind"), column("number")), (primary("kind", "number"),))
    columns = {"kind": ColumnStatistics(5), "number": ColumnStatistics(900_000)}
    target.measured(Statistics({named("events"): TableStatistics(1e6, 30.0, columns)}), {}, "")
    convert(target, Catalog(Dialect.MYSQL, default_schema="shop", tables=(table,)))
    found = design_of(target).tables["shop.events"]
    assert (found.partition, found.sort) == (KeyPart(columns=("number",)), KeyPart(columns=("kind",)))
    assert "it has only about 5 values" in target.key_design()


def test_writes_are_counted_in_units_and_paid_by_the_given_prices(target: DynamoDBSchemaTarget, tmp_path: Path) -> None:
    convert(target)
    text = target.key_design()
    # customers: an item and two entries for each of 3.5 rows a second, for the indexes hold whole items.
    assert "1 inserts, 2 updates, 0.5 deletes a second (measured in 60 s): 10.50 write units/s" in " ".join(
        text.replace("#", " ").split()
    )
    # orders: two KB an item, and an entry of keys alone.
    assert "10 inserts, 0 updates, 0 deletes a second (measured in 60 s): 30.00 write units/s" in " ".join(
        text.replace("#", " ").split()
    )
    file = tmp_path / "keys.toml"
    file.write_text(text)
    design = load_keys(file)
    assert design.prices.write_million == 0.625
    file.write_text(
        text.replace("write_million = 0.625", "write_million = 1000000")
        + '\n[rates."shop.orders"]\ninserts = 1\nreads = 100\n'
    )
    settings = {"name": "kv", "connector": "dynamodb", "region": "eu-west-1", "keys": str(file)}
    again = DynamoDBSchemaTarget(DynamoDBSinkSettings.model_validate(settings))
    again.measured(STATISTICS, RATES, "measured in 60 s")
    convert(again)
    told = " ".join(again.key_design().replace("#", " ").split())
    assert "1 inserts, 0 updates, 0 deletes a second (given): 3.00 write units/s; 7,884," in told
    assert "key: as this file had it" in told
    assert design_of(again).tables == design.tables


def test_a_person_s_design_is_what_the_tables_become(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(
        """
        [tables."shop.orders"]
        table = "sales"
        entity = "order"
        partition = { prefix = "order", columns = ["id"] }
        sort = { prefix = "order" }
        [tables."shop.lines"]
        table = "sales"
        entity = "line"
        partition = { prefix = "order", columns = ["order_id"] }
        sort = { prefix = "line", columns = ["number"], digits = 10 }
        """
    )
    settings = {"name": "kv", "connector": "dynamodb", "region": "eu-west-1", "keys": str(file), "prefix": "x-"}
    target = DynamoDBSchemaTarget(DynamoDBSinkSettings.model_validate(settings))
    conversion = convert(target)
    tables = {table.name.name: table for table in conversion.target.tables}
    assert tables["x-sales"].primary_key is not None
    assert tables["x-sales"].primary_key.columns == ("pk", "sk")
    # A table that is not in the file is made as the sink makes it, and the file has a proposal for it.
    assert [index.name for index in tables["x-customers"].indexes] == [""]
    assert [index.name for index in design_of(target).tables["shop.customers"].indexes] == ["by_email", "by_code"]
    verdicts = {(v.kind, v.name.name, v.member): v.target for v in conversion.verdicts}
    assert verdicts[ObjectKind.TABLE, "lines", ""] == "x-sales (line)"
    assert target.canonical(conversion.target) == target.canonical(target.canonical(conversion.target))
    file.write_text('[tables."shop.orders"]\npartition = "customer_id"\n')
    refused = convert(DynamoDBSchemaTarget(DynamoDBSinkSettings.model_validate(settings)))
    item = next(item for item in refused.items if item.code == "refused")
    assert "the key leaves out id, so that it is not unique" in item.reason


def test_changes_are_measured_by_the_source_or_by_the_running_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(
        [
            Statistics(
                {named("orders"): TableStatistics(changes=Changes(5, 5, 5)), named("uncounted"): TableStatistics()}
            ),
            Statistics(
                {named("orders"): TableStatistics(changes=Changes(9, 5, 6)), named("uncounted"): TableStatistics()}
            ),
        ]
    )
    events = iter([10, 14])

    def status(*_: object) -> dict[str, Any]:
        captured = {"capture": {"events": next(events)}}
        return {"tables": [{"name": "shop.uncounted", "state": "streaming", "workers": captured}]}

    class Source:
        def statistics(self, settings: object, context: object) -> Statistics:
            raise AssertionError

    class Pipeline:
        source = type("Settings", (), {"connector": "mysql"})
        state_dir, name = Path(), "shop"

        def made(self, create: object, settings: object) -> Statistics:
            return next(looks)

    clock = iter([100.0, 102.0])
    monkeypatch.setattr("tailrace.conversion.measuring.ask", status)
    monkeypatch.setattr("tailrace.connectors.find_source", lambda name: Source())
    monkeypatch.setattr("tailrace.conversion.measuring.time.sleep", lambda seconds: None)
    monkeypatch.setattr("tailrace.conversion.measuring.time.monotonic", lambda: next(clock))
    _, found, told = measure(Pipeline(), 2.0)  # type: ignore[arg-type]
    assert found == {named("orders"): Changes(2.0, 0.0, 0.5), named("uncounted"): Changes(updates=2.0)}
    assert told == "measured in 2 s"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[tables."shop.order"]\npartition = "id"',
            """tables."shop.order": the source has no such table; did you mean""",
        ),
        ('[rates."orders"]\ninserts = 1', "rates.orders: the source has no such table; did you mean 'shop.orders'?"),
        ('[tables."shop.orders"]\npartitoin = "id"', """.partitoin: unknown key; did you mean 'partition'?"""),
        ("[prices]\nwrite_million = -1", "write_million = 0.625, for example"),
    ],
)
def test_what_is_wrong_in_an_edited_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    settings = {"name": "kv", "connector": "dynamodb", "region": "x", "keys": str(path)}

    def edited() -> None:
        target = DynamoDBSchemaTarget(DynamoDBSinkSettings.model_validate(settings))
        rules = load()
        names = script_names(CATALOG, target, rules, "")
        target.convert(CATALOG, rules, replace(names, piped=True), "kv")

    with pytest.raises(ConfigError, match=re.escape(said)):
        edited()


def test_costs_that_are_not_known_are_not_given_as_nothing() -> None:
    bare = DynamoDBSchemaTarget(None)
    convert(bare, replace(CATALOG, tables=tuple(replace(table, rows=None) for table in CATALOG.tables)))
    head = bare.key_design().partition("\n[prices]")[0]
    assert "the load once: not known, nor are rows" in head
    assert "a month: storage 0.00 USD" in head
    assert "how much is written is not known of shop.customers" in " ".join(head.split())
