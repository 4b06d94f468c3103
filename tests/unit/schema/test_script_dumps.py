"""Dumps of mysqldump, mariadb-dump and pg_dump, in their forms."""

from __future__ import annotations

from pathlib import Path

from tailrace.conversion.catalog import Catalog, Dialect, Identity, ObjectKind, ObjectName
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace.structure import Part
from tailrace_postgres.schema.target import PostgresSchemaTarget

DUMPS = Path(__file__).parent / "dumps"


def mariadb() -> Catalog:
    return read((DUMPS / "mariadb.sql").read_text(), Dialect.MYSQL, "dump.sql")


def postgres() -> Catalog:
    return read((DUMPS / "postgresql.sql").read_text(), Dialect.POSTGRESQL, "dump.sql")


def test_mariadb_is_known_by_its_dumps() -> None:
    assert mariadb().dialect is Dialect.MARIADB
    assert not mariadb().others


def test_a_table_of_mysqldump() -> None:
    table = mariadb().tables[0]
    assert [(c.name, c.sql_type, c.nullable) for c in table.columns] == [
        ("id", "int unsigned", False),
        ("name", "varchar(200)", False),
        ("email", "varchar(190)", False),
        ("kind", "enum('new','it''s old')", False),
        ("flags", "set('a','b')", True),
        ("created", "timestamp", False),
        ("total", "decimal(10,2)", True),
        ("doc", "longtext", True),
    ]
    id_, name, email, kind, _, created, total, _ = table.columns
    assert id_.identity is not None
    assert id_.identity.counter.next == 42
    assert (name.collation, email.collation, email.charset) == ("utf8mb4_general_ci", "ascii_bin", "ascii")
    assert kind.type.labels == ("new", "it's old")
    assert (created.default, created.on_update) == ("current_timestamp()", "current_timestamp()")
    assert (total.generated, total.stored) == ("`id` * 2.5", False)
    assert table.comment == "All; of them"
    by_name = {index.name: index for index in table.indexes}
    assert list(by_name) == ["PRIMARY", "email", "name_prefix", "ft"]
    assert by_name["name_prefix"].parts == (Part("name", prefix=10, descending=True), Part("kind"))
    assert by_name["ft"].method == "fulltext"
    assert [check.expression for check in table.checks] == ["json_valid(`doc`)", "`id` > 0"]
    assert [(key.name, key.columns) for key in table.foreign_keys] == [("fk", ("kind",))]
    assert table.partitioning is not None
    assert [(p.lower, p.upper) for p in table.partitioning.partitions] == [(None, ("100",)), (("100",), None)]


def test_programs_of_mysqldump() -> None:
    catalog = mariadb()
    (trigger,) = catalog.triggers
    assert (trigger.timing, trigger.events, trigger.row) == ("BEFORE", ("INSERT",), True)
    assert trigger.body.startswith("BEGIN")
    assert trigger.body.endswith("END")
    assert [(r.name.name, r.kind) for r in catalog.routines] == [
        ("p", ObjectKind.PROCEDURE),
        ("f", ObjectKind.FUNCTION),
        ("q", ObjectKind.PROCEDURE),
    ]
    assert catalog.routines[0].arguments[1].mode == "OUT"
    assert catalog.routines[1].options["deterministic"] == "yes"
    assert catalog.routines[2].body.endswith("END IF; END")
    # The stand-in that mysqldump makes first is dropped again.
    assert [view.query for view in catalog.views] == ["select `customers`.`id` AS `id` from `customers`"]


def test_data_are_skipped_and_said() -> None:
    assert "INSERT INTO `customers`" in [entry.text for entry in mariadb().skipped]
    assert [entry.rows for entry in postgres().skipped if entry.rows] == [2]


def test_tables_of_mysqldump_whose_names_differ_in_case_alone_are_two() -> None:
    dump = "".join(
        f"DROP TABLE IF EXISTS `{name}`;\nCREATE TABLE `{name}` (`id` int NOT NULL, PRIMARY KEY (`id`));\n"
        f"INSERT INTO `{name}` VALUES (1);\n"
        for name in ("Users", "users")
    )
    others = (
        "CREATE TABLE `Orders` (`u` int, FOREIGN KEY (`u`) REFERENCES `users` (`id`)); CREATE INDEX i ON orders (u);"
    )
    found = read(dump + others, Dialect.MYSQL, "dump.sql")
    assert [table.name.name for table in found.tables] == ["Users", "users", "Orders"]
    assert found.tables[2].foreign_keys[0].table == found.tables[1].name
    assert "i" in {index.name for index in found.tables[2].indexes}
    assert not found.others


