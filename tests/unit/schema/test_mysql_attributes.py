"""What MySQL and MariaDB say of tables beside their columns: it is kept, made equal, or named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tailrace.conversion.catalog import (
    Catalog,
    Column,
    Dialect,
    ObjectKind,
    ObjectName,
    Partition,
    Partitioning,
    Table,
    View,
)
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tests.unit.schema.catalogs import catalog, column, index, key, table
from tests.unit.schema.targets import Target

MYSQL, MARIADB, POSTGRES = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL
RULES = load()
CHANGED, AUTOMATIC, BY_HAND = Grade.CHANGED, Grade.AUTOMATIC, Grade.BY_HAND


def converted(source: Catalog, dialect: Dialect, piped: bool = True) -> Conversion:
    target = Target(dialect)
    names = script_names(source, target, RULES, "goal")
    return convert(source, target, RULES, replace(names, piped=piped), "goal")


def said(conversion: Conversion, kind: ObjectKind | None = None) -> set[tuple[str, str, Grade]]:
    return {(i.member, i.code, i.grade) for i in conversion.items if kind is None or i.kind is kind}


def odd(name: str, kind: Kind, sql_type: str, size: int = 0, scale: int = 0) -> Column:
    return Column(name, Type(kind, sql_type, size, scale, "unsigned" in sql_type), sql_type)


@pytest.mark.parametrize("target", [MYSQL, MARIADB, POSTGRES])
@pytest.mark.parametrize(
    ("engine", "grade"),
    [
        ("MyISAM", AUTOMATIC),
        ("Aria", AUTOMATIC),
        ("MEMORY", CHANGED),
        ("BLACKHOLE", CHANGED),
        ("ARCHIVE", CHANGED),
        ("MRG_MyISAM", CHANGED),
        ("FEDERATED", CHANGED),
    ],
)
def test_an_engine_that_is_not_innodb_is_named(engine: str, grade: Grade, target: Dialect) -> None:
    given = table("t", column("id", "int", nullable=False), indexes=(key("id"),), options={"engine": engine})
    assert ("", "engine", grade) in said(converted(catalog(MYSQL, given), target), ObjectKind.TABLE)


def test_how_a_table_is_stored_is_named_once_and_encryption_by_itself() -> None:
    options = {
        "engine": "InnoDB",
        "charset": "utf8mb4",
        "row_format": "COMPRESSED",
        "key_block_size": "8",
        "encryption": "Y",
        "stats_persistent": "1",
    }
    given = table("t", column("id", "int", nullable=False), indexes=(key("id"),), options=options)
    made = converted(catalog(MYSQL, given), MYSQL)
    assert said(made) == {("", "storage", AUTOMATIC), ("", "encryption", CHANGED)}
    (storage,) = (item for item in made.items if item.code == "storage")
    assert storage.reason.startswith("ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8 ENCRYPTION=Y STATS_PERSISTENT=1: ")
    # Without a pipeline the table is InnoDB's as at the source, with all of it.
    assert not said(converted(catalog(MYSQL, given), MYSQL, piped=False))
    plain = replace(given, options={"engine": "InnoDB", "row_format": "DYNAMIC", "encryption": "N"})
    assert not said(converted(catalog(MYSQL, plain), MYSQL))


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        (odd("c", Kind.INTEGER, "int(5) unsigned zerofill", 32), {"zerofill"}),
        (odd("c", Kind.FLOAT, "float(7,2)", 32), {"float-digits"}),
        (odd("c", Kind.FLOAT, "double(10,2)", 64), {"float-digits"}),
        (odd("c", Kind.FLOAT, "float unsigned", 32), {"unsigned-range"}),
        (odd("c", Kind.DECIMAL, "decimal(10,2) unsigned", 10, 2), {"unsigned-range"}),
        (odd("c", Kind.DECIMAL, "decimal(8,2) unsigned zerofill", 8, 2), {"zerofill", "unsigned-range"}),
        (odd("c", Kind.BYTES, "point srid 4326"), {"spatial", "srid"}),
        (odd("c", Kind.BYTES, "vector(4)", 16), {"vector"}),
        (odd("c", Kind.INTEGER, "int", 32), set()),
        (odd("c", Kind.FLOAT, "float", 32), set()),
    ],
)
def test_what_a_column_s_type_says_besides_is_named_between_servers_of_one_system(
    given: Column, codes: set[str]
) -> None:
    whole = table("t", column("id", "int", nullable=False), given, indexes=(key("id"),))
    made = converted(catalog(MYSQL, whole), MYSQL)
    assert {(code, grade) for _, code, grade in said(made)} == {(code, CHANGED) for code in codes}


def test_attributes_of_columns_indexes_and_partitions_are_named_where_they_are_not_kept() -> None:
    given = table(
        "t",
        column("id", "int", nullable=False),
        column("name", "varchar(20)"),
        indexes=(key("id"), index("by_name", "name")),
        options={"column name": "COLUMN_FORMAT FIXED", "index by_name": "KEY_BLOCK_SIZE=4"},
        partitioning=Partitioning(
            "key", ("`id`",), count=2, definition="PARTITION BY LINEAR KEY ALGORITHM = 1 (`id`)\nPARTITIONS 2"
        ),
    )
    kept = converted(catalog(MYSQL, given), MYSQL)
    assert ("name", "storage", AUTOMATIC) in said(kept, ObjectKind.COLUMN)
    assert not said(kept, ObjectKind.INDEX)
    assert said(kept, ObjectKind.PARTITION) == {("", "partition-options", AUTOMATIC)}
    (item,) = (item for item in kept.items if item.code == "partition-options")
    assert item.reason.startswith("LINEAR, ALGORITHM = 1: ")
    other = converted(catalog(MYSQL, given), MARIADB)
    assert said(other, ObjectKind.INDEX) == {("by_name", "storage", AUTOMATIC)}


# ---- MariaDB's own


def booked(*indexes: Index) -> Table:
    return table(
        "booked",
        column("id", "int", MARIADB, nullable=False),
        column("a", "date", MARIADB, nullable=False),
        column("b", "date", MARIADB, nullable=False),
        indexes=(key("id"), *indexes),
        options={"period stay": "(`a`, `b`)"},
    )


def test_a_period_of_application_time_is_kept_in_mariadb_and_a_check_elsewhere() -> None:
    kept = converted(catalog(MARIADB, booked()), MARIADB)
    assert kept.target.tables[0].options == {"period stay": "(`a`, `b`)"}
    assert not said(kept)
    for dialect, expression in ((MYSQL, "`a` < `b`"), (POSTGRES, '"a" < "b"')):
        made = converted(catalog(MARIADB, booked()), dialect)
        (check,) = made.target.tables[0].checks
        assert (check.name, check.expression) == ("booked_stay", expression)
        assert ("", "application-period", CHANGED) in said(made, ObjectKind.TABLE)


def test_a_period_whose_column_a_pipeline_drops_is_named() -> None:
    source = catalog(MARIADB, booked())
    names = script_names(source, Target(MARIADB), RULES, "goal")
    (name,) = names.columns
    columns = {"id": "id", "a": "a"}
    dropped = replace(names, piped=True, columns={name: columns}, altered={name: {"b": "b is dropped"}})
    made = convert(source, Target(MARIADB), RULES, dropped, "goal")
    assert not made.target.tables[0].options
    assert not made.target.tables[0].checks
    assert ("", "application-period", CHANGED) in said(made, ObjectKind.TABLE)


def test_a_key_without_overlaps_is_kept_where_no_pipeline_writes_and_else_one_of_the_same_period() -> None:
    stays = Index("stays", (Part("id"), Part("", "`stay` WITHOUT OVERLAPS")), unique=True)
    alone = converted(catalog(MARIADB, booked(stays)), MARIADB, piped=False)
    assert alone.target.tables[0].indexes[1].parts == stays.parts
    for dialect in (MARIADB, MYSQL, POSTGRES):
        made = converted(catalog(MARIADB, booked(stays)), dialect)
        assert said(made, ObjectKind.INDEX) == {("stays", "application-period", CHANGED)}
        # As the pipeline makes it by itself.
        assert made.target.tables[0].indexes[1].columns == ("id", "b", "a")


def test_what_reads_the_history_of_rows_is_a_person_s_where_there_is_none() -> None:
    kept = table(
        "kept",
        column("id", "int", MARIADB, nullable=False),
        indexes=(key("id"),),
        options={"system versioning": "yes"},
        partitioning=Partitioning("system_time", (), definition="PARTITION BY SYSTEM_TIME"),
    )
    reads = View(ObjectName("shop", "old"), "select `kept`.`id` AS `id` from `kept` FOR SYSTEM_TIME ALL")
    source = catalog(MARIADB, kept, views=(reads,))
    made = converted(source, MARIADB)
    assert ("", "system-versioning", BY_HAND) in said(made, ObjectKind.VIEW)
    assert ("", "partitions", BY_HAND) in said(made, ObjectKind.PARTITION)
    assert ("", "system-versioning", CHANGED) in said(made, ObjectKind.TABLE)
    alone = converted(source, MARIADB, piped=False)
    assert not said(alone)
    assert alone.target.tables[0].partitioning == kept.partitioning


def test_a_generated_column_that_takes_no_null_has_a_check_in_mariadb() -> None:
    twice = replace(column("twice", "int"), generated="`id` * 2", nullable=False)
    given = table("t", column("id", "int", nullable=False), twice, indexes=(key("id"),))
    made = converted(catalog(MYSQL, given), MARIADB)
    (check,) = made.target.tables[0].checks
    assert (check.name, check.expression) == ("t_twice_not_null", "`twice` IS NOT NULL")
    assert ("twice", "generated-not-null", AUTOMATIC) in said(made)
    assert not converted(catalog(MYSQL, given), MYSQL).target.tables[0].checks


def test_a_default_partition_of_mariadb_s_is_not_given_to_mysql() -> None:
    parts = (Partition("one", members=(("1",),)), Partition("rest", default=True))
    given = table(
        "t",
        column("id", "int", MARIADB, nullable=False),
        indexes=(key("id"),),
        partitioning=Partitioning("list", ("`id`",), parts),
    )
    assert ("", "partitions", BY_HAND) in said(converted(catalog(MARIADB, given), MYSQL), ObjectKind.PARTITION)
    assert not said(converted(catalog(MARIADB, given), MARIADB), ObjectKind.PARTITION)


def test_a_view_that_takes_any_row_of_a_group_is_told_where_mysql_refuses_to_read_it() -> None:
    given = table("t", column("id", "int", MARIADB, nullable=False), column("n", "int", MARIADB), indexes=(key("id"),))
    query = "select `t`.`n` AS `n`,`t`.`id` AS `id` from `t` group by `t`.`n`"
    loose = View(ObjectName("shop", "loose"), query)
    decided = View(ObjectName("shop", "decided"), query.replace("group by `t`.`n`", "group by `t`.`id`"))
    made = converted(catalog(MARIADB, given, views=(loose, decided)), MYSQL)
    assert {(i.name.name, i.code) for i in made.items if i.kind is ObjectKind.VIEW} == {("loose", "group-by")}


def test_what_only_one_system_takes_of_a_column_s_expression_is_not_given_to_postgresql() -> None:
    first = replace(column("first", "varchar(20)"), generated="concat(`name`,'!')")
    second = replace(column("second", "varchar(20)"), generated="concat(`first`,'!')")
    given = table(
        "t",
        column("id", "int", nullable=False),
        column("name", "varchar(20)"),
        column("next", "int", default="`id` + 1"),
        column("word", "varchar(20)", default="'name'"),
        first,
        second,
        indexes=(key("id"),),
    )
    made = converted(catalog(MYSQL, given), POSTGRES)
    columns = {one.name: one for one in made.target.tables[0].columns}
    assert columns["first"].generated
    assert not columns["second"].generated
    assert (columns["next"].default, columns["word"].default) == ("", "'name'")
    assert {("second", "generated-as-plain", CHANGED), ("next", "default", BY_HAND)} <= said(made)
    for dialect in (MYSQL, MARIADB):
        kept = {one.name: one for one in converted(catalog(MYSQL, given), dialect).target.tables[0].columns}
        assert kept["next"].default
        assert kept["second"].generated


def test_a_text_of_ascii_is_of_a_character_set_that_the_sink_takes() -> None:
    text = replace(column("t", "varchar(20)"), collation="ascii_general_ci", charset="ascii")
    given = table("t", column("id", "int", nullable=False), text, indexes=(key("id"),))
    for dialect in (MYSQL, MARIADB):
        made = converted(catalog(MYSQL, given), dialect).target.tables[0].column("t")
        assert made is not None
        assert (made.charset, made.collation) == ("utf8mb4", "utf8mb4_general_ci")


def test_indexes_of_one_system_alone_are_kept_in_it() -> None:
    tags = Index("tags", (Part("", "cast(`tags` as unsigned array)"),))
    documents = table(
        "t", column("id", "int", nullable=False), column("tags", "json"), column("g", "text"), indexes=(key("id"), tags)
    )
    assert converted(catalog(MYSQL, documents), MYSQL).target.tables[0].indexes[1].parts == tags.parts
    assert ("tags", "unknown-function", BY_HAND) in said(converted(catalog(MYSQL, documents), MARIADB))
    whole = Index("whole", (Part("g"),), unique=True, method="hash", constraint=True)
    texts = table("t", column("id", "int", MARIADB), column("g", "text", MARIADB), indexes=(whole,))
    (made,) = converted(catalog(MARIADB, texts), MARIADB).target.tables[0].indexes
    assert (made.method, made.unique, made.parts) == ("hash", True, whole.parts)
    assert ("whole", "key-length", BY_HAND) in said(converted(catalog(MARIADB, texts), MYSQL))


def test_a_full_text_index_with_a_parser_of_mysql_s_is_one_of_words_in_mariadb() -> None:
    grams = Index("grams", (Part("body"),), method="fulltext")
    given = table(
        "t",
        column("id", "int", nullable=False),
        column("body", "text"),
        indexes=(key("id"), grams),
        options={"index grams": "WITH PARSER `ngram`"},
    )
    made = converted(catalog(MYSQL, given), MARIADB)
    assert said(made, ObjectKind.INDEX) == {("grams", "fulltext", CHANGED)}
    assert made.target.tables[0].indexes[1].method == "fulltext"


def test_fractions_of_a_second_that_mariadb_cuts_and_others_round_are_told() -> None:
    given = table("t", column("id", "int", nullable=False), column("at", "datetime"), indexes=(key("id"),))
    for source, target in ((MYSQL, MARIADB), (MARIADB, MYSQL), (MARIADB, POSTGRES)):
        assert ("", "fraction-cut", AUTOMATIC) in said(converted(catalog(source, given), target))
    for source, target in ((MYSQL, MYSQL), (MARIADB, MARIADB), (MYSQL, POSTGRES)):
        assert "fraction-cut" not in {code for _, code, _ in said(converted(catalog(source, given), target))}


# ---- SQL Server's


def test_the_bounds_of_a_temporal_table_of_sql_server_s_have_defaults_so_that_inserts_go_on() -> None:
    script = (
        "CREATE TABLE dbo.Kept (Id int NOT NULL PRIMARY KEY,\n"
        " F datetime2(7) GENERATED ALWAYS AS ROW START NOT NULL,\n"
        " T datetime2(7) GENERATED ALWAYS AS ROW END HIDDEN"
        " CONSTRAINT DF_T DEFAULT CONVERT(datetime2, '9999-12-31 23:59:59.9999999') NOT NULL,\n"
        " PERIOD FOR SYSTEM_TIME (F, T)) WITH (SYSTEM_VERSIONING = ON);\nGO\n"
    )
    made = converted(read(script, Dialect.TSQL, "kept.sql"), POSTGRES, piped=False)
    first, last = made.target.tables[0].columns[1:]
    assert (first.nullable, first.default) == (False, "timezone('UTC', statement_timestamp())")
    assert (last.nullable, last.default) == (False, "'9999-12-31 23:59:59.999999'")
    others = {item.member for item in made.items if item.kind is ObjectKind.OTHER and item.grade is BY_HAND}
    assert others == {"F", "T", "PERIOD", "SYSTEM_VERSIONING"}
