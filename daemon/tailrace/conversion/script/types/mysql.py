"""MySQL's and MariaDB's types, as the connector's source has them."""

from __future__ import annotations

from tailrace.conversion.script.written import Written
from tailrace.schema import Type


def text(written: Written) -> str:
    """As `information_schema.COLUMNS.COLUMN_TYPE` writes it, without the character set."""
    from tailrace_mysql.types import parse

    try:
        return parse(_source(written)).name
    except ValueError:
        return written.text


def described(written: Written) -> Type | None:
    # The connector is asked where a script of its dialect is read, so that one table decides; it needs no driver.
    # A text that says no character set has the table's, which `finishing` knows.
    from tailrace_mysql.types import UnsupportedTypeError, column_type, parse

    try:
        return column_type(parse(_source(written), written.charset or "utf8mb4")).type
    except (ValueError, UnsupportedTypeError):
        return None


def in_charset(sql_type: str, charset: str) -> Type | None:
    """The type of a text column whose character set is its table's."""
    from tailrace_mysql.types import UnsupportedTypeError, column_type, parse

    try:
        return column_type(parse(sql_type, charset)).type
    except (ValueError, UnsupportedTypeError):
        return None


def _source(written: Written) -> str:
    if written.base in ("enum", "set"):
        labels = ",".join("'" + one.replace("\\", "\\\\").replace("'", "''") + "'" for one in written.arguments)
        return f"{written.base}({labels})"
    if written.base in ("serial",):
        return "bigint unsigned"
    base = {
        "national character varying": "varchar",
        "national char varying": "varchar",
        "national varchar": "varchar",
        "national char": "char",
        "national character": "char",
        "long varchar": "mediumtext",
        "long varbinary": "mediumblob",
    }.get(written.base, written.base)
    arguments = f"({','.join(written.arguments)})" if written.arguments else ""
    return f"{base}{arguments} {written.suffix}".strip()
