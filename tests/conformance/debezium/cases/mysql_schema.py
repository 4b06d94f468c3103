"""Statements that change tables of MySQL and MariaDB between their rows."""

from __future__ import annotations

from tests.conformance.debezium.case import MARIADB, MYSQL, MYSQL_FAMILY, WAIT, Case

_TABLE = "CREATE TABLE {t} (id INT PRIMARY KEY, a VARCHAR(20), b INT)"
_FIRST = "INSERT INTO {t} VALUES (1, 'one', 10)"


def _altered(name: str, *changes: str, engines: tuple[str, ...] = MYSQL_FAMILY) -> Case:
    return Case(name, (_TABLE,), (_FIRST, *changes), engines)


CASES = (
    _altered(
        "add_column",
        "ALTER TABLE {t} ADD COLUMN c INT",
        "INSERT INTO {t} VALUES (2, 'two', 20, 30)",
        "UPDATE {t} SET c = 5 WHERE id = 1",
    ),
    _altered(
        "add_column_default",
        "ALTER TABLE {t} ADD COLUMN c VARCHAR(10) NOT NULL DEFAULT 'new'",
        "UPDATE {t} SET b = 11",
        "INSERT INTO {t} (id) VALUES (2)",
    ),
    _altered("add_column_first", "ALTER TABLE {t} ADD COLUMN c INT FIRST", "INSERT INTO {t} VALUES (7, 2, 'two', 20)"),
    _altered("add_column_after", "ALTER TABLE {t} ADD c INT AFTER id, ADD d INT", "UPDATE {t} SET c = 1, d = 2"),
    _altered("drop_column", "ALTER TABLE {t} DROP COLUMN a", "INSERT INTO {t} VALUES (2, 20)", "UPDATE {t} SET b = 11"),
    _altered("drop_and_add", "ALTER TABLE {t} DROP COLUMN a, ADD COLUMN c INT", "INSERT INTO {t} VALUES (2, 20, 30)"),
    _altered("rename_column", "ALTER TABLE {t} RENAME COLUMN a TO c", "UPDATE {t} SET c = 'changed'"),
    _altered(
        "change_column", "ALTER TABLE {t} CHANGE COLUMN b quantity BIGINT", "UPDATE {t} SET quantity = 4294967296"
    ),
    _altered("widen_column", "ALTER TABLE {t} MODIFY COLUMN b BIGINT UNSIGNED", "UPDATE {t} SET b = 4294967296"),
    _altered("retype_column", "ALTER TABLE {t} MODIFY COLUMN b DECIMAL(12,3)", "UPDATE {t} SET b = 10.5"),
    _altered("recharset_column", "ALTER TABLE {t} MODIFY a VARCHAR(20) CHARACTER SET latin1", "UPDATE {t} SET a = 'ä'"),
    _altered("move_column", "ALTER TABLE {t} MODIFY COLUMN a VARCHAR(20) AFTER b", "UPDATE {t} SET a = 'moved'"),
    _altered(
        "enum_grows",
        "ALTER TABLE {t} ADD COLUMN e ENUM('x','y')",
        "UPDATE {t} SET e = 'y'",
        "ALTER TABLE {t} MODIFY COLUMN e ENUM('w','x','y')",
        "UPDATE {t} SET e = 'w'",
        "UPDATE {t} SET e = 'y'",
    ),
    _altered("add_index", "CREATE INDEX {t}_a ON {t} (a)", "UPDATE {t} SET b = 11", "ALTER TABLE {t} COMMENT 'x'"),
    _altered(
        "quoted_ddl",
        "ALTER TABLE `{t}` ADD COLUMN `c``d` INT DEFAULT 3 COMMENT 'it''s; a \"comment\"' /* not /* nested */",
        "UPDATE {t} SET b = 12",
    ),
    _altered(
        "create_like",
        "CREATE TABLE {t}_copy LIKE {t}",
        "INSERT INTO {t}_copy VALUES (1, 'copied', 1)",
        WAIT,  # its columns are the catalogue's to tell
        "DROP TABLE {t}_copy",
        "INSERT INTO {t} VALUES (2, 'two', 20)",
    ),
    _altered(
        "drop_and_create",
        "DROP TABLE {t}",
        "CREATE TABLE {t} (id INT PRIMARY KEY, z INT)",
        "INSERT INTO {t} VALUES (1, 5)",
    ),
    Case(
        "created_later",
        ("CREATE TABLE {t}_first (id INT PRIMARY KEY)",),
        (
            "INSERT INTO {t}_first VALUES (1)",
            "CREATE TABLE {t}_second (id INT PRIMARY KEY, v VARCHAR(10))",
            "INSERT INTO {t}_second VALUES (1, 'x')",
            "UPDATE {t}_second SET v = 'y'",
        ),
        MYSQL_FAMILY,
    ),
    _altered("key_added", "ALTER TABLE {t} DROP PRIMARY KEY, ADD PRIMARY KEY (id, b)", "UPDATE {t} SET b = 11"),
    _altered("key_renamed", "ALTER TABLE {t} RENAME COLUMN id TO number", "UPDATE {t} SET b = 11"),
    _altered("online_ddl", "ALTER TABLE {t} ADD COLUMN c INT, ALGORITHM=INSTANT", "UPDATE {t} SET c = 1"),
    _altered("default_changes", "ALTER TABLE {t} ALTER COLUMN b SET DEFAULT 9", "INSERT INTO {t} (id) VALUES (2)"),
    _altered(
        "check_constraint",
        "ALTER TABLE {t} ADD CONSTRAINT {t}_c CHECK (b > 0 AND a <> 'x,y')",
        "UPDATE {t} SET b = 12",
    ),
    _altered(
        "functional_index",
        "CREATE INDEX {t}_f ON {t} ((LOWER(a)))",
        "UPDATE {t} SET b = 12",
        engines=(MYSQL,),
    ),
    _altered(
        "mariadb_ddl",
        "ALTER TABLE {t} ADD COLUMN IF NOT EXISTS c INT, ADD COLUMN IF NOT EXISTS b INT",
        "UPDATE {t} SET c = 1",
        engines=(MARIADB,),
    ),
)
