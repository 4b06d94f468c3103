"""SQL Server's scripts as people and tools write them: what is made in which condition, and what is bound to what."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Catalog, Dialect, ObjectName, Table
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.outcome import Conversion, Grade
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace_postgres.schema.target import PostgresSchemaTarget


def catalog(text: str) -> Catalog:
    return read(text, Dialect.TSQL, "sample")


def table(text: str, name: str) -> Table:
    found = catalog(text).table(ObjectName("dbo", name))
    assert found is not None
    return found


def converted(text: str) -> Conversion:
    source, rules = catalog(text), load()
    target = PostgresSchemaTarget(None)
    return convert(source, target, rules, script_names(source, target, rules, ""), "postgres")


def check(text: str) -> str:
    (made,) = converted(text).target.tables
    return made.checks[0].expression


def test_a_computed_column_needs_no_parentheses() -> None:
    made = table(
        "CREATE TABLE bills (net money NOT NULL, tax money NOT NULL, items int,\n"
        "gross AS ISNULL(net + tax, 0) PERSISTED NOT NULL, each AS (net) * (items), label AS UPPER('x'))",
        "bills",
    )
    assert [column.generated for column in made.columns] == [
        *("", "", ""),
        *("ISNULL(net + tax, 0)", "(net) * (items)", "UPPER('x')"),
    ]
    gross, each = made.columns[3:5]
    assert (gross.stored, gross.nullable) == (True, False)
    assert (gross.sql_type, each.sql_type) == ("money", "money")


def test_a_key_of_other_columns_behind_a_column_without_a_comma_is_the_tables() -> None:
    made = table(
        "CREATE TABLE days (d date NOT NULL, week int NOT NULL -- 1 to 53\n"
        "CONSTRAINT pk_days PRIMARY KEY CLUSTERED (d) CONSTRAINT uq_days UNIQUE (week)\n"
        "CONSTRAINT fk_days FOREIGN KEY (week) REFERENCES weeks (n))",
        "days",
    )
    assert [(index.name, index.columns) for index in made.indexes] == [("pk_days", ("d",)), ("uq_days", ("week",))]
    assert [key.columns for key in made.foreign_keys] == [("week",)]


def test_hash_keys_are_keys() -> None:
    made = table("CREATE TABLE m (id int NOT NULL PRIMARY KEY NONCLUSTERED HASH WITH (BUCKET_COUNT = 8))", "m")
    assert made.indexes[0].columns == ("id",)
    made = table(
        "CREATE TABLE m (id int NOT NULL, CONSTRAINT p PRIMARY KEY NONCLUSTERED HASH (id) WITH (BUCKET_COUNT = 8),"
        " INDEX i NONCLUSTERED HASH (id) WITH (BUCKET_COUNT = 8))",
        "m",
    )
    assert [index.columns for index in made.indexes] == [("id",), ("id",)]


@pytest.mark.parametrize(
    "statement",
    [
        "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = 'x') BEGIN ALTER DATABASE x SET SINGLE_USER; "
        "DROP DATABASE x; END",
        "IF @@ERROR <> 0 SET NOEXEC ON",
        "IF db_name() <> 'x' RAISERROR('wrong', 22, 1) WITH LOG",
        "IF SERVERPROPERTY('e') = 1 PRINT 'a' ELSE PRINT 'b'",
        "IF EXISTS (SELECT 1 FROM sys.foreign_keys) ALTER TABLE [dbo].[t] DROP CONSTRAINT [fk]",
        "WHILE @i < 3 BEGIN INSERT INTO t VALUES (1); SET @i = @i + 1 END",
        "RAISERROR('now', 0, 1) WITH NOWAIT",
        "DBCC CHECKDB",
        "DISABLE TRIGGER ddl ON DATABASE",
        "EXEC @got = sp_getapplock @Resource = 'x'",
        "EXEC sp_addextendedproperty 'MS_DiagramPane1', 'x', 'SCHEMA', 'dbo', 'VIEW', 'v'",
    ],
)
def test_what_makes_nothing_under_any_condition_is_no_work_for_a_person(statement: str) -> None:
    found = catalog(statement)
    assert not found.others
    assert len(found.skipped) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "IF @@VERSION LIKE '%2019%' CREATE TABLE t (a int)",
        "IF EXISTS (SELECT 1 FROM sys.tables) CREATE TABLE t (a int)",
        "IF NOT EXISTS (SELECT 1 FROM sys.tables) CREATE TABLE t (a int) ELSE ALTER TABLE t ADD b int",
        "IF NOT EXISTS (SELECT 1 FROM sys.tables)\nCREATE TABLE t (a int)\nELSE\nALTER TABLE t ADD b int",
        "WHILE 1 = 1 CREATE TABLE t (a int)",
        "IF @x = 1 SELECT * INTO t FROM u",
        "IF EXISTS (SELECT 1) EXEC sp_what_it_does",
        "BEGIN TRY CREATE TABLE t (a int) END TRY BEGIN CATCH CREATE TABLE u (a int) END CATCH",
    ],
)
def test_what_depends_on_something_else_is_a_persons(statement: str) -> None:
    found = catalog(statement)
    assert not found.tables
    assert [other.definition for other in found.others] == [statement]


@pytest.mark.parametrize(
    "statement",
    [
        "IF (OBJECT_ID('t') IS NULL) BEGIN CREATE TABLE t (a int) END",
        "IF NOT (EXISTS (SELECT 1 FROM sys.tables))\nCREATE TABLE t (a int)\nELSE\nPRINT 'there'",
        "BEGIN TRY\nCREATE TABLE t (a int)\nEND TRY\nBEGIN CATCH\nPRINT 'failed'\nEND CATCH",
        "BEGIN\nCREATE TABLE t (a int)\nEND",
        "SET NOCOUNT ON CREATE TABLE t (a int)",
        "CREATE TABLE t (a int) CREATE INDEX i ON t (a) DROP TABLE x",
        "CREATE TABLE t (a int)\nInsert Into t Values (1)\nInsert Into t Values (2)",
    ],
)
def test_what_is_made_in_an_empty_database_is_made(statement: str) -> None:
    found = catalog(statement)
    assert [one.name.name for one in found.tables] == ["t"]
    assert not found.others


def test_descriptions_are_comments_by_either_name() -> None:
    text = (
        "CREATE TABLE t (a int)\nGO\nEXEC sp_addextendedproperty N'Description', N'why', 'SCHEMA', 'dbo', 'TABLE', 't'"
    )
    assert table(text, "t").comment == "why"
    assert catalog(text.replace("Description", "Owner")).others


def test_types_defaults_and_rules_are_bound_by_procedures() -> None:
    text = """
