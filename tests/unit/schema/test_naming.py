"""Names in a target: by a pipeline's file, and by a script alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tailrace.config import Pipeline, parse
from tailrace.conversion.catalog import Catalog, Dialect, Enum, ObjectKind, ObjectName, Table, View
from tailrace.conversion.convert import convert
from tailrace.conversion.names import Names
from tailrace.conversion.naming import pipeline_names, script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import Rules, load
from tests.unit.schema.catalogs import catalog, column, index, key, table
from tests.unit.schema.targets import Target

pytestmark = pytest.mark.usefixtures("simple_sql")


def pipeline(text: str = "", sink: str = "postgres", source: str = "") -> Pipeline:
    urls = {"postgres": "postgresql://t@h/t", "mysql": "mysql://t@h/t", "sqlite": "sqlite:////t.db"}
    return parse(
        f'name = "shop"\n[source]\nconnector = "mysql"\nurl = "mysql://s@h/shop"\n{source}\n'
        f'[[sinks]]\nname = "goal"\nconnector = "{sink}"\nurl = "{urls[sink]}"\n{text}',
        "shop.toml",
    )


def shop(*more: Table, **said: Any) -> Catalog:
    users = table(
        "users",
        column("id", "int", nullable=False),
        column("email", "varchar(20)", default="'x'"),
        column("note", "text"),
        column("old", "int", default="3"),
        indexes=(key("id"), index("by_email", "email", unique=True), index("by_old", "old")),
    )
    return catalog(Dialect.MYSQL, users, *more, **said)


def named(
    source: Catalog, file: Pipeline, dialect: Dialect = Dialect.POSTGRESQL, rules: Rules | None = None
) -> tuple[Names, Conversion]:
    target = Target(dialect)
    schema = "goal" if dialect is not Dialect.SQLITE else ""
    names = pipeline_names(source, file, file.sinks[0], target, schema, rules or Rules())
    return names, convert(source, target, rules or Rules(), names, "goal")


def test_a_pipeline_names_tables_and_columns_as_its_sink_does() -> None:
    file = pipeline(
        '[[tables]]\nmatch = "shop.users"\nrename = "people"\n'
        'columns = { rename = { email = "mail" }, drop = ["old"], add = { tenant = "\'acme\'" } }\n'
    )
    _, made = named(shop(), file)
    people = made.target.tables[0]
    assert people.name == ObjectName("goal", "people")
    assert [c.name for c in people.columns] == ["id", "mail", "note", "tenant"]
    assert {i.name: i.columns for i in people.indexes} == {"people_pkey": ("id",), "people_by_email": ("mail",)}
    by_object = {(v.kind, v.member): (v.grade, v.target) for v in made.verdicts}
    assert by_object[ObjectKind.COLUMN, "email"] == (Grade.AUTOMATIC, "mail")
    assert by_object[ObjectKind.COLUMN, "old"] == (Grade.AUTOMATIC, "")
    assert by_object[ObjectKind.INDEX, "by_old"][0] is Grade.BY_HAND


@pytest.mark.parametrize(
    ("partitions", "in_order"), [("", True), ("partitions = 1\n", True), ("partitions = 3\n", False)]
)
def test_a_topic_of_several_partitions_has_no_order_of_a_tables_changes(partitions: str, in_order: bool) -> None:
    kafka = f'[stream]\nconnector = "kafka"\n{partitions}[stream.kafka]\n"bootstrap.servers" = "localhost:9092"\n'
    names, _ = named(shop(), pipeline(kafka))
    assert names.in_order is in_order


def test_what_the_transformations_change_has_neither_default_nor_index_of_the_source_s() -> None:
    file = pipeline(
        '[[tables]]\nmatch = "shop.users"\nmask = { email = "partial:3" }\ncolumns = { type = { old = "text" } }\n'
    )
    names, made = named(shop(), file)
    users = made.target.tables[0]
    assert set(names.altered[ObjectName("shop", "users")]) == {"email", "old"}
    assert [(c.name, c.sql_type, c.default) for c in users.columns if c.name in ("email", "old")] == [
        ("email", "character varying(20)", ""),
        ("old", "text", ""),
    ]
    assert [i.name for i in users.indexes] == ["users_pkey"]


@pytest.mark.parametrize(
    ("sink", "dialect", "default"), [("postgres", Dialect.POSTGRESQL, "TRUE"), ("mysql", Dialect.MYSQL, "1")]
)
def test_a_number_s_default_becomes_that_of_a_truth_value(sink: str, dialect: Dialect, default: str) -> None:
    file = pipeline('[[tables]]\nmatch = "*"\ncolumns.type = { active = "boolean", odd = "boolean" }\n', sink)
    flags = (column("active", "int", default="1"), column("odd", "int", default="2"))
    source = catalog(Dialect.MYSQL, table("flags", column("id", "int", nullable=False), *flags, indexes=(key("id"),)))
    _, made = named(source, file, dialect)
    assert [one.default for one in made.target.tables[0].columns] == ["", default, ""]
    assert [item.member for item in made.items if item.code == "altered"] == ["odd"]


def test_tables_that_are_not_selected_are_named_and_nothing_is_left_to_do() -> None:
    source = shop(
        table("tmp", column("id", "int"), schema="other"),
        table("logs", column("id", "int")),
        schemas=("shop", "other"),
        views=(View(ObjectName("other", "seen"), "SELECT 1"),),
    )
    file = pipeline('tables = ["shop.users"]\n', source='exclude = ["shop.l*x"]')
    _, made = named(source, file)
    gone = {str(v.name): v for v in made.verdicts if v.kind in (ObjectKind.TABLE, ObjectKind.VIEW) and not v.target}
    assert set(gone) == {"other.tmp", "shop.logs", "other.seen"}
    assert {v.grade for v in gone.values()} == {Grade.AUTOMATIC}
    said = {str(i.name): i.reason for i in made.items if i.code == "not-selected" and i.kind is ObjectKind.TABLE}
    assert said == {
        "other.tmp": "the pipeline's source does not select it",
        "shop.logs": "the tables of sink goal do not name it",
    }


def test_a_table_that_the_sink_would_refuse_is_a_person_s() -> None:
    long = table("t" * 64, column("id", "int"))
    twice = table("users", column("id", "int"), schema="shop2")
    file = pipeline(source='tables = ["shop.*", "shop2.*"]')
    _, made = named(shop(long, twice), file)
    codes = {str(i.name): i.code for i in made.items if i.kind is ObjectKind.TABLE and i.grade is Grade.BY_HAND}
    assert codes == {f"shop.{'t' * 64}": "name-too-long", "shop2.users": "name-collision"}
    assert [str(t.name) for t in made.target.tables] == ["goal.users"]


def test_a_column_named_as_one_of_the_system_s_is_told() -> None:
    """PostgreSQL refuses a table with such a column."""
    source = catalog(Dialect.MYSQL, table("odd", column("id", "int"), column("xmin", "int")))
    _, made = named(source, pipeline())
    assert ("name-collision", Grade.BY_HAND) in [(i.code, i.grade) for i in made.items]
    assert made.target.tables == ()
    names = script_names(source, Target(Dialect.POSTGRESQL), Rules(), "public")
    assert list(names.columns[source.tables[0].name].values()) == ["id", "xmin_2"]
    assert [item.code for item in names.items] == ["name-collision"]


def test_a_rule_s_name_that_a_sink_does_not_take_is_said_with_the_lines_that_do_it(tmp_path: Path) -> None:
    house = tmp_path / "house.toml"
    house.write_text(
        '[[names]]\ntable = "shop.users"\nbecome = "crm.people"\n[[names]]\ntable = "shop.users"\ncolumn = "email"\n'
        'become = "mail"\n[[names]]\ntable = "shop.seen"\nbecome = "met"\n'
    )
    rules, source = load([house]), shop(views=(View(ObjectName("shop", "seen"), "SELECT 1"),))
    names, made = named(source, pipeline(), rules=rules)
    assert [str(table.name) for table in made.target.tables] == ["goal.users"]
    assert names.objects[ObjectName("shop", "seen")] == ObjectName("goal", "met")
    [said] = [item for item in made.items if item.code == "name-rule"]
    assert said.reason.startswith("the rules name schema crm, people, mail, which is not done")
    assert said.proposal == (
        'in the pipeline file: [[tables]] match = "shop.users" rename = "people" '
        'columns.rename = { "email" = "mail" }, and `schema` of the sink'
    )
    done = '[[tables]]\nmatch = "shop.users"\nrename = "people"\ncolumns.rename = { email = "mail" }\n'
    _, made = named(source, pipeline(done), rules=rules)
    [said] = [item for item in made.items if item.code == "name-rule"]
    assert said.proposal == "in the pipeline file: `schema` of the sink"


def test_a_key_that_the_file_chooses_is_the_target_s() -> None:
    wide = table(
        "wide",
        column("id", "int", nullable=False),
        column("code", "varchar(20)", nullable=False),
        indexes=(key("id"),),
    )
    _, made = named(catalog(Dialect.MYSQL, wide), pipeline('[[tables]]\nmatch = "*"\nkey = ["code"]\n'))
    indexes = [(i.name, i.columns, i.primary, i.unique) for i in made.target.tables[0].indexes]
    assert indexes == [("wide_pkey", ("code",), True, True), ("wide_primary", ("id",), False, True)]


def test_a_script_s_names_are_written_as_in_the_target_and_told_apart() -> None:
    source = Catalog(
        Dialect.ORACLE,
        default_schema="HR",
        schemas=("HR", "OE"),
        tables=(
            table("EMPLOYEES", column("ID", "int"), column("Id", "int"), schema="HR"),
            table("Employees", column("ID", "int"), schema="OE"),
            table("X" * 80, column("ID", "int"), schema="OE"),
        ),
        enums=(Enum(ObjectName("HR", "MOOD"), ("a",)),),
    )
    names = script_names(source, Target(Dialect.POSTGRESQL), Rules(), "public")
    assert names.objects[ObjectName("HR", "EMPLOYEES")] == ObjectName("public", "employees")
    assert names.objects[ObjectName("OE", "Employees")] == ObjectName("oe", "Employees")
    assert len(names.objects[ObjectName("OE", "X" * 80)].name.encode()) == 63

    joined = script_names(source, Target(Dialect.SQLITE), Rules(), "")
    assert len({str(name).casefold() for name in joined.objects.values()}) == len(joined.objects)
    # "Id" was written in quotes; "ID" is id.
    assert len({name.casefold() for name in joined.columns[ObjectName("HR", "EMPLOYEES")].values()}) == 2
    assert {item.code for item in joined.items} == {"name-collision"}
