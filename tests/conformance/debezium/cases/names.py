"""Names of tables and columns: quoted, of many bytes, of characters that topics cannot have."""

from __future__ import annotations

from tests.conformance.debezium.case import MYSQL_FAMILY, POSTGRES, Case

_LONG = "x" * 40

CASES = (
    Case(
        "quoted_mysql",
        ('CREATE TABLE `{t}` (`select` INT PRIMARY KEY, `a b` INT, `c``d` INT, `e"f` INT)',),
        ("INSERT INTO `{t}` VALUES (1, 2, 3, 4)", "UPDATE `{t}` SET `a b` = 5", "DELETE FROM `{t}`"),
        MYSQL_FAMILY,
    ),
    Case(
        "quoted_pg",
        ('CREATE TABLE "{t}" ("select" INT PRIMARY KEY, "a b" INT, "c`d" INT, "e""f" INT, "Upper" INT)',),
        ('INSERT INTO "{t}" VALUES (1, 2, 3, 4, 5)', 'UPDATE "{t}" SET "a b" = 5', 'DELETE FROM "{t}"'),
        POSTGRES,
    ),
    Case(
        "multibyte_columns_mysql",
        ("CREATE TABLE {t} (`größe` INT PRIMARY KEY, `名前` VARCHAR(20), `naïve` INT)",),
        ("INSERT INTO {t} VALUES (1, '値', 2)", "UPDATE {t} SET `naïve` = 3", "DELETE FROM {t}"),
        MYSQL_FAMILY,
    ),
    Case(
        "multibyte_columns_pg",
        ('CREATE TABLE {t} ("größe" INT PRIMARY KEY, "名前" VARCHAR(20), "emoji😀" INT)',),
        ("INSERT INTO {t} VALUES (1, '値', 2)", 'UPDATE {t} SET "emoji😀" = 3', "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "multibyte_table_mysql",
        ("CREATE TABLE `{t}_größe` (id INT PRIMARY KEY)",),
        ("INSERT INTO `{t}_größe` VALUES (1)", "DELETE FROM `{t}_größe`"),
        MYSQL_FAMILY,
    ),
    Case(
        "multibyte_table_pg",
        ('CREATE TABLE "{t}_größe" (id INT PRIMARY KEY)',),
        ('INSERT INTO "{t}_größe" VALUES (1)', 'DELETE FROM "{t}_größe"'),
        POSTGRES,
    ),
    Case(
        "spaced_table_mysql",
        ("CREATE TABLE `{t}_a b` (id INT PRIMARY KEY)", "CREATE TABLE `{t}_a_b` (id INT PRIMARY KEY)"),
        ("INSERT INTO `{t}_a b` VALUES (1)", "INSERT INTO `{t}_a_b` VALUES (2)"),
        MYSQL_FAMILY,
    ),
    Case(
        "spaced_table_pg",
        ('CREATE TABLE "{t}_a b" (id INT PRIMARY KEY)', 'CREATE TABLE "{t}_a_b" (id INT PRIMARY KEY)'),
        ('INSERT INTO "{t}_a b" VALUES (1)', 'INSERT INTO "{t}_a_b" VALUES (2)'),
        POSTGRES,
    ),
    Case(
        "long_names",
        (f"CREATE TABLE {{t}}_{_LONG} (id INT PRIMARY KEY, {_LONG} INT)",),
        (f"INSERT INTO {{t}}_{_LONG} VALUES (1, 1)", f"UPDATE {{t}}_{_LONG} SET {_LONG} = 2"),
    ),
    Case(
        "upper_table_pg",
        ('CREATE TABLE "{t}_T" (id INT PRIMARY KEY)', 'CREATE TABLE "{t}_t" (id INT PRIMARY KEY)'),
        ('INSERT INTO "{t}_T" VALUES (1)', 'INSERT INTO "{t}_t" VALUES (2)'),
        POSTGRES,
    ),
    Case(
        "other_schema",
        ("CREATE SCHEMA {t}", "CREATE TABLE {t}.{t}_a (id INT PRIMARY KEY)", "INSERT INTO {t}.{t}_a VALUES (1)"),
        ("INSERT INTO {t}.{t}_a VALUES (2)", "DELETE FROM {t}.{t}_a"),
        POSTGRES,
    ),
)
