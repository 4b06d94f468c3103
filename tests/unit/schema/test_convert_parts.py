"""What columns, indexes, keys and partitions become in each target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Counter,
    Dialect,
    Domain,
    Enum,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Partition,
    Partitioning,
    Sequence,
    Table,
)
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import Rules
from tailrace.conversion.tables.literals import with_kept_texts
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tests.unit.schema.catalogs import POSTGRES_TYPES, catalog, column, index, key, table
from tests.unit.schema.targets import Target

pytestmark = pytest.mark.usefixtures("simple_sql")

MYSQL, MARIADB, POSTGRES, SQLITE = Dialect.MYSQL, Dialect.MARIADB, Dialect.POSTGRESQL, Dialect.SQLITE


def converted(source: Catalog, dialect: Dialect, piped: bool = False) -> Conversion:
    target = Target(dialect)
    names = script_names(source, target, Rules(), "" if dialect is SQLITE else "goal")
    return convert(source, target, Rules(), replace(names, piped=piped), "goal")


def from_postgres(*tables: Table, **said: Any) -> Catalog:
    return catalog(POSTGRES, *tables, **said)


def pg(name: str, sql_type: str, **said: Any) -> Any:
    return column(name, sql_type, POSTGRES, **said)


def codes(conversion: Conversion, kind: ObjectKind | None = None) -> dict[str, Grade]:
    return {item.code: item.grade for item in conversion.items if kind is None or item.kind is kind}


# ---- names


def test_no_check_has_the_name_of_a_key_or_of_a_not_null() -> None:
    source = catalog(
        MYSQL,
        table(
            "t",
            column("id", "int", nullable=False),
            column("a", "int"),
            indexes=(key("id"), index("k", "a", unique=True)),
            checks=(Check("t_k", "`a` > 0"), Check("t_id_not_null", "`id` > 0")),
        ),
    )
    made = converted(source, POSTGRES).target.tables[0]
    names = {index.name for index in made.indexes} | {"t_id_not_null"}
    assert names == {"t_pkey", "t_k", "t_id_not_null"}
    assert len(made.checks) == 2
    assert names.isdisjoint(check.name for check in made.checks)


# ---- columns


def test_mysql_s_types_mean_what_they_mean_in_postgresql_or_it_is_said() -> None:
    orders = table(
        "orders",
        column("id", "bigint unsigned", nullable=False, identity=Identity(Counter(next=42))),
        column("state", "enum('new','done')", nullable=False),
        column("marks", "set('a','b')"),
        column("waited", "time"),
        column("code", "char(3)"),
        column("born", "date"),
        column("place", "point"),
        indexes=(key("id"), index("state", "state", unique=True)),
    )
    made = converted(catalog(MYSQL, orders), POSTGRES)
    target = made.target.tables[0]
    assert {c.name: c.sql_type for c in target.columns} == {
        "id": "numeric(20,0)",
        "state": "text",
        "marks": "text",
        "waited": "interval",
        "code": "character varying(3)",
        "born": "date",
        "place": "bytea",
    }
    assert target.columns[0].identity == Identity(Counter(next=42), sequence=ObjectName("goal", "orders_id_seq"))
    assert [(s.name.name, s.owner) for s in made.target.sequences] == [
        ("orders_id_seq", (ObjectName("goal", "orders"), "id"))
    ]
    assert [(c.name, c.expression) for c in target.checks] == [("orders_state_labels", "\"state\" IN ('new', 'done')")]
    assert codes(made) == {
        "enum-order": Grade.CHANGED,
        "set-as-text": Grade.CHANGED,
        "time-as-interval": Grade.CHANGED,
        "spatial": Grade.CHANGED,
        "collation-case": Grade.CHANGED,
        "collation-unique": Grade.CHANGED,
        "unsigned-range": Grade.CHANGED,
        "identity-null": Grade.AUTOMATIC,
        "zero-date": Grade.AUTOMATIC,
        "char-padding": Grade.CHANGED,
    }


def test_labels_in_alphabetical_order_change_nothing() -> None:
    made = converted(from_postgres(table("t", pg("m", "public.mood"), schema="public")), MYSQL)
    assert "enum-order" in codes(made)
    mood = replace(POSTGRES_TYPES["public.mood"], labels=("ok", "sad"))
    ordered = table("t", replace(pg("m", "public.mood"), type=mood), schema="public")
    assert "enum-order" not in codes(converted(from_postgres(ordered), MYSQL))


def test_what_always_counts_takes_the_pipeline_s_values_and_a_script_s_does_not_change() -> None:
    always = from_postgres(
        table(
            "t",
            pg("id", "bigint", nullable=False, identity=Identity(Counter(5, next=9), always=True)),
            schema="public",
            indexes=(key("id", name="t_pkey"),),
        )
    )
    assert converted(always, POSTGRES).target.tables[0].columns[0].identity == Identity(Counter(5, next=9), always=True)
    piped = converted(always, POSTGRES, piped=True)
    assert piped.target.tables[0].columns[0].identity == Identity(Counter(5, next=9))
    assert codes(piped) == {"identity-always": Grade.CHANGED}
    in_mysql = converted(always, MYSQL).target.tables[0]
    assert (in_mysql.columns[0].identity, in_mysql.columns[0].nullable) == (Identity(Counter(9, next=9)), False)
    assert converted(always, SQLITE).target.tables[0].columns[0].identity is not None


@pytest.mark.parametrize("dialect", [MYSQL, SQLITE])
def test_a_column_that_the_target_cannot_count_is_a_person_s(dialect: Dialect) -> None:
    loose = from_postgres(
        table(
            "t",
            pg("a", "bigint", nullable=False),
            pg("n", "bigint", identity=Identity()),
            schema="public",
            indexes=(key("a"),),
        )
    )
    made = converted(loose, dialect)
    assert made.target.tables[0].columns[1].identity is None
    assert codes(made, ObjectKind.COLUMN)["identity"] is Grade.BY_HAND


def test_a_domain_is_said_by_its_columns_where_there_are_none() -> None:
    short = Domain(
        ObjectName("public", "short"),
        POSTGRES_TYPES["text"],
        "text",
        nullable=False,
        default="'x'",
        checks=(Check("c", "length(VALUE) < 5"),),
    )
    t = table("t", pg("a", "text", user_type=short.name), schema="public")
    made = converted(from_postgres(t, domains=(short,)), SQLITE).target
    a = made.tables[0].columns[0]
    assert (a.nullable, a.default) == (False, "'x'")
    assert [c.expression for c in made.tables[0].checks] == ["length(a) < 5"]
    same = converted(from_postgres(t, domains=(short,)), POSTGRES).target
    assert (same.tables[0].columns[0].sql_type, len(same.domains)) == ('"goal"."short"', 1)
    assert same.tables[0].checks == ()


def test_an_enum_of_postgresql_s_stays_one_in_postgresql() -> None:
    mood = Enum(ObjectName("public", "mood"), ("sad", "ok"))
    t = table("t", pg("m", "public.mood", user_type=mood.name), schema="public")
    made = converted(from_postgres(t, enums=(mood,)), POSTGRES).target
    assert (made.tables[0].columns[0].sql_type, made.tables[0].checks) == ('"goal"."mood"', ())
    in_mysql = converted(from_postgres(t, enums=(mood,)), MYSQL).target
    assert [c.name for c in in_mysql.tables[0].checks] == ["t_m_labels"]


def test_generated_columns_whose_expression_is_hard_are_filled_by_the_pipeline_or_left_out() -> None:
    columns = (column("a", "int"), column("g", "int", generated="HARD(a)"), column("h", "int", generated="a + 1"))
    made = converted(catalog(MYSQL, table("t", *columns)), POSTGRES)
    assert {c.name: c.generated for c in made.target.tables[0].columns} == {"a": "", "g": "", "h": "a + 1"}
    assert codes(made, ObjectKind.COLUMN) == {"generated-as-plain": Grade.CHANGED}

    older = (pg("a", "integer"), pg("g", "integer", generated="HARD(a)"))
    unsent = converted(from_postgres(table("t", *older, schema="public"), version="15.4"), MYSQL)
    assert [c.name for c in unsent.target.tables[0].columns] == ["a"]
    assert codes(unsent, ObjectKind.COLUMN) == {"generated": Grade.BY_HAND}
    sent = converted(from_postgres(table("t", *older, schema="public"), version="18.0"), MYSQL)
    assert codes(sent, ObjectKind.COLUMN) == {"generated-as-plain": Grade.CHANGED}


def test_texts_that_mysql_would_not_read_again_stand_in_hexadecimal() -> None:
    t = table(
        "t", pg("a", "text"), pg("b", "text", default="'it''s'"), schema="public", checks=(Check("c", "a <> 'it''s'"),)
    )
    made = converted(from_postgres(t), MYSQL).target.tables[0]
    assert made.checks[0].expression == "a <> (CONVERT(0x69742773 USING utf8mb4) COLLATE utf8mb4_0900_bin)"
    assert made.columns[1].default == "CONVERT(0x69742773 USING utf8mb4)"


def test_key_columns_of_a_pipeline_compare_as_at_the_source_where_it_is_of_the_same_kind() -> None:
    t = table(
        "t",
        column("code", "varchar(20)", nullable=False),
        column("name", "varchar(20)"),
        column("parent", "varchar(20)"),
        indexes=(key("code"),),
        foreign_keys=(ForeignKey("up", ("parent",), ObjectName("shop", "t"), ("code",)),),
    )
    ci, exact = "utf8mb4_0900_ai_ci", "utf8mb4_nopad_bin"
    made = converted(catalog(MYSQL, t), MYSQL, piped=True)
    assert {c.collation for c in made.target.tables[0].columns} == {ci}
    names = script_names(catalog(MYSQL, t), Target(MYSQL), Rules(), "goal")
    several = replace(names, piped=True, in_order=False)  # partitions of a topic
    unordered = convert(catalog(MYSQL, t), Target(MYSQL), Rules(), several, "goal")
    assert {c.name: c.collation for c in unordered.target.tables[0].columns} == {
        "code": "utf8mb4_0900_bin",
        "name": ci,
        "parent": "utf8mb4_0900_bin",
    }
    made = converted(catalog(MYSQL, t), MARIADB, piped=True)
    assert {c.name: c.collation for c in made.target.tables[0].columns if c.name != "name"} == {
        "code": exact,
        "parent": exact,
    }
    assert len(made.target.tables[0].foreign_keys) == 1


def test_a_long_key_in_narrow_characters_keeps_its_length() -> None:
    type_ = Type(Kind.TEXT, "varchar(1500)", size=1500)
    latin: dict[str, Any] = {"charset": "latin1", "collation": "latin1_general_cs"}
    name = replace(column("name", "varchar(20)", nullable=False, **latin), type=type_, sql_type="varchar(1500)")
    uri = replace(name, name="uri")
    made = converted(catalog(MYSQL, table("t", name, uri, indexes=(key("name", "uri"),))), MYSQL, piped=True)
    assert [c.sql_type for c in made.target.tables[0].columns] == ["varchar(1500)", "varchar(1500)"]
    assert "key-length" not in {item.code for item in made.items}


# ---- indexes


@pytest.mark.parametrize(
    ("given", "dialect", "parts", "said"),
    [
        (index("i", "v"), POSTGRES, [Part("v")], {}),
        (Index("i", (Part("v", prefix=5),)), POSTGRES, [Part("v")], {"index-prefix"}),
        (Index("i", (Part("v", prefix=5),), unique=True), POSTGRES, [Part("", '"left"("v", 5)')], {"index-prefix"}),
        (Index("i", (Part("v", prefix=5),), unique=True), SQLITE, [Part("", 'substr("v", 1, 5)')], {"index-prefix"}),
        (Index("i", (Part("t", prefix=5),)), POSTGRES, None, {"index-length"}),
        (Index("i", (Part("v"),), method="fulltext"), POSTGRES, None, {"fulltext"}),
        (Index("i", (Part("v"),), invisible=True), POSTGRES, None, {"index-invisible"}),
        (Index("i", (Part("j"),)), POSTGRES, None, {"index-type"}),
        (Index("i", (Part("v", descending=True),)), SQLITE, [Part("v", descending=True)], {}),
    ],
)
def test_indexes_from_mysql(given: Index, dialect: Dialect, parts: list[Part] | None, said: set[str]) -> None:
    t = table("t", column("v", "varchar(20)"), column("t", "text"), column("j", "json"), indexes=(given,))
    made = converted(catalog(MYSQL, t), dialect)
    found = made.target.tables[0].indexes
    assert (list(found[0].parts) if found else None) == parts
    assert codes(made, ObjectKind.INDEX).keys() == set(said)


def test_a_full_text_index_is_proposed_as_gin() -> None:
    t = table("t", column("v", "text"), indexes=(Index("i", (Part("v"),), method="fulltext"),))
    item = next(item for item in converted(catalog(MYSQL, t), POSTGRES).items if item.code == "fulltext")
    assert item.replacement == ("""CREATE INDEX ON "goal"."t" USING gin (to_tsvector('simple', coalesce("v", '')))""")


@pytest.mark.parametrize(
    ("given", "dialect", "parts", "said"),
    [
        (Index("i", (Part("v"),), method="gin"), MYSQL, None, {"index-method"}),
        (Index("i", (Part("n"),), method="brin"), MYSQL, [Part("n")], {"index-method"}),
        (Index("i", (Part("n"),), include=("v",)), MYSQL, [Part("n")], {"index-include"}),
        (Index("i", (Part("n"),), where="n > 0"), MYSQL, [Part("n")], {"index-partial"}),
        (Index("i", (Part("n"),), where="n > 0"), SQLITE, [Part("n")], {}),
        (
            Index("i", (Part("n"),), unique=True, where="n > 0"),
            MYSQL,
            [Part("", "CASE WHEN n > 0 THEN `n` END")],
            {"index-partial"},
        ),
        (Index("i", (Part("n"),), unique=True, where="n > 0"), MARIADB, None, {"index-partial"}),
        (Index("i", (Part("", "n + 1"),)), MYSQL, [Part("", "n + 1")], {}),
        (Index("i", (Part("", "n + 1"),)), MARIADB, None, {"index-expression"}),
        (Index("i", (Part("", "lower(body)"),)), MYSQL, None, {"index-expression"}),
        (Index("i", (Part("body"),)), MYSQL, [Part("body", prefix=768)], {"index-prefix"}),
        (Index("i", (Part("body"),), unique=True), MYSQL, None, {"key-length"}),
        (Index("i", (Part("long"), Part("n"))), MYSQL, [Part("long", prefix=767), Part("n")], {"index-prefix"}),
        (Index("i", (Part("n", nulls_first=True),)), MYSQL, [Part("n")], {"index-order"}),
        (Index("i", (Part("n"),), unique=True, nulls_distinct=False), SQLITE, [Part("n")], {"unique-nulls"}),
        (Index("i", (Part("n"),), unique=True, deferrable="deferred"), SQLITE, [Part("n")], {"deferrable"}),
    ],
)
def test_indexes_from_postgresql(given: Index, dialect: Dialect, parts: list[Part] | None, said: set[str]) -> None:
    columns = (
        pg("n", "integer"),
        pg("v", "character varying(20)"),
        pg("long", "character varying(900)"),
        pg("body", "text"),
    )
    made = converted(from_postgres(table("t", *columns, schema="public", indexes=(given,))), dialect)
    found = made.target.tables[0].indexes
    assert (list(found[0].parts) if found else None) == parts
    assert codes(made, ObjectKind.INDEX).keys() == set(said)


# ---- foreign keys


def _two(child: Any, parent: Any, foreign: ForeignKey, **said: Any) -> Catalog:
    parents = table("parents", parent, schema="public", indexes=(key(parent.name, name="pk"),), **said)
    return from_postgres(parents, table("children", child, schema="public", foreign_keys=(foreign,)))


UP = ForeignKey("up", ("p",), ObjectName("public", "parents"), ("id",))


@pytest.mark.parametrize(
    ("child", "foreign", "dialect", "code"),
    [
        ("bigint", UP, POSTGRES, ""),
        ("bigint", UP, MYSQL, ""),
        ("integer", UP, POSTGRES, ""),
        ("integer", UP, MYSQL, "foreign-key-types"),
        ("uuid", UP, POSTGRES, "foreign-key-types"),
        ("uuid", UP, SQLITE, ""),
        ("bigint", replace(UP, on_delete="SET DEFAULT"), MYSQL, "foreign-key-action"),
        ("bigint", replace(UP, on_delete="SET DEFAULT"), SQLITE, ""),
        ("bigint", replace(UP, referenced_columns=("other",)), POSTGRES, "altered"),
        ("bigint", replace(UP, table=ObjectName("public", "gone")), POSTGRES, "foreign-key-outside"),
        ("bigint", replace(UP, enforced=False), POSTGRES, "not-enforced"),
    ],
)
def test_foreign_keys(child: str, foreign: ForeignKey, dialect: Dialect, code: str) -> None:
    source = _two(pg("p", child), pg("id", "bigint", nullable=False), foreign)
    made = converted(source, dialect)
    children = made.target.tables[1]
    assert bool(children.foreign_keys) is not bool(code)
    assert {i.code for i in made.items if i.kind is ObjectKind.FOREIGN_KEY} == ({code} if code else set())
    if dialect is MYSQL and not code:
        # InnoDB would make it by itself; so it is known.
        assert [(i.name, i.columns) for i in children.indexes] == [("up", ("p",))]


def test_a_foreign_key_to_a_partitioned_table_of_mysql_is_a_person_s() -> None:
    parts = Partitioning("hash", ("id",), count=4)
    source = _two(pg("p", "bigint"), pg("id", "bigint", nullable=False), UP, partitioning=parts)
    assert codes(converted(source, MYSQL), ObjectKind.FOREIGN_KEY) == {"foreign-key-partitioned": Grade.BY_HAND}
    assert codes(converted(source, POSTGRES), ObjectKind.FOREIGN_KEY) == {}


def test_actions_that_the_source_s_log_hides_are_told() -> None:
    parents = table("parents", column("id", "int", nullable=False), indexes=(key("id"),))
    foreign = ForeignKey("up", ("p",), ObjectName("shop", "parents"), ("id",), on_delete="CASCADE")
    children = table("children", column("p", "int"), foreign_keys=(foreign,))
    for version, told in (("8.4.2", True), ("9.5.0", True), ("9.7.1-community", False)):
        made = converted(catalog(MYSQL, parents, children, version=version), POSTGRES, piped=True)
        assert ("foreign-key-log" in codes(made)) is told, version


# ---- partitions


def _parted(method: str, expression: str, *partitions: Partition, **said: Any) -> Table:
    return table(
        "p",
        column("id", "int", nullable=False),
        column("at", "date", nullable=False),
        column("moment", "timestamp", nullable=False),
        indexes=(key("id", "at", "moment"),),
        partitioning=Partitioning(method, (expression,), partitions, **said),
    )


@pytest.mark.parametrize(
    ("expression", "bound", "expected"),
    [
        ("year(`at`)", "2020", "'2020-01-01'"),
        ("to_days(`at`)", "737790", "'2020-01-01'"),
        ("TO_DAYS(at)", "to_days('2020-01-01')", "'2020-01-01'"),
        ("unix_timestamp(`moment`)", "1577836800", "'2020-01-01 00:00:00+00'"),
        ("`id`", "2020", "2020"),
    ],
)
def test_ranges_of_mysql_s_are_ranges_of_the_column_in_postgresql(expression: str, bound: str, expected: str) -> None:
    t = _parted("range", expression, Partition("p0", upper=(bound,)), Partition("rest", lower=(bound,)))
    made = converted(catalog(MYSQL, t), POSTGRES).target.tables[0].partitioning
    assert made is not None
    assert [(p.name, p.lower, p.upper) for p in made.partitions] == [
        ("p_p0", None, (expected,)),
        ("p_rest", (expected,), None),
    ]


def test_to_days_is_mysql_s() -> None:
    # The manual's own: TO_DAYS('2007-10-07') is 733321.
    t = _parted("range", "to_days(`at`)", Partition("p0", upper=("733321",)))
    made = converted(catalog(MYSQL, t), POSTGRES).target.tables[0].partitioning
    assert made is not None
    assert made.partitions[0].upper == ("'2007-10-07'",)


@pytest.mark.parametrize(
    ("given", "dialect"),
    [
        (_parted("range", "id * 2", Partition("p0", upper=("5",))), POSTGRES),
        (_parted("system_time", "", Partition("p0")), POSTGRES),
        (_parted("range", "unix_timestamp(at)", Partition("p0", upper=("5",))), POSTGRES),
        (replace(_parted("hash", "`at`", count=3), indexes=(key("id"),)), POSTGRES),
    ],
)
def test_what_has_no_counterpart_is_one_table_and_a_person_s(given: Table, dialect: Dialect) -> None:
    made = converted(catalog(MYSQL, given), dialect)
    assert made.target.tables[0].partitioning is None
    assert codes(made, ObjectKind.PARTITION) == {"partitions": Grade.BY_HAND}


def test_a_range_s_null_goes_into_a_default_partition() -> None:
    t = table("p", column("n", "int"), partitioning=Partitioning("range", ("n",), (Partition("p0", upper=("5",)),)))
    made = converted(catalog(MYSQL, t), POSTGRES).target.tables[0].partitioning
    assert made is not None
    assert [(p.name, p.default) for p in made.partitions] == [("p_p0", False), ("p_default", True)]


def test_hashes_have_as_many_partitions() -> None:
    made = converted(catalog(MYSQL, _parted("key", "id", count=2)), POSTGRES).target.tables[0].partitioning
    assert made is not None
    assert [(p.name, p.modulus, p.remainder) for p in made.partitions] == [("p_p0", 2, 0), ("p_p1", 2, 1)]


def test_ranges_of_postgresql_s_without_gaps_are_mysql_s() -> None:
    def parted(*partitions: Partition) -> Catalog:
        return from_postgres(
            table(
                "p",
                pg("id", "integer", nullable=False),
                pg("at", "date", nullable=False),
                schema="public",
                indexes=(key("id", "at", name="p_pkey"),),
                partitioning=Partitioning("range", ("at",), partitions),
            )
        )

    old = Partition("old", None, ("'2020-01-01'",))
    new = Partition("new", ("'2020-01-01'",), ("'2021-01-01'",))
    made = converted(parted(new, old, Partition("rest", default=True)), MYSQL).target.tables[0].partitioning
    assert made is not None
    assert [(p.name, p.upper) for p in made.partitions] == [
        ("old", ("'2020-01-01'",)),
        ("new", ("'2021-01-01'",)),
        ("rest", None),
    ]
    later = Partition("later", ("'2022-01-01'",), ("'2023-01-01'",))
    for gap in (parted(old, new, later), parted(new)):
        assert converted(gap, MYSQL).target.tables[0].partitioning is None


# ---- the rest


def test_sequences_stand_by_themselves_where_there_are_any() -> None:
    source = from_postgres(sequences=(Sequence(ObjectName("public", "s"), Counter(10, 5, next=25)),))
    for dialect, made in ((POSTGRES, True), (MARIADB, True), (MYSQL, False), (SQLITE, False)):
        found = converted(source, dialect)
        assert bool(found.target.sequences) is made
        assert found.needs_person is not made


def test_tables_without_a_key_and_float_keys_are_told() -> None:
    bare = table("bare", column("a", "int"))
    floats = table("floats", column("f", "double", nullable=False), indexes=(key("f"),))
    made = converted(catalog(MYSQL, bare, floats), POSTGRES)
    assert codes(made) == {"no-primary-key": Grade.AUTOMATIC, "float-key": Grade.AUTOMATIC}
    assert not made.needs_person


@pytest.mark.parametrize("piped", [False, True])
def test_mariadb_s_history_is_kept_where_no_pipeline_writes_it(piped: bool) -> None:
    columns = [
        column("id", "int", MARIADB, nullable=False),
        column("since", "timestamp", MARIADB, nullable=False, generated="ROW START"),
    ]
    kept = table("kept", *columns, options={"system versioning": "yes"})
    made = converted(catalog(MARIADB, kept), MARIADB, piped)
    (goal,) = made.target.tables
    since = goal.column("since")
    assert since is not None
    assert bool(since.generated) is not piped
    assert ("system versioning" in goal.options) is not piped
    assert ("system-versioning" in codes(made)) is piped


@pytest.mark.parametrize("control", ["\n", "\r", "\\n", "\\0", "\\Z", "\\\\"])
def test_what_mysql_would_print_with_a_backslash_stands_in_hexadecimal(control: str) -> None:
    assert with_kept_texts(f"`a` <> 'x{control}'").startswith("`a` <> CONVERT(0x78")
    assert with_kept_texts("`a\\` <> 'x'") == "`a\\` <> 'x'"