EXECUTE sp_addtype code, 'varchar(11)', 'NOT NULL'
GO
CREATE DEFAULT nothing AS 0
GO
CREATE RULE positive AS @any >= 0
GO
CREATE TABLE t (c code, amount int)
GO
EXEC sp_bindefault 'nothing', 't.amount'
EXEC sp_bindrule N'positive', N't.amount'
"""
    made = table(text, "t")
    code, amount = made.columns
    assert (code.type.size, code.nullable, amount.default) == (11, False, "0")
    assert made.checks[0].expression == "[amount] >= 0"
    assert not catalog(text).others
    assert catalog("EXEC sp_bindrule 'gone', 't.a'").others


def test_xml_schemas_are_no_schemas() -> None:
    found = catalog("CREATE XML SCHEMA COLLECTION c AS '<x/>'\nGO\nALTER XML SCHEMA COLLECTION c ADD '<y/>'")
    assert not found.schemas
    assert [other.name.name for other in found.others] == ["c", "c"]


def test_what_the_identity_has_given_is_where_it_goes_on() -> None:
    made = table("CREATE TABLE t (id int IDENTITY(1, 5))\nGO\nDBCC CHECKIDENT ('dbo.t', RESEED, 100)", "t")
    identity = made.columns[0].identity
    assert identity is not None
    assert identity.counter.next == 105


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[0-9][0-9]-[A-F]%", "~* '^[0-9][0-9]\\-[A-F].*$'"),
        ("[^a-z,.]_", "~* '^[^a-z\\,\\.].$'"),
        ("50[%]", "LIKE '50\\%'"),
        ("[[]x]", "LIKE '[x]'"),
        ("[é]", "LIKE 'é'"),
    ],
)
def test_classes_of_letters_in_a_pattern(pattern: str, expected: str) -> None:
    assert check(f"CREATE TABLE t (a varchar(9), CHECK (a LIKE '{pattern}'))") == f'"a" {expected}'


@pytest.mark.parametrize("pattern", ["[0-z]", "[a", "[]", "[^]", "[é-z]"])
def test_classes_that_are_not_surely_read_alike_are_a_persons(pattern: str) -> None:
    made = converted(f"CREATE TABLE t (a varchar(9), CHECK (a LIKE '{pattern}'))")
    assert {item.code for item in made.items if item.grade is Grade.BY_HAND} == {"like-class"}


def test_days_are_written_in_digits_alone() -> None:
    text = "CREATE TABLE t (a datetime DEFAULT '20240131', CHECK (a > '20240131 10:00'))"
    (made,) = converted(text).target.tables
    assert made.columns[0].default == "'2024-01-31 00:00:00'"
    assert made.checks[0].expression == "\"a\" > TIMESTAMP '2024-01-31 10:00:00'"


def test_the_later_queries_of_a_union_need_no_names() -> None:
    made = converted(
        "CREATE TABLE t (a int)\nGO\nCREATE VIEW v AS SELECT a, 'x' AS k FROM t UNION SELECT a, 'y' FROM t"
    )
    assert [view.name.name for view in made.target.views] == ["v"]


def test_indexes_that_are_not_unique_say_nothing_of_nulls() -> None:
    (made,) = converted("CREATE TABLE t (a int)\nGO\nCREATE CLUSTERED INDEX i ON t (a)").target.tables
    assert made.indexes[0].nulls_distinct


def test_what_is_renamed_is_renamed_wherever_it_is_named() -> None:
    text = """CREATE TABLE t (a int, b AS a + 1, CHECK ([A] > 0 AND a(1) = 1))
