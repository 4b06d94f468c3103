"""Transactions: of many tables, rolled back in whole and in part, and of both in turn."""

from __future__ import annotations

from tests.conformance.debezium.case import MYSQL_FAMILY, POSTGRES, Case, transaction

_TWO = (
    "CREATE TABLE {t}_orders (id INT PRIMARY KEY, total INT)",
    "CREATE TABLE {t}_lines (orders_id INT, line INT, qty INT, PRIMARY KEY (orders_id, line))",
)

CASES = (
    Case(
        "two_tables",
        _TWO,
        (
            *transaction(
                "INSERT INTO {t}_orders VALUES (1, 0)",
                "INSERT INTO {t}_lines VALUES (1, 1, 5), (1, 2, 6)",
                "UPDATE {t}_orders SET total = 11 WHERE id = 1",
            ),
            *transaction("DELETE FROM {t}_lines WHERE line = 2", "UPDATE {t}_orders SET total = 5"),
        ),
        quick=True,
    ),
    Case(
        "many_tables",
        tuple(f"CREATE TABLE {{t}}_{number} (id INT PRIMARY KEY, n INT)" for number in range(8)),
        transaction(
            *(f"INSERT INTO {{t}}_{number} VALUES (1, {number}), (2, {number})" for number in range(8)),
            *(f"UPDATE {{t}}_{number} SET n = -1 WHERE id = 2" for number in reversed(range(8))),
            *(f"DELETE FROM {{t}}_{number} WHERE id = 1" for number in range(8)),
        ),
    ),
    Case(
        "rolled_back",
        _TWO,
        (
            "BEGIN",
            "INSERT INTO {t}_orders VALUES (1, 0)",
            "INSERT INTO {t}_lines VALUES (1, 1, 5)",
            "ROLLBACK",
            "INSERT INTO {t}_orders VALUES (2, 0)",
        ),
        quick=True,
    ),
    Case(
        "savepoints",
        _TWO,
        transaction(
            "INSERT INTO {t}_orders VALUES (1, 0)",
            "SAVEPOINT first",
            "INSERT INTO {t}_orders VALUES (2, 0)",
            "ROLLBACK TO SAVEPOINT first",
            "INSERT INTO {t}_orders VALUES (3, 0)",
            "SAVEPOINT second",
            "INSERT INTO {t}_lines VALUES (3, 1, 1)",
            "RELEASE SAVEPOINT second",
        ),
    ),
    Case(
        "same_row_often",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, n INT)",),
        transaction(
            "INSERT INTO {t} VALUES (1, 0)",
            *("UPDATE {t} SET n = n + 1 WHERE id = 1" for _ in range(5)),
            "DELETE FROM {t} WHERE id = 1",
            "INSERT INTO {t} VALUES (1, 99)",
        ),
    ),
    Case(
        "large_transaction_mysql",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, doc TEXT)",),
        (
            "INSERT INTO {t} VALUES (0, REPEAT('x', 900))",
            *(f"INSERT INTO {{t}} SELECT id + {1 << power}, doc FROM {{t}}" for power in range(9)),
            "UPDATE {t} SET doc = REPEAT('y', 900)",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "large_transaction_pg",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, doc TEXT)",),
        (
            "INSERT INTO {t} SELECT number, REPEAT('x', 900) FROM generate_series(1, 500) AS number",
            "UPDATE {t} SET doc = REPEAT('y', 900)",
        ),
        POSTGRES,
    ),
    Case(
        "two_at_once",
        (*_TWO, "INSERT INTO {t}_orders VALUES (1, 0), (2, 0)", "INSERT INTO {t}_lines VALUES (1, 1, 5), (2, 1, 6)"),
        (
            "UPDATE {t}_orders JOIN {t}_lines ON orders_id = id SET total = qty, qty = qty + 1",
            "DELETE {t}_orders, {t}_lines FROM {t}_orders JOIN {t}_lines ON orders_id = id WHERE id = 1",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "procedures",
        (
            *_TWO,
            "CREATE PROCEDURE {t}_fill() BEGIN DECLARE n INT DEFAULT 0; START TRANSACTION; WHILE n < 3 DO"
            " INSERT INTO {t}_orders VALUES (n, n); INSERT INTO {t}_lines VALUES (n, 1, n); SET n = n + 1;"
            " END WHILE; COMMIT; END",
        ),
        ("CALL {t}_fill()",),
        MYSQL_FAMILY,
    ),
    Case(
        "temporary_tables",
        _TWO,
        (
            "CREATE TEMPORARY TABLE {t}_heap (id INT PRIMARY KEY, total INT)",
            "INSERT INTO {t}_heap VALUES (1, 5), (2, 6)",
            "INSERT INTO {t}_orders SELECT id, total FROM {t}_heap",
            "UPDATE {t}_heap SET total = 7",
            "INSERT INTO {t}_orders SELECT id + 10, total FROM {t}_heap",
        ),
    ),
    Case(
        "caught_errors",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, n INT)",),
        (
            "DO $$ BEGIN INSERT INTO {t} VALUES (1, 1);"
            " BEGIN INSERT INTO {t} VALUES (2, 2); INSERT INTO {t} VALUES (1, 3);"
            " EXCEPTION WHEN unique_violation THEN INSERT INTO {t} VALUES (4, 4); END;"
            " UPDATE {t} SET n = 5 WHERE id = 1; END $$",
        ),
        POSTGRES,
    ),
    Case(
        "prepared",
        ("CREATE TABLE {t} (id INT PRIMARY KEY)",),
        (
            "BEGIN",
            "INSERT INTO {t} VALUES (1)",
            "PREPARE TRANSACTION '{t}_1'",
            "INSERT INTO {t} VALUES (2)",
            "COMMIT PREPARED '{t}_1'",
            "BEGIN",
            "INSERT INTO {t} VALUES (3)",
            "PREPARE TRANSACTION '{t}_2'",
            "ROLLBACK PREPARED '{t}_2'",
            "INSERT INTO {t} VALUES (4)",
        ),
        POSTGRES,
    ),
    Case(
        "not_transactional",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, n INT) ENGINE=MyISAM",),
        ("INSERT INTO {t} VALUES (1, 1), (2, 2)", "UPDATE {t} SET n = 3", "DELETE FROM {t} WHERE id = 1"),
        MYSQL_FAMILY,
    ),
    Case(
        "logical_message",
        ("CREATE TABLE {t} (id INT PRIMARY KEY)",),
        (
            *transaction("INSERT INTO {t} VALUES (1)", "SELECT pg_logical_emit_message(true, 'x', 'inside')"),
            "SELECT pg_logical_emit_message(false, 'x', 'outside')",
            "INSERT INTO {t} VALUES (2)",
        ),
        POSTGRES,
    ),
)
