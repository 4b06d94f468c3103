"""Oracle's scripts as people and tools write them: blocks that run once, variables, keys of numbers."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.conversion.script import read
from tailrace.schema import Kind


def catalog(text: str) -> Catalog:
    return read(text, Dialect.ORACLE, "sample")


def tables(text: str) -> list[str]:
    return [table.name.name for table in catalog(text).tables]


@pytest.mark.parametrize(
    "block",
    [
        "BEGIN\nINSERT INTO t VALUES (1);\nUPDATE t SET a = 2;\nCOMMIT;\nEND;",
        "DECLARE\n  n NUMBER := 0;\nBEGIN\n  FOR i IN 1 .. 3 LOOP\n    n := n + i;\n    INSERT INTO t VALUES (n);\n"
        "  END LOOP;\n  DBMS_OUTPUT.PUT_LINE(n);\nEXCEPTION\n  WHEN OTHERS THEN NULL;\nEND;",
        "BEGIN\n  IF 1 = 1 THEN\n    DELETE FROM t;\n  ELSIF 2 = 2 THEN\n    NULL;\n  ELSE\n"
        "    RAISE_APPLICATION_ERROR(-1, 'x');\n  END IF;\nEND;",
    ],
)
def test_a_block_that_brings_rows_makes_nothing(block: str) -> None:
    found = catalog(f"{block}\n/\nCREATE TABLE after_it (a NUMBER);")
    assert not found.others
    assert [table.name.name for table in found.tables] == ["AFTER_IT"]
    assert found.skipped[0].line == 1


def test_statements_that_a_block_executes_are_read_with_their_lines() -> None:
    found = catalog(
        "BEGIN\n  EXECUTE IMMEDIATE 'DROP TABLE t';\nEXCEPTION\n  WHEN OTHERS THEN\n    IF SQLCODE != -942 THEN RAISE;"
        " END IF;\nEND;\n/\nBEGIN\n  EXECUTE IMMEDIATE 'CREATE TABLE t (a NUMBER(9),\n b VARCHAR2(5) DEFAULT ''x'')';\n"
        "  EXECUTE IMMEDIATE q'[CREATE INDEX i ON t (b)]';\nEND;\n/\n"
    )
    (made,) = found.tables
    assert (made.line, made.columns[1].line, made.columns[1].default) == (9, 10, "'x'")
    assert [index.name for index in made.indexes] == ["I"]
    assert not found.others


def test_what_is_made_where_it_is_not_there_yet_is_made() -> None:
    block = (
        "DECLARE n NUMBER;\nBEGIN\nSELECT COUNT(*) INTO n FROM user_tables WHERE table_name = 'T';\n"
        "IF n {} THEN\nEXECUTE IMMEDIATE '{}';\nEND IF;\nEND;\n/\n"
    )
    assert tables(block.format("= 0", "CREATE TABLE t (a NUMBER)")) == ["T"]
    assert tables("CREATE TABLE t (a NUMBER);\n" + block.format("> 0", "DROP TABLE t")) == []
    for condition, statement in (("> 0", "CREATE TABLE t (a NUMBER)"), ("= 7", "CREATE TABLE t (a NUMBER)")):
        found = catalog(block.format(condition, statement))
        assert not found.tables
        assert "depends on a condition" in found.others[0].reason
    for table in ("versions", "my_all_tables"):
        found = catalog(block.replace("user_tables", table).format("= 0", "CREATE TABLE t (a NUMBER)"))
        assert not found.tables
        assert found.others


@pytest.mark.parametrize(
    "block",
    [
        "FOR r IN (SELECT 1 FROM dual) LOOP EXECUTE IMMEDIATE 'CREATE TABLE t (a NUMBER)'; END LOOP;",
        "NULL; EXCEPTION WHEN OTHERS THEN EXECUTE IMMEDIATE 'CREATE TABLE t (a NUMBER)';",
        "EXECUTE IMMEDIATE 'CREATE TABLE t (a NUMBER)'; EXECUTE IMMEDIATE text;",
        "INSERT INTO t VALUES (1); make_tables;",
        "IF x = 1 THEN NULL; ELSE EXECUTE IMMEDIATE 'CREATE TABLE t (a NUMBER)'; END IF;",
    ],
)
def test_a_block_of_which_it_is_not_known_what_it_makes_is_a_persons(block: str) -> None:
    found = catalog(f"BEGIN {block} END;\n/\n")
    assert not found.tables
    assert len(found.others) == 1


def test_variables_that_the_script_sets_are_put_in() -> None:
    text = (
        "DEFINE owner = app\nDEF kind='GLOBAL' (CHAR)\nCREATE TABLE &owner..&&owner._log (a NUMBER);\n"
        "SET DEFINE OFF\nCREATE TABLE u (a VARCHAR2(9) DEFAULT 'a&owner');\nCREATE TABLE &other..x (a NUMBER);\n"
    )
    found = catalog(text)
    assert [str(table.name) for table in found.tables] == ["APP.APP_LOG", "U"]
    assert found.tables[1].columns[0].default == "'a&owner'"
    assert found.tables[1].line == 5
    assert [other.line for other in found.others] == [6]


def test_variables_of_sqlcmd_are_put_in() -> None:
    found = read(':setvar s "sales"\nGO\nCREATE TABLE $(s).[$(s)] (a int)', Dialect.TSQL, "")
    assert [str(table.name) for table in found.tables] == ["sales.sales"]


def test_a_dot_in_a_line_of_its_own_takes_no_statement_along() -> None:
    assert tables(".\nCREATE TABLE t (a NUMBER);\n$ ls\nCREATE TABLE u (a NUMBER);") == ["T", "U"]


def test_a_number_that_refers_to_a_whole_number_has_its_type() -> None:
    text = """CREATE TABLE a (id NUMBER(6) PRIMARY KEY);
