"""Keys: what they are, that they change, and that there are none."""

from __future__ import annotations

from tests.conformance.debezium.case import MYSQL_FAMILY, POSTGRES, Case, transaction

_FULL = "ALTER TABLE {t} REPLICA IDENTITY FULL"

CASES = (
    Case(
        "key_change",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(40))", "INSERT INTO {t} VALUES (1, 'one'), (2, 'two')"),
        ("UPDATE {t} SET id = 10 WHERE id = 1", "UPDATE {t} SET id = id + 100", "DELETE FROM {t} WHERE id = 110"),
        quick=True,
    ),
    Case(
        "key_change_not_null",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, qty INT NOT NULL)",),
        ("INSERT INTO {t} VALUES (1, 'one', 1)", "UPDATE {t} SET id = 2, name = 'two'", "DELETE FROM {t}"),
    ),
    Case(
        "composite_key",
        (
            "CREATE TABLE {t} (b INT, a VARCHAR(10), n INT, PRIMARY KEY (a, b))",
            "INSERT INTO {t} VALUES (1, 'x', 0), (2, 'x', 0)",
        ),
        (
            "INSERT INTO {t} VALUES (1, 'y', 5)",
            "UPDATE {t} SET n = 1 WHERE a = 'x' AND b = 1",
            "UPDATE {t} SET b = 7 WHERE a = 'x' AND b = 2",
            "UPDATE {t} SET a = 'z', b = 8 WHERE a = 'x' AND b = 7",
            "DELETE FROM {t} WHERE a = 'z'",
        ),
    ),
    Case(
        "all_columns_key",
        ("CREATE TABLE {t} (a INT, b INT, PRIMARY KEY (a, b))",),
        ("INSERT INTO {t} VALUES (1, 1), (1, 2)", "UPDATE {t} SET b = 3 WHERE b = 2", "DELETE FROM {t} WHERE b = 1"),
    ),
    Case(
        "text_key",
        ("CREATE TABLE {t} (code VARCHAR(20) PRIMARY KEY, n INT)",),
        (
            "INSERT INTO {t} VALUES ('a', 1), ('', 2), ('größer ''x''', 3)",
            "UPDATE {t} SET n = 9 WHERE code = ''",
            "UPDATE {t} SET code = 'b' WHERE code = 'a'",
            "DELETE FROM {t} WHERE code = ''",
        ),
    ),
    Case(
        "case_key_mysql",
        ("CREATE TABLE {t} (code VARCHAR(20) PRIMARY KEY, n INT)", "INSERT INTO {t} VALUES ('a', 1)"),
        ("UPDATE {t} SET code = 'A'",),
        MYSQL_FAMILY,
    ),
    Case(
        "decimal_key",
        ("CREATE TABLE {t} (amount DECIMAL(20,4) PRIMARY KEY, n INT)",),
        ("INSERT INTO {t} VALUES (1.5, 1), (-0.0001, 2)", "UPDATE {t} SET n = 3", "DELETE FROM {t}"),
    ),
    Case(
        "bigint_key",
        ("CREATE TABLE {t} (id BIGINT PRIMARY KEY, n INT)",),
        (
            "INSERT INTO {t} VALUES (9223372036854775807, 1), (-9223372036854775808, 2)",
            "UPDATE {t} SET n = 3",
            "DELETE FROM {t}",
        ),
    ),
    Case(
        "date_key",
        ("CREATE TABLE {t} (day DATE PRIMARY KEY, n INT)",),
        ("INSERT INTO {t} VALUES ('2024-02-29', 1)", "UPDATE {t} SET n = 3", "DELETE FROM {t}"),
    ),
    Case(
        "uuid_key",
        ("CREATE TABLE {t} (id uuid PRIMARY KEY, n int)",),
        (
            "INSERT INTO {t} VALUES ('00000000-0000-4000-8000-0000000000AB', 1)",
            "UPDATE {t} SET n = 3",
            "DELETE FROM {t}",
        ),
        POSTGRES,
    ),
    Case(
        "binary_key",
        ("CREATE TABLE {t} (id BINARY(4) PRIMARY KEY, n INT)",),
        ("INSERT INTO {t} VALUES (X'01020000', 1), (X'FFFFFF00', 2)", "UPDATE {t} SET n = 3", "DELETE FROM {t}"),
        MYSQL_FAMILY,
    ),
    Case(
        "unsigned_key",
        ("CREATE TABLE {t} (id BIGINT UNSIGNED PRIMARY KEY, n INT)",),
        ("INSERT INTO {t} VALUES (18446744073709551615, 1), (1, 2)", "UPDATE {t} SET n = 3", "DELETE FROM {t}"),
        MYSQL_FAMILY,
    ),
    Case(
        "keyless",
        ("CREATE TABLE {t} (name VARCHAR(20), n INT)", "INSERT INTO {t} VALUES ('there', 0)"),
        (
            "INSERT INTO {t} VALUES ('a', 1), ('a', 1), (NULL, NULL)",
            "UPDATE {t} SET n = 2 WHERE name = 'a'",
            "DELETE FROM {t} WHERE name = 'a' OR name IS NULL",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "keyless_full",
        ("CREATE TABLE {t} (name VARCHAR(20), n INT)", _FULL, "INSERT INTO {t} VALUES ('there', 0)"),
        (
            "INSERT INTO {t} VALUES ('a', 1), ('a', 1), (NULL, NULL)",
            "UPDATE {t} SET n = 2 WHERE name = 'a'",
            "DELETE FROM {t} WHERE name = 'a' OR name IS NULL",
        ),
        POSTGRES,
    ),
    Case(
        "keyless_inserts",
        ("CREATE TABLE {t} (name VARCHAR(20), n INT)",),
        ("INSERT INTO {t} VALUES ('a', 1), ('a', 1), (NULL, NULL)", "TRUNCATE {t}", "INSERT INTO {t} VALUES ('b', 2)"),
        POSTGRES,
        inserts_only=("{t}",),
    ),
    Case(
        "unique_mysql",
        ("CREATE TABLE {t} (code VARCHAR(20) NOT NULL, n INT, UNIQUE KEY (code))",),
        (
            "INSERT INTO {t} VALUES ('a', 1)",
            "UPDATE {t} SET n = 2",
            "UPDATE {t} SET code = 'b'",
            "DELETE FROM {t}",
        ),
        MYSQL_FAMILY,
    ),
    Case(
        "unique_full",
        ("CREATE TABLE {t} (code VARCHAR(20) NOT NULL UNIQUE, n INT)", _FULL),
        ("INSERT INTO {t} VALUES ('a', 1)", "UPDATE {t} SET n = 2", "UPDATE {t} SET code = 'b'", "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "key_swap",
        ("CREATE TABLE {t} (id INT PRIMARY KEY, name VARCHAR(20))", "INSERT INTO {t} VALUES (1, 'a'), (2, 'b')"),
        transaction(
            "UPDATE {t} SET id = 3 WHERE id = 1",
            "UPDATE {t} SET id = 1 WHERE id = 2",
            "UPDATE {t} SET id = 2 WHERE id = 3",
        ),
    ),
)
