"""Statements that change PostgreSQL's tables between their rows.

Debezium asks the catalogue about a table when it meets it in the log; WAIT keeps it from meeting rows of before a
statement after that statement.
"""

from __future__ import annotations

from tests.conformance.debezium.case import POSTGRES, WAIT, Case

_TABLE = "CREATE TABLE {t} (id int PRIMARY KEY, a varchar(20), b int)"
_FIRST = "INSERT INTO {t} VALUES (1, 'one', 10)"


def _altered(name: str, *changes: str) -> Case:
    return Case(name, (_TABLE,), (_FIRST, WAIT, *changes), POSTGRES)


CASES = (
    _altered(
        "pg_add_column",
        "ALTER TABLE {t} ADD COLUMN c int",
        "INSERT INTO {t} VALUES (2, 'two', 20, 30)",
        "UPDATE {t} SET c = 5 WHERE id = 1",
    ),
    _altered(
        "pg_add_column_default",
        "ALTER TABLE {t} ADD COLUMN c varchar(10) NOT NULL DEFAULT 'new'",
        "UPDATE {t} SET b = 11",
        "INSERT INTO {t} (id) VALUES (2)",
    ),
    _altered("pg_drop_column", "ALTER TABLE {t} DROP COLUMN a", "INSERT INTO {t} VALUES (2, 20)", "DELETE FROM {t}"),
    _altered(
        "pg_drop_and_add",
        "ALTER TABLE {t} DROP COLUMN a, ADD COLUMN a int",
        "INSERT INTO {t} VALUES (2, 20, 30)",
    ),
    _altered("pg_rename_column", "ALTER TABLE {t} RENAME COLUMN a TO c", "UPDATE {t} SET c = 'changed'"),
    _altered("pg_widen_column", "ALTER TABLE {t} ALTER COLUMN b TYPE bigint", "UPDATE {t} SET b = 4294967296"),
    _altered("pg_retype_column", "ALTER TABLE {t} ALTER COLUMN b TYPE numeric(12,3)", "UPDATE {t} SET b = 10.5"),
    _altered("pg_lengthen_column", "ALTER TABLE {t} ALTER COLUMN a TYPE text", "UPDATE {t} SET a = repeat('x', 30)"),
    _altered("pg_add_index", "CREATE INDEX {t}_a ON {t} (a)", "UPDATE {t} SET b = 11"),
    _altered(
        "pg_ddl_in_transaction",
        "BEGIN",
        "UPDATE {t} SET b = 11",
        "ALTER TABLE {t} ADD COLUMN c int DEFAULT 7",
        "UPDATE {t} SET b = 12",
        "COMMIT",
    ),
    _altered(
        "pg_ddl_rolled_back",
        "BEGIN",
        "ALTER TABLE {t} ADD COLUMN c int DEFAULT 7",
        "UPDATE {t} SET b = 12",
        "ROLLBACK",
        "UPDATE {t} SET b = 13",
    ),
    _altered("pg_key_renamed", "ALTER TABLE {t} RENAME COLUMN id TO number", "UPDATE {t} SET b = 11"),
    Case(
        "pg_created_later",
        ("CREATE TABLE {t}_first (id int PRIMARY KEY)",),
        (
            "INSERT INTO {t}_first VALUES (1)",
            "CREATE TABLE {t}_second (id int PRIMARY KEY)",
            "INSERT INTO {t}_second VALUES (1)",
        ),
        POSTGRES,
    ),
    Case(
        "pg_enum_grows",
        (
            "CREATE TYPE {t}_mood AS ENUM ('x', 'y')",
            "CREATE TABLE {t} (id int PRIMARY KEY, e {t}_mood)",
            "INSERT INTO {t} VALUES (1, 'x')",
        ),
        ("UPDATE {t} SET e = 'y'", WAIT, "ALTER TYPE {t}_mood ADD VALUE 'z'", "UPDATE {t} SET e = 'z'"),
        POSTGRES,
    ),
)
