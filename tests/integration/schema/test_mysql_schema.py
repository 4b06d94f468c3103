"""MySQL's and MariaDB's catalogs: read, rendered, made and read back, with everything that can be declared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailrace.connectors import Context, find_sink, find_source
from tailrace.conversion.catalog import (
    Catalog,
    Check,
    Column,
    Comment,
    Dialect,
    ForeignKey,
    Identity,
    ObjectKind,
    ObjectName,
    Other,
    Routine,
    Table,
    Trigger,
    View,
)
from tailrace.conversion.target import Stage, Statement
from tailrace.errors import RefusedError
from tailrace.schema import Kind, Type
from tailrace.structure import Index, Part
from tailrace_mysql.schema.portions import moved, undefined
from tailrace_mysql.schema.target import MySQLSchema
from tests import servers
from tests.servers import Database

CONTEXT = Context("shop", "full-load-and-cdc", Path("/nonexistent"))
RICH = Path(__file__).parent / "rich"


@pytest.fixture(scope="module", params=["mysql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[servers.MySQL]:
    with servers.start(request.param, options={"log-bin-trust-function-creators": "ON"}) as started:
        yield started


@pytest.fixture(scope="module")
def rich(server: servers.MySQL) -> Iterator[Database]:
    """Has everything."""
    with server.database("rich") as database:
        database.execute("SET sql_mode = '', time_zone = '+00:00'")
        for file in ("both", server.kind):
            text = (RICH / f"{file}.sql").read_text().partition("DELIMITER //\n")[2]
            database.script(*(statement for part in text.split("\n//\n") if (statement := part.strip())))
        yield database


def schema(database: Database, url: str = "") -> MySQLSchema:
    connector = find_sink("mysql")
    settings = connector.config.model_validate({"name": "s", "connector": "mysql", "url": url or database.url})
    assert connector.schema is not None
    made = connector.schema(settings, CONTEXT)
    assert isinstance(made, MySQLSchema)
    return made


def source_catalog(database: Database, url: str = "", **keys: Any) -> Catalog:
    connector = find_source("mysql")
    given = {"connector": "mysql", "url": url or database.url, **keys}
    assert connector.catalog is not None
    return connector.catalog(connector.config.model_validate(given), CONTEXT)


def alike(catalog: Catalog) -> Catalog:
    """What is to be the same in two databases."""
    tables = tuple(replace(table, rows=None, bytes=None) for table in catalog.tables)
    return replace(catalog, origin="", tables=tables)


def shown(database: Database) -> dict[str, list[str]]:
    """SHOW CREATE of everything."""
    things = [("VIEW" if kind == "VIEW" else "TABLE", str(name)) for name, kind in database.query("SHOW FULL TABLES")]
    for kind in ("ROUTINE", "TRIGGER", "EVENT"):
        what = "ROUTINE_TYPE" if kind == "ROUTINE" else f"'{kind}'"
        listed = f"SELECT {what}, {kind}_NAME FROM information_schema.{kind}S WHERE {kind}_SCHEMA = %s"
        things += [(str(what), str(name)) for what, name in database.query(listed, (database.name,))]
    connection = database.connect()
    connection.use_unicode = False  # a default may be no text
    found: dict[str, list[str]] = {}
    for kind, name in things:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(f"SHOW CREATE {kind} `{name.replace('`', '``')}`")
            row = cursor.fetchone()
        texts = [value.decode("latin1") for value in row if isinstance(value, bytes)]
        texts = [text.replace(f"`{database.name}`.", "") for text in texts]
        # MariaDB keeps the words of a trigger as they came.
        found[f"{kind} {name}"] = ["".join(text.split()).replace("`", "") for text in texts]
    return found


def test_a_database_that_is_read_and_made_anew_is_the_same(server: servers.MySQL, rich: Database) -> None:
    with server.database("copy") as copy:
        source, target = source_catalog(rich), schema(copy)
        assert source.default_schema == rich.name
        assert target.dialect == source.dialect == Dialect(server.kind)
        # What is in Oracle's syntax is for a person.
        understood = replace(source, others=tuple(other for other in source.others if not other.reason))
        meant = undefined(moved(understood, rich.name, copy.name))
        target.apply(target.render(meant))
        made = target.read()
        assert alike(made) == alike(replace(meant, schemas=(copy.name,)))
        assert shown(copy) == {
            name: [text.replace("PRECEDESsecond_one", "") for text in texts]
            for name, texts in shown(rich).items()
            if "theirs" not in name
        }
        # A second time there is nothing to do, and nothing is left of having found that out.
        assert alike(target.canonical(replace(meant, schemas=made.schemas))) == alike(made)
        assert not server.query("SHOW DATABASES LIKE '\\_tailrace%'")


def test_what_it_reads_is_said_in_one_form_by_both_servers(server: servers.MySQL, rich: Database) -> None:
    catalog = source_catalog(rich)
    customers = catalog.table(ObjectName(rich.name, "customers"))
    assert customers is not None
    defaults = {column.name: column.default for column in customers.columns if column.default}
    assert defaults == {
        "name": """'it''s a \\\\ "new" one\\n'""",
        "nothing": "'NULL'",
        "blank": "''",
        "level": "0",
        "credit": "-10.50",
        "ratio": "1.5",
        "factor": "10000000000",
        "flags": "b'10101'",
        "kind": "'it''s'",
        "marks": "'x,z'",
        "born": "'1970-01-02'",
        "woken": "'08:00:00.500'",
        "since": "2020",
        "raw": "0x61620000",
        "bytes": "0x780079",
        "odd_bytes": "0xFF00",
        "made": "CURRENT_TIMESTAMP",
        "changed": "CURRENT_TIMESTAMP(6)",
        "token": "uuid()",
    }
    columns = {column.name: column for column in customers.columns}
    assert columns["changed"].on_update == "CURRENT_TIMESTAMP(6)"
    assert columns["touched"].on_update == "CURRENT_TIMESTAMP"
    identity = columns["id"].identity
    assert identity is not None
    assert identity.counter.next == 1001
    assert (columns["credit_cents"].generated, columns["credit_cents"].stored) == ("`credit` * 100", True)
    assert not columns["double_name"].stored
    assert columns["hidden"].invisible
    assert columns["name"].comment == "what we call them; it's 'quoted' \\ and `ticked`"
    assert (columns["letter"].charset, columns["letter"].collation) == ("latin1", "latin1_swedish_ci")
    assert columns["kind"].type.labels == ("new", "it's", "a,b", "c\\d", "ünder")
    assert customers.comment == "people; it's them"
    assert Comment(ObjectKind.INDEX, customers.name, "an index's comment", "aa_cents") in catalog.comments
    indexes = {index.name: index for index in customers.indexes}
    assert indexes["zz_name"].parts == (Part("name", prefix=20), Part("level"))
    assert indexes["code_level"].constraint
    assert indexes["words"].method == "fulltext"
    orders = catalog.table(ObjectName(rich.name, "orders"))
    assert orders is not None
    keys = {key.name: key for key in orders.foreign_keys}
    assert (keys["order_customer"].on_delete, keys["order_customer"].on_update) == ("CASCADE", "CASCADE")
    assert keys["order_parent"].table == orders.name
    parts = catalog.table(ObjectName(rich.name, "by_columns"))
    assert parts is not None
    assert parts.partitioning is not None
    assert parts.partitioning.expressions == ("`a`", "`b`")
    assert [p.upper for p in parts.partitioning.partitions] == [("5", "'it''s'"), ("10", "MAXVALUE"), None]
    assert [p.lower for p in parts.partitioning.partitions] == [None, ("5", "'it''s'"), ("10", "MAXVALUE")]
    named = catalog.table(ObjectName(rich.name, "by_named"))
    assert named is not None
    assert named.partitioning is not None
    within = [p.within for p in named.partitioning.partitions]
    assert [[below.name for below in one.partitions] for one in within if one] == [["s0", "s1"], ["s2", "s3"]]
    views = {view.name.name: view for view in catalog.views}
    assert views["z_checked"].check_option == "LOCAL"
    assert views["z_checked"].options["security"] == "invoker"
    assert rich.name not in views["a_last"].query
    assert [t.name.name for t in catalog.triggers if t.table.name == "orders"] == ["first_one", "second_one"]
    routines = {routine.name.name: routine for routine in catalog.routines}
    settle = routines["settle"]
    assert [(a.mode, a.name, a.sql_type) for a in settle.arguments] == [
        ("IN", "p_order", "int"),
        ("INOUT", "p_sum", "decimal(10,2)"),
        ("OUT", "p_kind", "enum('a,(b','c')"),
    ]
    assert settle.body.startswith("BEGIN\n  -- it's; a comment\n")
    assert routines["shout"].returns.startswith("varchar(30) CHARSET latin1")
    assert [other.name.name for other in catalog.others if other.kind is ObjectKind.EVENT] == ["tidy"]


def test_the_server_s_own_kinds_are_read(server: servers.MySQL, rich: Database) -> None:
    catalog = source_catalog(rich)
    tables = {table.name.name: table for table in catalog.tables}
    if server.kind == "mysql":
        modern = tables["modern"]
        assert modern.checks[0] == Check("loose", "`n` > 0", enforced=False)
        indexes = {index.name: index for index in modern.indexes}
        assert indexes["lower_name"].parts == (Part("", "lower(`name`)"),)
        assert indexes["backwards"].parts == (Part("name", descending=True), Part("n"))
        assert indexes["unseen"].invisible
        assert indexes["p"].method == "spatial"
        defaults = {column.name: column.default for column in modern.columns}
        assert defaults["n"] == "5 + 5"
        assert defaults["t"] == r"'some \\ ''text'''"
        assert tables["parsed"].options["index grams"] == "WITH PARSER `ngram`"
        assert next(column.sql_type for column in modern.columns if column.name == "p") == "point srid 4326"
        return
    numbers = {sequence.name.name: sequence.counter for sequence in catalog.sequences}
    assert (numbers["numbers"].increment, numbers["numbers"].cycle, numbers["numbers"].cache) == (5, True, 20)
    assert "numbers" not in tables
    assert next(c.default for c in tables["numbered"].columns if c.name == "id") == "nextval(`numbers`)"
    (theirs,) = (other for other in catalog.others if other.name.name == "theirs")
    assert "Oracle's syntax" in theirs.reason
    assert Check("body", "json_valid(`body`)") in tables["documents"].checks
    assert Check("small", "`small` > 0 and `n` > 1") in tables["numbered"].checks
    assert tables["kept"].options["system versioning"] == "yes"
    assert tables["kept"].options["column w"] == "WITHOUT SYSTEM VERSIONING"
    assert tables["kept_columns"].options["period SYSTEM_TIME"] == "(`since`, `until`)"
    assert tables["kept_columns"].indexes[0].columns == ("id",)
    assert tables["booked"].options["period stay"] == "(`a`, `b`)"


def meant_by_a_person(database: str) -> Catalog:
    """A catalog as a conversion makes one: in no server's words."""

    def name(text: str) -> ObjectName:
        return ObjectName(database, text)

    def column(text: str, sql_type: str, kind: Kind = Kind.INTEGER, **keys: Any) -> Column:
        return Column(text, Type(kind), sql_type, **keys)

    people = Table(
        name("People"),
        (
            column("id", "BIGINT", nullable=False, identity=Identity()),
            column("name", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", Kind.TEXT, default="('x')"),
            column("at", "DATETIME(6)", Kind.TIMESTAMP, default="current_timestamp"),
            column("amount", "DECIMAL(10, 2)", Kind.DECIMAL, default="1 + 1"),
            column("twice", "DECIMAL(12, 2)", Kind.DECIMAL, generated="amount * 2", stored=False),
        ),
        (
            Index("PRIMARY", (Part("id"),), True, primary=True),
            Index("by_name", (Part("name", prefix=5), Part("amount", descending=True))),
        ),
        (Check("positive", "((amount >= 0))"),),
        comment="it's people",
    )
    pets = Table(
        name("pets"),
        (column("id", "int", nullable=False), column("owner", "bigint")),
        (Index("PRIMARY", (Part("id"),), True, primary=True),),
        foreign_keys=(
            ForeignKey("owned", ("owner",), people.name, ("id",), on_delete="CASCADE", on_update="RESTRICT"),
        ),
    )
    first = View(name("zz"), f"select p.id, `{database}`.plus() as more from `{database}`.People p")
    second = View(name("aa"), "select id from zz")
    plus = Routine(name("plus"), ObjectKind.FUNCTION, (), "int", "sql", "RETURN 1", "", {"deterministic": "yes"})
    trigger = Trigger(name("fill"), pets.name, "BEFORE", ("INSERT",), True, "", body="SET NEW.owner = 1")
    event = Other(ObjectKind.EVENT, name("never"), "CREATE EVENT never ON SCHEDULE EVERY 1 DAY DO DELETE FROM pets")
    return Catalog(
        Dialect.MYSQL,
        default_schema=database,
        tables=(people, pets),
        views=(second, first),
        routines=(plus,),
        triggers=(trigger,),
        others=(event,),
    )


def test_what_a_conversion_means_is_made_once(server: servers.MySQL) -> None:
    with server.database("target") as database:
        target = schema(database)
        meant = replace(meant_by_a_person(database.name), dialect=target.dialect)
        canonical = target.canonical(meant)
        assert not database.query("SHOW TABLES")
        statements = target.render(meant)
        stages = {(str(s.kind), s.member): s.stage for s in statements}
        assert stages["table", ""] is Stage.TABLES
        assert stages["index", "by_name"] is stages["foreign key", "owned"] is Stage.REST
        assert stages["trigger", "fill"] is stages["event", ""] is Stage.CUTOVER
        target.apply([statement for statement in statements if statement.kind is not ObjectKind.EVENT])
        made = target.read()
        wanted = replace(canonical, others=(), schemas=made.schemas)
        assert alike(made) == alike(replace(wanted, version=made.version))
        people = made.table(ObjectName(database.name, "People"))
        assert people is not None
        assert [column.default for column in people.columns] == ["", "'x'", people.columns[2].default, "1 + 1", ""]
        # Alone what is asked for.
        only = target.read({ObjectName(database.name, "pets"), ObjectName(database.name, "aa")})
        assert [table.name.name for table in only.tables] == ["pets"]
        assert [view.name.name for view in only.views] == ["aa"]
        assert [trigger.name.name for trigger in only.triggers] == ["fill"]


def test_a_statement_that_is_refused_says_what_was_made_before(server: servers.MySQL) -> None:
    with server.database("half") as database:
        target = schema(database)
        place = ObjectName(database.name, "a")
        statements = [
            Statement(ObjectKind.TABLE, place, "CREATE TABLE a (id INT PRIMARY KEY, t VARCHAR(2000))"),
            Statement(ObjectKind.INDEX, place, "CREATE INDEX i ON a (t)", Stage.REST, "i"),
            Statement(ObjectKind.INDEX, place, "CREATE INDEX j ON a (id)", Stage.REST, "j"),
        ]
        with pytest.raises(RefusedError, match=r"index i of .*\.a.*too long.*made before it: 1 table"):
            target.apply(statements)
        assert "j" not in {index.name for index in target.read().tables[0].indexes}


def test_a_foreign_key_is_made_against_the_rows_that_are_there(server: servers.MySQL) -> None:
    with server.database("orphans") as database:
        database.script(
            "CREATE TABLE p (id INT PRIMARY KEY)",
            "CREATE TABLE c (id INT PRIMARY KEY, p INT)",
            "INSERT INTO c VALUES (1, 7)",
        )
        sql = "ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES p (id)"
        key = Statement(ObjectKind.FOREIGN_KEY, ObjectName(database.name, "c"), sql, Stage.REST, "k")
        with pytest.raises(RefusedError, match=r"error 1452"):
            schema(database).apply([key])


@contextmanager
def user(database: Database, *grants: str) -> Iterator[str]:
    """A URL of a user with these privileges."""
    name = servers.unique_name("u")[:30]
    database.script(f"CREATE USER {name} IDENTIFIED BY 'pw'", *(f"GRANT {grant} TO {name}" for grant in grants))
    try:
        yield database.url_as(name, "pw")
    finally:
        database.execute(f"DROP USER {name}")


def test_without_a_scratch_database_objects_are_made_aside_in_the_sink_s_own(server: servers.MySQL) -> None:
    with server.database("alone") as database, user(database, f"ALL PRIVILEGES ON `{database.name}`.*") as url:
        target = schema(database, url)
        meant = replace(meant_by_a_person(database.name), dialect=target.dialect, others=())
        target.apply([s for s in target.render(meant) if s.kind is not ObjectKind.TRIGGER])
        aside, made = target.canonical(meant), target.read()
        assert alike(replace(aside, triggers=())) == alike(replace(made, triggers=(), schemas=()))
        assert [(trigger.name, trigger.table, trigger.body) for trigger in aside.triggers] == [
            (ObjectName(database.name, "fill"), ObjectName(database.name, "pets"), "SET NEW.owner = 1")
        ]
        assert {str(name) for (name,) in database.query("SHOW TABLES")} == {"People", "pets", "aa", "zz"}


def test_who_may_make_nothing_compares_by_forms_that_need_no_server(server: servers.MySQL) -> None:
    with server.database("bare") as database, user(database, f"SELECT, SHOW VIEW ON `{database.name}`.*") as url:
        meant = replace(meant_by_a_person(database.name), dialect=Dialect(server.kind))
        schema(database).apply([s for s in schema(database).render(meant) if s.kind is ObjectKind.TABLE])
        made, settled = schema(database, url).read(), schema(database, url).canonical(meant)
        for one, other in zip(made.tables, settled.tables, strict=True):
            assert one.options == other.options
            for column, same in zip(one.columns, other.columns, strict=True):
                assert (column.sql_type, column.charset, column.collation) == (
                    same.sql_type,
                    same.charset,
                    same.collation,
                )
                assert column.generated or column.default == same.default or column.type.kind is Kind.TIMESTAMP


def test_what_a_user_may_not_read_is_named(server: servers.MySQL, rich: Database) -> None:
    with user(rich, f"SELECT ON `{rich.name}`.*") as url:
        others = {(str(other.kind), other.name.name): other.reason for other in source_catalog(rich, url).others}
    assert "GRANT TRIGGER" in others["trigger", "(triggers)"]
    needed = "GRANT SELECT ON mysql.proc" if server.kind == "mariadb" else "GRANT SHOW_ROUTINE"
    assert needed in others["other", "(routines)"]
    assert "GRANT EVENT" in others["event", "(events)"]
    assert "cannot be read" in others["view", "a_last"]


def test_grants_of_others_are_told(server: servers.MySQL, rich: Database) -> None:
    grants = (
        f"SELECT, INSERT ON `{rich.name}`.*",
        f"UPDATE (id, total) ON `{rich.name}`.orders",
        f"EXECUTE ON FUNCTION `{rich.name}`.tax",
    )
    with user(rich, *grants):
        found = [other for other in source_catalog(rich).others if other.kind is ObjectKind.GRANT]
        ours = [other for other in found if "'u_" in other.definition]
    assert [(str(other.table or ""), other.definition.partition(" TO ")[0]) for other in ours] == [
        ("", "GRANT INSERT, SELECT ON *"),
        (f"{rich.name}.orders", "GRANT UPDATE (`id`, `total`) ON `orders`"),
        ("", "GRANT EXECUTE ON FUNCTION `tax`"),
    ]


def test_a_source_of_several_databases_reads_those_that_it_selects(server: servers.MySQL) -> None:
    with server.database("one") as one, server.database("two") as two, server.database("three") as three:
        for database in (one, two, three):
            database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
        two.execute(f"CREATE VIEW v AS SELECT a.id FROM t JOIN `{one.name}`.t a ON a.id = t.id")
        two.execute(f"CREATE TABLE k (id INT, FOREIGN KEY f (id) REFERENCES `{one.name}`.t (id))")
        catalog = source_catalog(one, tables=[f"{one.name}.*", f"{two.name}.t"])
        assert {table.name.schema for table in catalog.tables} == {one.name, two.name}
        assert catalog.schemas == (two.name,)
        assert f"`{one.name}`.`t`" in catalog.views[0].query
        assert f"`{two.name}`" not in catalog.views[0].query
        key = next(key for table in catalog.tables for key in table.foreign_keys)
        assert key.table == ObjectName(one.name, "t")
        assert two.execute("DROP TABLE k") == 0


def test_types_are_those_of_the_sink(server: servers.MySQL, rich: Database) -> None:
    customers = source_catalog(rich).table(ObjectName(rich.name, "customers"))
    assert customers is not None
    target = schema(rich)
    types = target.types(customers, Dialect(server.kind))
    binary = "utf8mb4_nopad_bin" if server.kind == "mariadb" else "utf8mb4_0900_bin"
    assert r"'c\\d'" in types["kind"]
    assert types["id"] == "BIGINT UNSIGNED"
    assert types["name"] == f"VARCHAR(100) CHARACTER SET utf8mb4 COLLATE {binary}"
    assert target.limits.name_length == 64