CREATE TABLE b (id NUMBER REFERENCES a, x NUMBER, CONSTRAINT pb PRIMARY KEY (id));
CREATE TABLE c (id NUMBER CONSTRAINT f REFERENCES b, y NUMBER REFERENCES b DISABLE);"""
    found = {table.name.name: table for table in catalog(text).tables}
    assert [column.type.kind for column in found["B"].columns] == [Kind.INTEGER, Kind.DECIMAL]
    assert [column.type.kind for column in found["C"].columns] == [Kind.INTEGER, Kind.DECIMAL]


def test_a_procedure_of_the_scripts_own_that_drops_makes_nothing() -> None:
    helper = "CREATE PROCEDURE put_away(n IN VARCHAR2) IS\nBEGIN\n  EXECUTE IMMEDIATE 'DROP TABLE ' || n;\nEND;\n/\n"
    found = catalog(f"{helper}CALL put_away('T');\nBEGIN\n  put_away('U');\nEND;\n/\nCREATE TABLE t (a NUMBER);\n")
    assert not found.others
    assert len(found.skipped) == 2
    # It may drop what is there already; another one may make anything.
    assert catalog(f"{helper}CREATE TABLE t (a NUMBER);\nCALL put_away('T');\n").others
    assert catalog(f"{helper.replace('DROP', 'CREATE')}CALL put_away('T');\n").others
    assert catalog(f"{helper}CALL somebody_elses('T');\n").others


@pytest.mark.parametrize("dialect", [Dialect.ORACLE, Dialect.TSQL, Dialect.POSTGRESQL, Dialect.MYSQL])
def test_schemas_that_a_script_takes_for_being_there_are_made_in_the_target(dialect: Dialect) -> None:
    found = read("CREATE TABLE a.t (id int);\nCREATE TABLE B.u (id int);\nCREATE TABLE c (id int);", dialect, "")
    assert {schema.lower() for schema in found.schemas} == {"a", "b"}


def test_what_dbms_metadata_writes() -> None:
    (made,) = catalog(
        """CREATE TABLE "HR"."EMP" ("ID" NUMBER(*,0) GENERATED ALWAYS AS IDENTITY MINVALUE 1
  MAXVALUE 9999999999999999999999999999 INCREMENT BY 2 START WITH 101 CACHE 20 NOORDER  NOCYCLE  NOKEEP
  NOSCALE  NOT NULL ENABLE,
"X" "SYS"."XMLTYPE", "N" VARCHAR2(5), "OLD" NUMBER, CONSTRAINT "CK" CHECK ("N" <> 'N' OR n IS NULL)) ;
CREATE INDEX "HR"."I" ON "HR"."EMP" (UPPER("N")) ;
ALTER TABLE "HR"."EMP" SET UNUSED ("OLD");
ALTER TABLE "HR"."EMP" RENAME COLUMN "N" TO "Name";
ALTER INDEX "HR"."I" REBUILD;
ALTER INDEX "HR"."I" RENAME TO "J";"""
    ).tables
    identity = made.columns[0].identity
    assert identity is not None
    assert (identity.always, identity.counter.start, identity.counter.increment) == (True, 101, 2)
    assert [column.name for column in made.columns] == ["ID", "X", "Name"]
    assert made.columns[1].type.kind is Kind.OTHER
    assert made.checks[0].expression == """"Name" <> 'N' OR "Name" IS NULL"""
    assert (made.indexes[0].name, made.indexes[0].parts[0].expression) == ("J", 'UPPER("Name")')
