"""Where statements begin and end, client by client."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Dialect, Skipped
from tailrace.conversion.script import read
from tailrace.conversion.script.splitting import split
from tailrace.conversion.script.tokens import Script, lex


def statements(text: str, dialect: Dialect) -> list[tuple[int, str]]:
    found = split(Script(text, dialect))
    return [(one.line, one.text) for one in found if not isinstance(one, Skipped)]


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        (
            Dialect.MYSQL,
            "SELECT ';', \"a;b\", `c;d`; -- ;\nSELECT 2 # ;\n;",
            ["SELECT ';', \"a;b\", `c;d`", "SELECT 2"],
        ),
        (Dialect.MYSQL, "DELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT 1; END$$\nDELIMITER ;\nSELECT 2;", None),
        (Dialect.MYSQL, "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = 'x\\';';\nSELECT 3", None),
        (Dialect.POSTGRESQL, "SELECT $a$ ; $b$ ; $a$; SELECT E'\\';' /* ; /* ; */ ; */;", None),
        (Dialect.ORACLE, "CREATE TABLE a (b CHAR(1))\n/\nSELECT q'[;']' FROM dual;\n/\n", None),
        (
            Dialect.TSQL,
            "PRINT 'GO'\n/* a\nGO\n*/ DROP TABLE [GO;]\nGO 3\nSELECT 2;",
            ["PRINT 'GO'", "DROP TABLE [GO;]", "SELECT 2"],
        ),
        (Dialect.TSQL, "CREATE TABLE a (b int REFERENCES c ON DELETE\nSET NULL)\nCREATE INDEX i ON a (b)", None),
    ],
)
def test_statements_end_where_the_client_ends_them(dialect: Dialect, text: str, expected: list[str] | None) -> None:
    found = [one for _, one in statements(text, dialect)]
    assert len(found) == len(expected or found[:2]) == (len(expected) if expected else 2)
    if expected:
        assert found == expected


def test_a_unit_of_pl_sql_ends_at_a_slash_or_before_a_statement_that_cannot_be_in_it() -> None:
    text = (
        "CREATE PACKAGE BODY p AS\n  x NUMBER; -- /\nEND;\n/\n"
        "CREATE FUNCTION f RETURN NUMBER IS\nBEGIN RETURN 1; END;\nCREATE TABLE t (a DATE);\n"
    )
    found = statements(text, Dialect.ORACLE)
    assert [line for line, _ in found] == [1, 5, 7]
    assert found[0][1].endswith("END;")
    assert found[1][1].endswith("END;")


def test_commands_of_the_client_are_skipped_by_name() -> None:
    text = "PROMPT it's; here\nREM don't\nSET DEFINE OFF\nCREATE TABLE t (a DATE);\n@other.sql\nSHOW ERRORS\n"
    found = list(split(Script(text, Dialect.ORACLE)))
    assert [one.line for one in found] == [1, 2, 3, 4, 5, 6]
    assert [isinstance(one, Skipped) for one in found] == [True, True, True, False, False, True]


def test_the_data_of_copy_are_counted() -> None:
    text = "COPY t (a) FROM stdin;\n1\tit's; a (\n2\t$$\n\\.\n\\connect other\nCREATE TABLE u (a int);\n"
    found = list(split(Script(text, Dialect.POSTGRESQL)))
    (data,) = [one for one in found if isinstance(one, Skipped) and one.rows]
    assert (data.rows, data.line, data.last) == (2, 2, 4)
    assert not isinstance(found[-1], Skipped)
    assert found[-1].line == 6


def test_a_batch_with_a_program_is_one_statement() -> None:
    text = "CREATE PROC p AS\nCREATE TABLE #t (a int);\nINSERT #t VALUES (1)\nGO\nDROP TABLE a;\nDROP TABLE b\n"
    assert [line for line, _ in statements(text, Dialect.TSQL)] == [1, 5, 6]


@pytest.mark.parametrize(
    ("dialect", "row"),
    [
        (Dialect.MYSQL, r"""(1, 'it\'s; (', "a""b", `c`), (2, NOW(), 'CREATE TABLE x')"""),
        (Dialect.MYSQL, "(1 -- 'a\n, 'b' # it's\n)"),
        (Dialect.POSTGRESQL, r"(1, E'it\'s); (', 'b''c'), (2, $a$it's;$a$, now())"),
        (Dialect.POSTGRESQL, "(1 /* ' */, 'b;')"),
        (Dialect.ORACLE, "(1, q'[it's);]', TO_DATE('a;', NVL('b', ('c'))))"),
        (Dialect.ORACLE, "(1, 'a''b;', 'c')"),
        (Dialect.TSQL, "(1, N'it''s; (', [f](1), CONVERT(a, CAST(0x01 AS b)))\n, (2, 'x')"),
        (Dialect.TSQL, "(((((((1)))))), 'x')"),
    ],
)
def test_rows_end_where_the_statement_ends(dialect: Dialect, row: str) -> None:
    name = "[t x]" if dialect is Dialect.TSQL else "t"
    end = "\n" if dialect is Dialect.TSQL else ";\n"
    found = read(f"INSERT INTO {name} (a, b) VALUES {row}{end}CREATE TABLE after_it (a int){end}", dialect, "")
    assert [table.name.name.lower() for table in found.tables] == ["after_it"]
    assert not found.others
    assert len(found.skipped) == 1


@pytest.mark.parametrize("dialect", [Dialect.MYSQL, Dialect.POSTGRESQL, Dialect.ORACLE, Dialect.TSQL])
def test_rows_are_passed_over_without_a_token_for_each_value(dialect: Dialect) -> None:
    rows = ", ".join(f"({number}, 'a''b', NULL, F({number}))" for number in range(10_000))
    script = Script(f"INSERT INTO s.t (a, b, c, d) VALUES {rows};", dialect)
    assert len(list(lex(script, 0, len(script.text)))) < 10