def test_a_table_of_pg_dump() -> None:
    catalog = postgres()
    table = catalog.table(ObjectName("public", "items"))
    assert table is not None
    id_, big, name, state, share, tags, at, _, total, _ = table.columns
    sequence = ObjectName("public", "items_id_seq")
    assert id_.default == ""
    assert id_.identity is not None
    assert (id_.identity.sequence, id_.identity.counter.next) == (sequence, 18)
    assert catalog.sequences[0].owner == (table.name, "id")
    assert isinstance(big.identity, Identity)
    assert (big.identity.counter.next, big.identity.always) == (5, False)
    assert (name.collation, name.default, name.comment) == ("C", "'n/a'::character varying", "What it is")
    assert state.type.labels == ("sad", "it's ok")
    assert (share.user_type, share.type.name) == (ObjectName("public", "percent"), "smallint")
    assert (tags.sql_type, at.sql_type) == ("text[]", "timestamp(3) with time zone")
    assert at.default == "'2024-01-01 00:00:00+00'::timestamp with time zone"
    assert (total.generated, total.stored) == ("price * (2)::numeric", True)
    primary, lower, named = table.indexes
    assert primary.primary
    assert lower.parts == (
        Part("", "lower((name)::text)", descending=True, nulls_first=False, operators="text_pattern_ops"),
    )
    assert lower.where == "price IS NOT NULL"
    assert (named.include, named.parts) == (("price",), (Part("name", collation="de_DE"),))


def test_a_partition_of_pg_dump_is_no_table() -> None:
    catalog = postgres()
    log = catalog.table(ObjectName("sales", "log"))
    assert [table.name.name for table in catalog.tables] == ["items", "log"]
    assert log is not None
    assert log.partitioning is not None
    (partition,) = log.partitioning.partitions
    assert (partition.name, partition.lower, partition.upper) == ("log_2024", ("'2024-01-01'",), ("'2025-01-01'",))
    assert [index.name for index in log.indexes] == ["log_at"]


def test_programs_of_pg_dump() -> None:
    catalog = postgres()
    touch, twice, at = catalog.routines
    assert (touch.returns, touch.language) == ("trigger", "plpgsql")
    assert "RETURN NEW;" in touch.body
    assert [(a.name, a.sql_type, a.default) for a in twice.arguments] == [
        ("a", "integer", ""),
        ("b", "text", "'x'::text"),
    ]
    assert twice.options == {"volatility": "immutable", "strict": "yes"}
    assert at.body.startswith("BEGIN ATOMIC")
    assert at.body.endswith("END")
    (trigger,) = catalog.triggers
    assert (trigger.function, trigger.columns) == (ObjectName("public", "touch"), ("name",))
    assert {other.kind for other in catalog.others} == {
        ObjectKind.EXTENSION,
        ObjectKind.EXCLUSION,
        ObjectKind.POLICY,
        ObjectKind.GRANT,
        ObjectKind.OTHER,
    }


def test_an_inherited_table_has_the_others_columns() -> None:
    found = read(
        """CREATE TABLE payment (id int DEFAULT nextval('"Ids"'), paid date NOT NULL);
CREATE TABLE payment_07 (note text, CHECK (paid > '2007-01-01')) INHERITS (payment);""",
        Dialect.POSTGRESQL,
        "",
    )
    child = found.tables[1]
    assert [column.name for column in child.columns] == ["id", "paid", "note"]
    assert child.options["inherits"] == '"public"."payment"'
    assert not found.others


def test_functions_of_the_servers_and_of_the_users_own() -> None:
    source = read(
        """CREATE TABLE t (a text, b tsvector, n int DEFAULT nextval('s_SEQ'));
CREATE SEQUENCE s_SEQ;
CREATE AGGREGATE public.joined(text) (SFUNC = textcat, STYPE = text);
CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;
CREATE FUNCTION touched() RETURNS trigger AS $$ BEGIN RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE VIEW v AS SELECT joined(a) FROM t;
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE PROCEDURE tsvector_update_trigger('b', 'simple', 'a');""",
        Dialect.POSTGRESQL,
        "",
    )
    target, rules = PostgresSchemaTarget(None), load()
    made = convert(source, target, rules, script_names(source, target, rules, ""), "postgres")
    assert made.target.tables[0].columns[2].default == "nextval('\"s_seq\"'::regclass)"
    assert [routine.name.name for routine in made.target.routines] == ["touched"]
    assert str(made.target.triggers[0].function) == "pg_catalog.tsvector_update_trigger"
    by_hand = {(item.kind, item.name.name) for item in made.items if item.grade is Grade.BY_HAND}
    assert by_hand == {(ObjectKind.VIEW, "v"), (ObjectKind.FUNCTION, "joined")}