CREATE TABLE u (x int, FOREIGN KEY (x) REFERENCES t (a))
CREATE UNIQUE INDEX i ON t (a) WHERE a IS NOT NULL
EXEC sp_rename 'dbo.t.a', 'new name', 'COLUMN'
EXEC sp_rename N't.i', N'j', N'INDEX'
EXEC sp_rename 't', 's'"""
    renamed, other = catalog(text).tables
    assert renamed.name.name == "s"
    assert [column.name for column in renamed.columns] == ["new name", "b"]
    assert renamed.columns[1].generated == '"new name" + 1'
    assert renamed.checks[0].expression == '"new name" > 0 AND a(1) = 1'
    index = renamed.indexes[0]
    assert (index.name, index.columns, index.where) == ("j", ("new name",), '"new name" IS NOT NULL')
    key = other.foreign_keys[0]
    assert (key.table.name, key.referenced_columns) == ("s", ("new name",))
    assert catalog("EXEC sp_rename 'gone', 'x'").others


def test_a_default_is_dropped_by_its_name() -> None:
    text = (
        "CREATE TABLE t (a int CONSTRAINT d DEFAULT 1, b int)\nGO\nALTER TABLE t ADD CONSTRAINT [E] DEFAULT 2 FOR b\n"
    )
    assert [column.default for column in table(text, "t").columns] == ["1", "2"]
    assert [column.default for column in table(f"{text}ALTER TABLE t DROP CONSTRAINT D, e", "t").columns] == ["", ""]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CONVERT(varchar(10), d, 120)", '"left"(to_char("t"."d", \'YYYY-MM-DD HH24:MI:SS\'), 10)'),
        ("CONVERT(varchar, d, 120)", 'to_char("t"."d", \'YYYY-MM-DD HH24:MI:SS\')'),
        ("CONVERT(char(8), d, 112)", 'to_char("t"."d", \'YYYYMMDD\')'),
        ("CONVERT(nvarchar(max), d, 104)", 'to_char("t"."d", \'DD.MM.YYYY\')'),
        ("CONVERT(char(20), d, 120)", None),
        ("CONVERT(varchar(30), d, 121)", None),
        ("CONVERT(datetime, x, 112)", None),
        ("CONVERT(varchar(30), z, 112)", None),
    ],
)
def test_moments_as_texts_in_the_styles_that_are_sure(expression: str, expected: str | None) -> None:
    made = converted(
        "CREATE TABLE t (d datetime, x varchar(8), z datetimeoffset)\nGO\n"
        f"CREATE VIEW v AS SELECT {expression} AS s FROM t"
    )
    if expected is None:
        assert not made.target.views
    else:
        assert expected.lower().replace('"', "") in made.target.views[0].query.lower().replace('"', "")


def test_a_time_without_seconds() -> None:
    (made,) = converted("CREATE TABLE t (a time(0) DEFAULT '08:30')").target.tables
    assert made.columns[0].default == "'08:30:00'"
