"""The page of scripts: ``python -m tests.conformance.scripts_page docs/reference/scripts.md`` renews its tables.

What stands between ``<!-- types: … -->`` and ``<!-- end -->`` is made from the code that does it: types by the reader
of scripts, the columns of the targets by their own tables, what is said by `type_remarks`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tailrace.conversion.catalog import Column, Dialect, ObjectName, Table
from tailrace.conversion.outcome import Grade
from tailrace.conversion.script import read
from tailrace.conversion.tables.type_remarks import ORACLE, TSQL, remarks
from tailrace.conversion.target import SchemaTarget
from tailrace_mysql.schema.target import MySQLSchema
from tailrace_postgres.schema.target import PostgresSchemaTarget
from tailrace_sqlite.schema.target import SQLiteSchemaTarget

_BLOCK = re.compile(r"(<!-- types: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLLATED = re.compile(r"(?i) CHARACTER SET .*| COLLATE .*")
_TYPES = {
    Dialect.ORACLE: (
        *(
            "NUMBER",
            "NUMBER(4)",
            "NUMBER(9)",
            "NUMBER(18)",
            "NUMBER(19)",
            "NUMBER(12,2)",
            "NUMBER(5,-2)",
            "NUMBER(*,0)",
        ),
        *("INTEGER", "FLOAT(63)", "BINARY_FLOAT", "BINARY_DOUBLE", "BOOLEAN"),
        *("VARCHAR2(20 BYTE)", "VARCHAR2(20 CHAR)", "NVARCHAR2(20)", "CHAR(3 CHAR)", "CLOB", "NCLOB", "LONG"),
        *("RAW(16)", "BLOB", "LONG RAW", "BFILE", "DATE", "TIMESTAMP", "TIMESTAMP(9)", "TIMESTAMP WITH TIME ZONE"),
        *("TIMESTAMP WITH LOCAL TIME ZONE", "INTERVAL YEAR TO MONTH", "INTERVAL DAY TO SECOND(3)"),
        *("ROWID", "XMLTYPE", "JSON", "SDO_GEOMETRY", "money_typ"),
    ),
    Dialect.TSQL: (
        *("bit", "tinyint", "smallint", "int", "bigint", "decimal(12,2)", "money", "smallmoney", "real", "float"),
        *("char(3)", "varchar(20)", "nvarchar(20)", "nvarchar(max)", "text", "ntext", "sysname"),
        *("binary(4)", "varbinary(20)", "varbinary(max)", "image", "rowversion", "date", "time(3)", "datetime"),
        *("smalldatetime", "datetime2(3)", "datetime2", "datetimeoffset(3)", "uniqueidentifier", "xml", "json"),
        *("sql_variant", "hierarchyid", "geography"),
    ),
}


def renewed(page: str) -> str:
    """The page with every table as the code has it now.

    Raises:
        KeyError: a marker names no table.
    """
    return _BLOCK.sub(lambda block: block[1] + "\n" + "\n".join(_TABLES[block[2]]()) + "\n\n" + block[3], page)


def _table(dialect: Dialect) -> Callable[[], Iterator[str]]:
    def rows() -> Iterator[str]:
        yield "| column | kind | PostgreSQL | MySQL | SQLite | said |"
        yield "|---|---|---|---|---|---|"
        targets: tuple[SchemaTarget, ...] = (PostgresSchemaTarget(None), MySQLSchema(None), SQLiteSchemaTarget(None))
        for written in _TYPES[dialect]:
            (table,) = read(f"CREATE TABLE t (a {written});", dialect, "").tables
            (column,) = table.columns
            said = remarks(column, dialect, Dialect.POSTGRESQL)
            left_out = any(remark.grade is Grade.BY_HAND for remark in said)
            found = ["(left out)" if left_out else f"`{_type(target, table, dialect)}`" for target in targets]
            codes = ", ".join(_code(remark.code, remark.grade) for remark in said)
            yield f"| `{written}` | {column.type.kind} | {' | '.join(found)} | {codes} |"

    return rows


def _type(target: SchemaTarget, table: Table, dialect: Dialect) -> str:
    moved = Table(ObjectName("", "t"), table.columns)
    return _COLLATED.sub("", target.types(moved, dialect)[table.columns[0].name]) or "(none)"


def _code(code: str, grade: Grade) -> str:
    return f"**{code}**" if grade is Grade.BY_HAND else f"*{code}*" if grade is Grade.CHANGED else code


def _remarks() -> Iterator[str]:
    yield "| code | converted | what is different | what to do |"
    yield "|---|---|---|---|"
    seen: set[tuple[str, str]] = set()
    own = {one.code: one for one in remarks(_own_type(), Dialect.ORACLE, Dialect.POSTGRESQL)}
    for remark in (*(line.remark for line in (*ORACLE, *TSQL)), *own.values()):
        if (remark.code, remark.reason) in seen:
            continue
        seen.add((remark.code, remark.reason))
        yield f"| {remark.code} | {_GRADES[remark.grade]} | {remark.reason} | {remark.proposal} |"


def _own_type() -> Column:
    return read("CREATE TABLE t (a money_typ);", Dialect.ORACLE, "").tables[0].columns[0]


_GRADES = {Grade.AUTOMATIC: "by itself", Grade.CHANGED: "with a difference", Grade.BY_HAND: "by hand: left out"}
_TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "from Oracle": _table(Dialect.ORACLE),
    "from SQL Server": _table(Dialect.TSQL),
    "remarks": _remarks,
}

if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
