"""What two systems do otherwise, seen where applications' schemas were given the same statements on both."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Catalog, Dialect, Domain, ForeignKey, Identity, ObjectName
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.literals import parsed
from tailrace.structure import Index, Part
from tests.unit.schema.catalogs import POSTGRES_TYPES, catalog, column, index, key, table
from tests.unit.schema.targets import Target


def converted(source: Catalog, dialect: Dialect) -> Conversion:
    target = Target(dialect)
    return convert(source, target, Rules(), script_names(source, target, Rules(), "goal"), "sink")


def codes(conversion: Conversion) -> dict[str, Grade]:
    return {item.code: item.grade for item in conversion.items}


@pytest.mark.parametrize(
    ("sql_type", "base", "arguments"),
    [
        ("INT", "int", ()),
        ("bigint unsigned", "bigint unsigned", ()),
        ("int(10) unsigned", "int unsigned", (10,)),
        ("timestamp(3) with time zone", "timestamp with time zone", (3,)),
        ("double precision", "double precision", ()),
        ("integer[]", "integer", ()),
    ],
)
def test_a_type_is_taken_apart(sql_type: str, base: str, arguments: tuple[int, ...]) -> None:
    assert parsed(sql_type)[:2] == (base, arguments)


def test_a_counted_column_is_counted_in_the_target_and_what_null_does_is_told() -> None:
    source = catalog(
        Dialect.MYSQL, table("t", column("id", "int", nullable=False, identity=Identity()), indexes=(key("id"),))
    )
    conversion = converted(source, Dialect.POSTGRESQL)
    assert conversion.target.tables[0].columns[0].identity is not None
    assert codes(conversion)["identity-null"] is Grade.AUTOMATIC
    assert "identity" not in codes(conversion)


@pytest.mark.parametrize(
    ("collation", "unique", "code", "grade"),
    [
        ("utf8mb3_bin", True, "collation-blanks", Grade.CHANGED),
        ("latin1_general_cs", False, "blanks-compare", Grade.AUTOMATIC),
        ("utf8mb4_0900_as_cs", True, "", None),
    ],
)
def test_blanks_at_the_end_are_told_where_the_source_does_not_see_them(
    collation: str, unique: bool, code: str, grade: Grade | None
) -> None:
    columns = column("id", "int", nullable=False), column("name", "varchar(20)", collation=collation)
    indexes = key("id"), index("names", "name", unique=unique)
    found = codes(converted(catalog(Dialect.MYSQL, table("t", *columns, indexes=indexes)), Dialect.POSTGRESQL))
    assert {name: found[name] for name in ("collation-blanks", "blanks-compare") if name in found} == (
        {code: grade} if code else {}
    )


@pytest.mark.parametrize(
    ("nullable", "unique", "first"), [(True, False, "f"), (False, False, "ab"), (True, True, "ab")]
)
def test_mysql_gets_an_index_by_which_it_looks_at_a_foreign_key_in_every_row(
    nullable: bool, unique: bool, first: str
) -> None:
    pg = Dialect.POSTGRESQL
    child = table(
        "child",
        column("id", "integer", pg, nullable=False),
        column("a", "integer", pg),
        column("b", "integer", pg, nullable=nullable),
        schema="public",
        indexes=(key("id"), Index("ab", (Part("a"), Part("b")), unique=unique)),
        foreign_keys=(ForeignKey("f", ("a",), ObjectName("public", "parent"), ("id",)),),
    )
    parent = table("parent", column("id", "integer", pg, nullable=False), schema="public", indexes=(key("id"),))
    conversion = converted(catalog(pg, parent, child), Dialect.MYSQL)
    made = next(table for table in conversion.target.tables if table.name.name == "child")
    assert next(each.name for each in made.indexes if not each.primary) == first
    assert ("foreign-key-unseen" in codes(conversion)) == (nullable and unique)


def test_a_domain_that_takes_no_null_makes_a_column_of_a_script_not_null() -> None:
    pg = Dialect.POSTGRESQL
    short = Domain(ObjectName("public", "short"), POSTGRES_TYPES["text"], "text", nullable=False)
    columns = column("id", "integer", pg, nullable=False), column("s", "text", pg, user_type=short.name)
    source = catalog(pg, table("t", *columns, schema="public", indexes=(key("id"),)), domains=(short,))
    assert not converted(source, Dialect.MYSQL).target.tables[0].columns[1].nullable
