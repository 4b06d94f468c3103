"""PostgreSQL's replica identities, what is stored out of line, and partitions."""

from __future__ import annotations

from tests.conformance.debezium.case import POSTGRES, Case, transaction

_BIG = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) AS n)"
_BIGGER = "(SELECT string_agg(md5(n::text), '') FROM generate_series(500, 900) AS n)"

CASES = (
    Case(
        "identity_default",
        ("CREATE TABLE {t} (id int PRIMARY KEY, name text, n int NOT NULL)", "INSERT INTO {t} VALUES (1, 'one', 1)"),
        ("UPDATE {t} SET n = 2", "UPDATE {t} SET id = 5", "DELETE FROM {t}"),
        POSTGRES,
        quick=True,
    ),
    Case(
        "identity_full",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, name text, n int NOT NULL)",
            "ALTER TABLE {t} REPLICA IDENTITY FULL",
            "INSERT INTO {t} VALUES (1, 'one', 1)",
        ),
        ("UPDATE {t} SET n = 2", "UPDATE {t} SET name = NULL", "UPDATE {t} SET id = 5", "DELETE FROM {t}"),
        POSTGRES,
        quick=True,
    ),
    Case(
        "identity_index",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, code text NOT NULL, n int)",
            "CREATE UNIQUE INDEX {t}_code ON {t} (code)",
            "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_code",
            "INSERT INTO {t} VALUES (1, 'one', 1)",
        ),
        ("UPDATE {t} SET n = 2", "UPDATE {t} SET code = 'two'", "UPDATE {t} SET id = 5", "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "identity_index_alone",
        (
            "CREATE TABLE {t} (code text NOT NULL, n int)",
            "CREATE UNIQUE INDEX {t}_code ON {t} (code)",
            "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_code",
            "INSERT INTO {t} VALUES ('one', 1)",
        ),
        ("UPDATE {t} SET n = 2", "UPDATE {t} SET code = 'two'", "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "identity_changes",
        ("CREATE TABLE {t} (id int PRIMARY KEY, n int)", "INSERT INTO {t} VALUES (1, 1), (2, 2)"),
        (
            "UPDATE {t} SET n = 5 WHERE id = 1",
            "ALTER TABLE {t} REPLICA IDENTITY FULL",
            "UPDATE {t} SET n = 6 WHERE id = 1",
            "DELETE FROM {t} WHERE id = 2",
            "ALTER TABLE {t} REPLICA IDENTITY DEFAULT",
            "UPDATE {t} SET n = 7 WHERE id = 1",
        ),
        POSTGRES,
    ),
    Case(
        "toast_text",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, doc text, n int)",
            "ALTER TABLE {t} ALTER doc SET STORAGE EXTERNAL",
            f"INSERT INTO {{t}} VALUES (1, {_BIG}, 0)",
        ),
        (
            "UPDATE {t} SET n = 1",
            f"UPDATE {{t}} SET doc = {_BIGGER}",
            "UPDATE {t} SET n = 2",
            "UPDATE {t} SET doc = NULL",
            "DELETE FROM {t}",
        ),
        POSTGRES,
    ),
    Case(
        "toast_full",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, doc text, n int)",
            "ALTER TABLE {t} ALTER doc SET STORAGE EXTERNAL",
            "ALTER TABLE {t} REPLICA IDENTITY FULL",
            f"INSERT INTO {{t}} VALUES (1, {_BIG}, 0)",
        ),
        ("UPDATE {t} SET n = 1", "DELETE FROM {t}"),
        POSTGRES,
    ),
    Case(
        "toast_others",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, raw bytea, doc jsonb, words text[], numbers int[], n int)",
            "ALTER TABLE {t} ALTER raw SET STORAGE EXTERNAL",
            "ALTER TABLE {t} ALTER doc SET STORAGE EXTERNAL",
            "ALTER TABLE {t} ALTER words SET STORAGE EXTERNAL",
            "ALTER TABLE {t} ALTER numbers SET STORAGE EXTERNAL",
            f"INSERT INTO {{t}} SELECT 1, {_BIG}::bytea, jsonb_build_object('a', {_BIG}), ARRAY[{_BIG}],"
            " (SELECT array_agg(n) FROM generate_series(1, 3000) AS n), 0",
        ),
        ("UPDATE {t} SET n = 1",),
        POSTGRES,
    ),
    Case(
        "toast_key_change",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, doc text, n int)",
            "ALTER TABLE {t} ALTER doc SET STORAGE EXTERNAL",
            f"INSERT INTO {{t}} VALUES (1, {_BIG}, 0)",
        ),
        ("UPDATE {t} SET id = 2",),
        POSTGRES,
    ),
    Case(
        "partitioned",
        (
            "CREATE TABLE {t} (id int, region text, n int, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
            "CREATE TABLE {t}_east PARTITION OF {t} FOR VALUES IN ('east')",
            "CREATE TABLE {t}_west PARTITION OF {t} FOR VALUES IN ('west')",
            "INSERT INTO {t} VALUES (1, 'east', 0)",
        ),
        (
            "INSERT INTO {t} VALUES (2, 'west', 0)",
            "UPDATE {t} SET n = 1",
            "UPDATE {t} SET region = 'west' WHERE id = 1",
            "DELETE FROM {t} WHERE id = 2",
        ),
        POSTGRES,
    ),
    Case(
        "inherited",
        (
            "CREATE TABLE {t} (id int PRIMARY KEY, n int)",
            "CREATE TABLE {t}_child (extra int, PRIMARY KEY (id)) INHERITS ({t})",
        ),
        ("INSERT INTO {t} VALUES (1, 1)", "INSERT INTO {t}_child VALUES (2, 2, 3)", "UPDATE {t} SET n = 5"),
        POSTGRES,
    ),
    Case(
        "copied",
        ("CREATE TABLE {t} (id int PRIMARY KEY, n int)", "CREATE TABLE {t}_from (id int PRIMARY KEY, n int)"),
        transaction(
            "INSERT INTO {t}_from SELECT n, n FROM generate_series(1, 5) AS n",
            "WITH moved AS (DELETE FROM {t}_from WHERE id > 2 RETURNING *) INSERT INTO {t} SELECT * FROM moved",
        ),
        POSTGRES,
    ),
)
