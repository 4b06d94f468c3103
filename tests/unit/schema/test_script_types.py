"""What the types of scripts are without a dialect, and what is said of them."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Column, Dialect
from tailrace.conversion.outcome import Grade
from tailrace.conversion.script import read
from tailrace.conversion.script.types import oracle, tsql
from tailrace.conversion.tables.type_remarks import ORACLE, TSQL, remarks
from tailrace.conversion.tables.type_remarks import Line as RemarkLine
from tailrace.schema import Kind, Type


def column(sql_type: str, dialect: Dialect) -> Column:
    catalog = read(f"CREATE TABLE t (a {sql_type});", dialect, "")
    assert catalog.tables, catalog.others
    return catalog.tables[0].columns[0]


def described(sql_type: str, dialect: Dialect) -> tuple[Kind, int, int]:
    type_ = column(sql_type, dialect).type
    return type_.kind, type_.size, type_.scale


@pytest.mark.parametrize(
    ("sql_type", "expected"),
    [
        ("NUMBER", (Kind.DECIMAL, 0, 0)),
        ("NUMBER(4)", (Kind.INTEGER, 16, 0)),
        ("NUMBER(5,0)", (Kind.INTEGER, 32, 0)),
        ("NUMBER(9)", (Kind.INTEGER, 32, 0)),
        ("NUMBER(10)", (Kind.INTEGER, 64, 0)),
        ("NUMBER(18)", (Kind.INTEGER, 64, 0)),
        ("NUMBER(19)", (Kind.DECIMAL, 19, 0)),
        ("NUMBER(*,0)", (Kind.DECIMAL, 38, 0)),
        ("NUMBER(5,-2)", (Kind.DECIMAL, 5, -2)),
        ("NUMBER(3,5)", (Kind.DECIMAL, 3, 5)),
        ("INTEGER", (Kind.DECIMAL, 38, 0)),
        ("FLOAT(63)", (Kind.DECIMAL, 0, 0)),
        ("BINARY_DOUBLE", (Kind.FLOAT, 64, 0)),
        ("VARCHAR2(20 BYTE)", (Kind.TEXT, 20, 0)),
        ("NVARCHAR2(20)", (Kind.TEXT, 20, 0)),
        ("CHAR", (Kind.TEXT, 1, 0)),
        ("LONG", (Kind.TEXT, 0, 0)),
        ("LONG RAW", (Kind.BYTES, 0, 0)),
        ("RAW(16)", (Kind.BYTES, 16, 0)),
        ("DATE", (Kind.TIMESTAMP, 0, 0)),
        ("TIMESTAMP", (Kind.TIMESTAMP, 6, 0)),
        ("TIMESTAMP(9) WITH TIME ZONE", (Kind.TIMESTAMPTZ, 9, 0)),
        ("TIMESTAMP WITH LOCAL TIME ZONE", (Kind.TIMESTAMPTZ, 6, 0)),
        ("INTERVAL DAY(3) TO SECOND(2)", (Kind.INTERVAL, 2, 0)),
        ("SYS.XMLTYPE", (Kind.OTHER, 0, 0)),
        ("MDSYS.SDO_GEOMETRY", (Kind.OTHER, 0, 0)),
        ("BOOLEAN", (Kind.BOOLEAN, 0, 0)),
    ],
)
def test_oracles_types(sql_type: str, expected: tuple[Kind, int, int]) -> None:
    assert described(sql_type, Dialect.ORACLE) == expected


@pytest.mark.parametrize(
    ("sql_type", "expected"),
    [
        ("bit", (Kind.BOOLEAN, 0, 0)),
        ("[tinyint]", (Kind.INTEGER, 8, 0)),
        ("DECIMAL", (Kind.DECIMAL, 18, 0)),
        ("[numeric](12, 3)", (Kind.DECIMAL, 12, 3)),
        ("money", (Kind.DECIMAL, 19, 4)),
        ("float(24)", (Kind.FLOAT, 32, 0)),
        ("float", (Kind.FLOAT, 64, 0)),
        ("datetime", (Kind.TIMESTAMP, 3, 0)),
        ("datetime2", (Kind.TIMESTAMP, 7, 0)),
        ("datetimeoffset(0)", (Kind.TIMESTAMPTZ, 0, 0)),
        ("smalldatetime", (Kind.TIMESTAMP, 0, 0)),
        ("time(3)", (Kind.TIME, 3, 0)),
        ("nvarchar(max)", (Kind.TEXT, 0, 0)),
        ("varchar", (Kind.TEXT, 1, 0)),
        ("[sys].[sysname]", (Kind.TEXT, 128, 0)),
        ("varbinary(max)", (Kind.BYTES, 0, 0)),
        ("rowversion", (Kind.BYTES, 8, 0)),
        ("uniqueidentifier", (Kind.UUID, 0, 0)),
        ("national character varying(7)", (Kind.TEXT, 7, 0)),
        ("sql_variant", (Kind.OTHER, 0, 0)),
    ],
)
def test_sql_servers_types(sql_type: str, expected: tuple[Kind, int, int]) -> None:
    assert described(sql_type, Dialect.TSQL) == expected


@pytest.mark.parametrize(
    ("sql_type", "name", "kind"),
    [
        ("varchar(60)", "character varying(60)", Kind.TEXT),
        ("int4", "integer", Kind.INTEGER),
        ("timestamptz(3)", "timestamp(3) with time zone", Kind.TIMESTAMPTZ),
        ("time", "time without time zone", Kind.TIME),
        ("decimal(12,2)", "numeric(12,2)", Kind.DECIMAL),
        ("float(10)", "real", Kind.FLOAT),
        ("int[3]", "integer[]", Kind.OTHER),
        ("double precision[][]", "double precision[]", Kind.OTHER),
        ('"char"', '"char"', Kind.TEXT),
        ("char", "character(1)", Kind.TEXT),
        ("interval day to second(3)", "interval day to second(3)", Kind.INTERVAL),
        ("inet", "inet", Kind.OTHER),
        ("bit varying(4)", "bit varying(4)", Kind.BITS),
    ],
)
def test_postgresqls_types_in_the_servers_words(sql_type: str, name: str, kind: Kind) -> None:
    found = column(sql_type, Dialect.POSTGRESQL)
    assert (found.sql_type, found.type.name, found.type.kind) == (name, name, kind)


def test_mysqls_text_has_its_tables_character_set() -> None:
    text = "CREATE TABLE t (a varchar(9), b text CHARACTER SET utf8mb4, c int(10) unsigned) DEFAULT CHARSET=latin1;"
    a, b, c = read(text, Dialect.MYSQL, "").tables[0].columns
    assert (a.charset, a.type.name) == ("latin1", "varchar(9) character set latin1")
    assert (b.charset, b.type.name) == ("utf8mb4", "text")
    assert (c.sql_type, c.type.unsigned) == ("int unsigned", True)


@pytest.mark.parametrize(
    ("sql_type", "dialect", "said"),
    [
        ("NUMBER(9)", Dialect.ORACLE, {"digits-wider": Grade.AUTOMATIC}),
        ("NUMBER(12,2)", Dialect.ORACLE, {}),
        ("DATE", Dialect.ORACLE, {}),
        ("CHAR(1)", Dialect.ORACLE, {}),
        ("CHAR(3 CHAR)", Dialect.ORACLE, {}),
        ("VARCHAR2(10)", Dialect.ORACLE, {"bytes-counted": Grade.AUTOMATIC}),
        ("TIMESTAMP WITH TIME ZONE", Dialect.ORACLE, {"zone-lost": Grade.CHANGED}),
        ("TIMESTAMP(9) WITH LOCAL TIME ZONE", Dialect.ORACLE, {"fraction-digits": Grade.CHANGED}),
        ("SDO_GEOMETRY", Dialect.ORACLE, {"spatial": Grade.BY_HAND}),
        ("money_typ", Dialect.ORACLE, {"object-type": Grade.BY_HAND}),
        ("LONG RAW", Dialect.ORACLE, {"long": Grade.AUTOMATIC}),
        ("datetime2", Dialect.TSQL, {"fraction-digits": Grade.CHANGED}),
        ("datetime2(6)", Dialect.TSQL, {}),
        ("datetimeoffset", Dialect.TSQL, {"fraction-digits": Grade.CHANGED, "zone-lost": Grade.CHANGED}),
        ("timestamp", Dialect.TSQL, {"rowversion": Grade.BY_HAND}),
        ("binary(4)", Dialect.TSQL, {"binary-padding": Grade.CHANGED}),
        ("int", Dialect.TSQL, {}),
        ("timestamp", Dialect.POSTGRESQL, {}),
    ],
)
def test_what_is_lost_with_a_type_is_said(sql_type: str, dialect: Dialect, said: dict[str, Grade]) -> None:
    found = remarks(column(sql_type, dialect), dialect, Dialect.POSTGRESQL)
    assert {remark.code: remark.grade for remark in found} == said


@pytest.mark.parametrize(("table", "known"), [(ORACLE, oracle.TYPES), (TSQL, tsql.TYPES)])
def test_remarks_are_of_types_that_there_are(table: tuple[RemarkLine, ...], known: dict[str, object]) -> None:
    assert {name for line in table for name in line.types} <= set(known)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[a]*[b]", Type(Kind.DECIMAL, "decimal(21,2)", 21, 2)),
        ("[a]+1", Type(Kind.INTEGER, "int", 32)),
        ("[b]*1.175", Type(Kind.DECIMAL, "decimal(15,5)", 15, 5)),
        ("[c]+N'-'+[c]", Type(Kind.TEXT, "nvarchar(21)", 21)),
        ("CONVERT([date],[d])", Type(Kind.DATE, "date")),
        ("dateadd(day,1,[d])", Type(Kind.TIMESTAMP, "datetime", 3)),
        ("datediff(day,[d],getdate())", Type(Kind.INTEGER, "int", 32)),
        ("case when [a]>0 then 'yes' else 'nope' end", None),
        ("dbo.fn([a])", None),
        ("[b]/[b]", None),
    ],
)
def test_the_type_of_a_computed_column_follows_from_its_expression(expression: str, expected: Type | None) -> None:
    text = f"CREATE TABLE t (a int, b decimal(10,2), c nvarchar(10), d datetime, e AS ({expression}))"
    catalog = read(text, Dialect.TSQL, "")
    found = catalog.tables[0].columns[-1]
    if expected is None:
        assert not found.sql_type
        assert [remark.code for remark in remarks(found, Dialect.TSQL, Dialect.POSTGRESQL)] == ["computed-type"]
    else:
        assert found.type == expected
