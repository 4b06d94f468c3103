"""Rows that are inserted, changed and deleted, one by one and many at once; the same on every server."""

from __future__ import annotations

from tests.conformance.debezium.case import MYSQL_FAMILY, POSTGRES, Case

_TABLE = "CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(40), qty INT)"
_THREE = "INSERT INTO {t} VALUES (1, 'one', 10), (2, 'two', 20), (3, 'three', 30)"

CASES = (
    Case(
        "insert_one",
        (_TABLE,),
        ("INSERT INTO {t} VALUES (1, 'one', 10)", "INSERT INTO {t} (id) VALUES (2)"),
        quick=True,
    ),
    Case("insert_many", (_TABLE,), (_THREE, "INSERT INTO {t} SELECT id + 10, name, qty FROM {t}"), quick=True),
    Case(
        "update_one",
        (_TABLE, _THREE),
        ("UPDATE {t} SET qty = 11 WHERE id = 1", "UPDATE {t} SET name = NULL, qty = NULL WHERE id = 2"),
        quick=True,
    ),
    Case("update_many", (_TABLE, _THREE), ("UPDATE {t} SET qty = qty + 1", "UPDATE {t} SET name = name WHERE id < 3")),
    Case("update_nothing", (_TABLE, _THREE), ("UPDATE {t} SET qty = 1 WHERE id = 99", "DELETE FROM {t} WHERE id = 99")),
    Case("delete_one", (_TABLE, _THREE), ("DELETE FROM {t} WHERE id = 2",), quick=True),
    Case("delete_many", (_TABLE, _THREE), ("DELETE FROM {t} WHERE id > 1", "DELETE FROM {t}")),
    Case(
        "delete_and_again",
        (_TABLE, _THREE),
        (
            "DELETE FROM {t} WHERE id = 1",
            "INSERT INTO {t} VALUES (1, 'again', 0)",
            "UPDATE {t} SET qty = 1 WHERE id = 1",
            "DELETE FROM {t} WHERE id = 1",
        ),
    ),
    Case(
        "upsert_mysql",
        (_TABLE, _THREE),
        (
            "INSERT INTO {t} VALUES (1, 'upserted', 1) ON DUPLICATE KEY UPDATE name = VALUES(name), qty = VALUES(qty)",
            "INSERT INTO {t} VALUES (4, 'upserted', 1) ON DUPLICATE KEY UPDATE name = VALUES(name), qty = VALUES(qty)",
            "REPLACE INTO {t} VALUES (2, 'replaced', 2)",
            "INSERT IGNORE INTO {t} VALUES (3, 'ignored', 3), (5, 'taken', 5)",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "upsert_postgres",
        (_TABLE, _THREE),
        (
            "INSERT INTO {t} VALUES (1, 'upserted', 1), (4, 'upserted', 1)"
            " ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, qty = EXCLUDED.qty",
            "INSERT INTO {t} VALUES (3, 'ignored', 3), (5, 'taken', 5) ON CONFLICT DO NOTHING",
            "MERGE INTO {t} AS old USING (VALUES (2, 'merged'), (6, 'merged')) AS new (id, name) ON old.id = new.id"
            " WHEN MATCHED THEN UPDATE SET name = new.name"
            " WHEN NOT MATCHED THEN INSERT (id, name) VALUES (new.id, new.name)",
        ),
        POSTGRES,
    ),
    Case("truncate", (_TABLE, _THREE), ("TRUNCATE TABLE {t}", "INSERT INTO {t} VALUES (1, 'after', 1)")),
    Case(
        "truncate_two",
        (_TABLE, _THREE, "CREATE TABLE {t}_child (id INT PRIMARY KEY, parent INT REFERENCES {t})"),
        ("TRUNCATE TABLE {t} CASCADE", "INSERT INTO {t} VALUES (1, 'after', 1)", "INSERT INTO {t}_child VALUES (1, 1)"),
        POSTGRES,
    ),
    Case(
        "truncate_together",
        ("CREATE TABLE {t}_a (id INT PRIMARY KEY)", "CREATE TABLE {t}_b (id INT PRIMARY KEY)"),
        (
            "INSERT INTO {t}_a VALUES (1)",
            "INSERT INTO {t}_b VALUES (1)",
            "BEGIN",
            "TRUNCATE {t}_a, {t}_b RESTART IDENTITY",
            "INSERT INTO {t}_a VALUES (2)",
            "COMMIT",
        ),
        POSTGRES,
    ),
    Case(
        "numbered_mysql",
        (
            "CREATE TABLE {t} (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20),"
            " changed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3))",
        ),
        (
            "INSERT INTO {t} (name) VALUES ('a'), ('b')",
            "UPDATE {t} SET name = 'c' WHERE id = 1",
            "BEGIN",
            "INSERT INTO {t} (name) VALUES ('gone')",
            "ROLLBACK",
            "INSERT INTO {t} (name) VALUES ('d')",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "numbered_pg",
        ("CREATE TABLE {t} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, other serial)",),
        ("INSERT INTO {t} (name) VALUES ('a'), ('b')", "UPDATE {t} SET name = 'c' WHERE id = 1"),
        POSTGRES,
    ),
    Case(
        "triggers",
        (
            _TABLE,
            "CREATE TABLE {t}_log (id INT PRIMARY KEY, what VARCHAR(40))",
            "CREATE TRIGGER {t}_after AFTER INSERT ON {t} FOR EACH ROW INSERT INTO {t}_log VALUES (NEW.id, NEW.name)",
        ),
        (_THREE,),
        MYSQL_FAMILY,
    ),
    Case(
        "cascades",
        (
            _TABLE + " ENGINE=InnoDB",
            _THREE,
            "CREATE TABLE {t}_child (id INT PRIMARY KEY, parent INT,"
            " FOREIGN KEY (parent) REFERENCES {t} (id) ON DELETE CASCADE)",
            "INSERT INTO {t}_child VALUES (1, 1), (2, 1), (3, 2)",
        ),
        ("DELETE FROM {t} WHERE id = 1",),
        MYSQL_FAMILY,
    ),
    Case(
        "cascade_pg",
        (
            _TABLE,
            _THREE,
            "CREATE TABLE {t}_child (id INT PRIMARY KEY, parent INT REFERENCES {t} ON DELETE CASCADE)",
            "INSERT INTO {t}_child VALUES (1, 1), (2, 1), (3, 2)",
        ),
        ("DELETE FROM {t} WHERE id = 1",),
        POSTGRES,
    ),
    Case(
        "not_null",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, qty INT NOT NULL DEFAULT 7, extra INT)",),
        (
            "INSERT INTO {t} (id, name) VALUES (1, ''), (2, 'two')",
            "UPDATE {t} SET qty = 8 WHERE id = 1",
            "DELETE FROM {t} WHERE id = 1",
        ),
    ),
    Case(
        "generated_stored",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, qty INT, twice INT GENERATED ALWAYS AS (qty * 2) STORED)",),
        ("INSERT INTO {t} (id, qty) VALUES (1, 4)", "UPDATE {t} SET qty = 5", "DELETE FROM {t}"),
        MYSQL_FAMILY,
    ),
    Case(
        "generated_virtual",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, qty INT, twice INT GENERATED ALWAYS AS (qty * 2) VIRTUAL)",),
        ("INSERT INTO {t} (id, qty) VALUES (1, 4)", "UPDATE {t} SET qty = 5", "DELETE FROM {t}"),
        MYSQL_FAMILY,
    ),
    Case(
        "generated_pg",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, qty INT, twice INT GENERATED ALWAYS AS (qty * 2) STORED)",),
        ("INSERT INTO {t} (id, qty) VALUES (1, 4)", "UPDATE {t} SET qty = 5", "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "default_of_null",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(20) DEFAULT 'none', qty INT DEFAULT 5)",),
        ("INSERT INTO {t} (id) VALUES (1)", "INSERT INTO {t} VALUES (2, NULL, NULL)", "UPDATE {t} SET name = NULL"),
    ),
    Case(
        "large_row",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, doc TEXT)",),
        ("INSERT INTO {t} VALUES (1, REPEAT('abcdefgh', 7000))", "UPDATE {t} SET doc = REPEAT('x', 60000)"),
    ),
    Case(
        "many_columns",
        (f"CREATE TABLE {{t}} (id INT PRIMARY KEY, {', '.join(f'c{number:03} INT' for number in range(150))})",),
        (
            "INSERT INTO {t} (id, c000, c064, c149) VALUES (1, 0, 64, 149)",
            "UPDATE {t} SET c008 = 8, c064 = NULL",
            "DELETE FROM {t}",
        ),
    ),
)
