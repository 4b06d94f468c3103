"""Statements of PostgreSQL 15 and 18."""

from __future__ import annotations

from tests.statements.case import AFTER, CREATE, GONE, WARNED, Case

OLD = ("postgres15",)
NEW = ("postgres16", "postgres18")
_FIVE = "ALTER TABLE {t} ADD COLUMN c int DEFAULT 5"
_NO_LOG = "which are in no log"
_IDENTITY = "REPLICA IDENTITY FULL"

_ENUM = (
    "CREATE TYPE mood{n} AS ENUM ('one', 'two', 'three')",
    "CREATE TABLE {t} (id int PRIMARY KEY, a int, b mood{n})",
    "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, 'three')",
)
_LABELS = (
    "UPDATE {t} SET a = 10 WHERE id = 1",
    "DELETE FROM {t} WHERE id = 3",
    "INSERT INTO {t} VALUES (5, 5, 'two')",
)
_DOMAIN = (
    "CREATE DOMAIN small{n} AS int CHECK (VALUE < 1000)",
    "CREATE TABLE {t} (id int PRIMARY KEY, a small{n}, b varchar(20))",
    CREATE[1],
)
_PARTS = (
    "CREATE TABLE {t} (id int PRIMARY KEY, a int, b varchar(20)) PARTITION BY RANGE (id)",
    "CREATE TABLE {t}_1 PARTITION OF {t} FOR VALUES FROM (0) TO (50)",
    "CREATE TABLE {t}_2 PARTITION OF {t} FOR VALUES FROM (100) TO (200)",
    CREATE[1],
)
_GENERATED = (
    "CREATE TABLE {t} (id int PRIMARY KEY, a int, b varchar(20), s int GENERATED ALWAYS AS (a + 1) STORED)",
    "INSERT INTO {t} (id, a, b) VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, 'four')",
)
_OWN_SCHEMA = (
    "CREATE SCHEMA s{n}",
    "CREATE TABLE s{n}.{t} (id int PRIMARY KEY, a int, b varchar(20))",
    "INSERT INTO s{n}.{t} VALUES (1, 1, 'one'), (2, 2, 'two')",
)
_FULL_ROWS = (CREATE[0], CREATE[1].replace("4, NULL", "4, 4"))
_RENAMED = "the table was renamed to"
_TWO = (*CREATE, "CREATE TABLE {u} (id int PRIMARY KEY, z int)", "INSERT INTO {u} VALUES (1, 1), (2, 2)")

COLUMNS = [
    Case("ADD COLUMN with a constant", (_FIVE,)),
    Case("ADD COLUMN with a stable default", ("ALTER TABLE {t} ADD c timestamptz NOT NULL DEFAULT now()",)),
    Case(
        "ADD COLUMN with a volatile default",
        ("ALTER TABLE {t} ADD c float8 DEFAULT random()",),
        expected=_NO_LOG,
    ),
    Case("ADD an identity column", ("ALTER TABLE {t} ADD c int GENERATED ALWAYS AS IDENTITY",), expected=_NO_LOG),
    Case(
        "ADD, fill, NOT NULL",
        (
            "ALTER TABLE {t} ADD c int",
            "UPDATE {t} SET c = id * 2",
            "ALTER TABLE {t} ALTER c SET NOT NULL, ALTER c SET DEFAULT 7",
        ),
    ),
    Case("SET and DROP NOT NULL", ("ALTER TABLE {t} ALTER b SET NOT NULL", "ALTER TABLE {t} ALTER b DROP NOT NULL")),
    Case("DROP COLUMN", ("ALTER TABLE {t} DROP a",)),
    Case("DROP, ADD of one name at once", ("ALTER TABLE {t} DROP b, ADD b varchar(20)",)),
    Case(
        "DROP, rows, ADD of one name",
        (
            "ALTER TABLE {t} DROP b",
            "INSERT INTO {t} VALUES (7, 7)",
            "ALTER TABLE {t} ADD b varchar(20) DEFAULT 'again'",
        ),
    ),
    Case("RENAME COLUMN", ("ALTER TABLE {t} RENAME a TO c",)),
    Case(
        "RENAME, rows, ADD of the old name",
        (
            "ALTER TABLE {t} RENAME a TO c",
            "UPDATE {t} SET c = 44 WHERE id = 4",
            "ALTER TABLE {t} ADD a int DEFAULT 3",
        ),
    ),
    Case(
        "RENAME, rows, RENAME back",
        (
            "ALTER TABLE {t} RENAME a TO c",
            "UPDATE {t} SET c = 44 WHERE id = 4",
            "ALTER TABLE {t} RENAME c TO a",
        ),
    ),
    Case(
        "RENAME of the key's column",
        ("ALTER TABLE {t} RENAME id TO ident",),
        after=("UPDATE {t} SET a = 12 WHERE ident = 1", "DELETE FROM {t} WHERE ident = 2"),
    ),
    Case(
        "names swapped",
        (
            (
                "ALTER TABLE {t} RENAME a TO x",
                "ALTER TABLE {t} RENAME d TO a",
                "ALTER TABLE {t} RENAME x TO d",
            ),
        ),
        create=(
            "CREATE TABLE {t} (id int PRIMARY KEY, a int, b varchar(20), d int DEFAULT 77)",
            "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, 'four')",
        ),
    ),
    Case(
        "names in other letters",
        ('ALTER TABLE {t} ADD "näme ✓" int DEFAULT 1, ADD "a""b.c" int, ADD 日本 text DEFAULT \'漢字\'',),
    ),
    Case("TYPE widens", ("ALTER TABLE {t} ALTER a TYPE bigint, ALTER b TYPE text",)),
    Case("TYPE of the key", ("ALTER TABLE {t} ALTER id TYPE bigint",)),
    Case("TYPE narrows", ("ALTER TABLE {t} ALTER a TYPE smallint, ALTER b TYPE varchar(6)",)),
    Case("TYPE makes a number a text", ("ALTER TABLE {t} ALTER a TYPE text",)),
    Case("TYPE USING", ("ALTER TABLE {t} ALTER a TYPE bigint USING a * 100",), expected=WARNED),
    Case(
        "an enum with a label more",
        ("ALTER TYPE mood{n} ADD VALUE 'four'", "INSERT INTO {t} VALUES (7, 7, 'four')"),
        create=_ENUM,
        before=_LABELS,
    ),
    Case(
        "an enum's label renamed",
        ("ALTER TYPE mood{n} RENAME VALUE 'three' TO 'drei'", "INSERT INTO {t} VALUES (7, 7, 'drei')"),
        create=_ENUM,
        before=_LABELS,
        expected="label",
    ),
    Case(
        "a label renamed behind rows that have it",
        (
            "ALTER TYPE mood{n} ADD VALUE 'four'",
            "INSERT INTO {t} VALUES (7, 7, 'four')",
            "ALTER TYPE mood{n} RENAME VALUE 'four' TO 'vier'",
            "INSERT INTO {t} VALUES (8, 8, 'vier')",
        ),
        create=_ENUM,
        before=_LABELS,
        expected="label",
    ),
    Case(
        "an enum renamed",
        ("ALTER TYPE mood{n} RENAME TO moods{n}", "INSERT INTO {t} VALUES (7, 7, 'two')"),
        create=_ENUM,
        before=_LABELS,
    ),
    Case("an enum made a text", ("ALTER TABLE {t} ALTER b TYPE text",), create=_ENUM, before=_LABELS),
    Case(
        "ALTER DOMAIN",
        (
            "ALTER DOMAIN small{n} ADD CONSTRAINT positive{n} CHECK (VALUE > 0)",
            "ALTER DOMAIN small{n} SET DEFAULT 3",
            "ALTER DOMAIN small{n} RENAME TO little{n}",
        ),
        create=_DOMAIN,
    ),
    Case("ADD a generated column", ("ALTER TABLE {t} ADD c int GENERATED ALWAYS AS (a * 2) STORED",), servers=OLD),
    Case(
        "ADD a generated column that is published",
        ("ALTER TABLE {t} ADD c int GENERATED ALWAYS AS (a * 2) STORED",),
        servers=("postgres18",),
        expected=_NO_LOG,
    ),
    Case("DROP a generated column", ("ALTER TABLE {t} DROP s",), create=_GENERATED),
    Case(
        "a generated column that is ordinary now",
        ("ALTER TABLE {t} ALTER s DROP EXPRESSION",),
        create=_GENERATED,
        servers=OLD,
        expected=_NO_LOG,
    ),
    Case(
        "a published generated column that is ordinary now",
        ("ALTER TABLE {t} ALTER s DROP EXPRESSION",),
        create=_GENERATED,
        servers=("postgres18",),
    ),
]

KEYS = [
    Case(
        "REPLICA IDENTITY FULL and back",
        (
            "ALTER TABLE {t} REPLICA IDENTITY FULL",
            "UPDATE {t} SET a = 8 WHERE id = 5",
            "ALTER TABLE {t} REPLICA IDENTITY DEFAULT",
        ),
    ),
    Case(
        "REPLICA IDENTITY NOTHING",
        ("ALTER TABLE {t} REPLICA IDENTITY NOTHING",),
        expected=_IDENTITY,
        backlog=_IDENTITY,
        after=("INSERT INTO {t} (id) VALUES (6)",),
    ),
    Case(
        "REPLICA IDENTITY USING INDEX",
        (
            "ALTER TABLE {t} ALTER a SET NOT NULL",
            "CREATE UNIQUE INDEX {t}_a ON {t} (a)",
            "ALTER TABLE {t} REPLICA IDENTITY USING INDEX {t}_a",
        ),
        create=_FULL_ROWS,
        after=(*AFTER[:2], "INSERT INTO {t} (id, a) VALUES (6, 66)"),
    ),
    Case(
        "another PRIMARY KEY",
        ("ALTER TABLE {t} DROP CONSTRAINT {t}_pkey, ADD PRIMARY KEY (id, a)",),
        create=_FULL_ROWS,
        after=(*AFTER[:2], "INSERT INTO {t} (id, a) VALUES (6, 6), (6, 7)"),
    ),
    Case(
        "DROP of the PRIMARY KEY",
        ("ALTER TABLE {t} DROP CONSTRAINT {t}_pkey",),
        expected=_IDENTITY,
        after=("INSERT INTO {t} (id) VALUES (6)",),
    ),
    Case(
        "DROP of the key's column",
        ("ALTER TABLE {t} DROP id",),
        expected=_IDENTITY,
        after=("INSERT INTO {t} (a) VALUES (6)",),
    ),
    Case(
        "indexes and constraints",
        (
            (
                "CREATE INDEX ON {t} (a)",
                "CREATE UNIQUE INDEX {t}_u ON {t} (b)",
                "DROP INDEX {t}_u",
                "ALTER TABLE {t} ADD CONSTRAINT ch CHECK (id > 0) NOT VALID",
                "ALTER TABLE {t} VALIDATE CONSTRAINT ch",
                "ALTER TABLE {t} RENAME CONSTRAINT {t}_pkey TO {t}_key",
            ),
        ),
    ),
]

TABLES = [
    Case(
        "RENAME TABLE",
        ("ALTER TABLE {t} RENAME TO {u}",),
        expected=_RENAMED,
        backlog=GONE,
        backlog_others=(("u", _RENAMED),),
        after=("INSERT INTO {u} VALUES (9)",),
    ),
    Case(
        "SET SCHEMA",
        ("CREATE SCHEMA s{n}", "ALTER TABLE {t} SET SCHEMA s{n}"),
        expected="the table",
        stops="would both go to the table",
        after=("INSERT INTO s{n}.{t} VALUES (9)",),
    ),
    Case(
        "RENAME SCHEMA",
        ("ALTER SCHEMA s{n} RENAME TO r{n}",),
        create=_OWN_SCHEMA,
        before=(),
        expected="the table",
        stops="would both go to the table",
        after=("INSERT INTO r{n}.{t} VALUES (9)",),
    ),
    Case(
        "two tables swapped",
        (
            (
                "ALTER TABLE {t} RENAME TO {v}",
                "ALTER TABLE {u} RENAME TO {t}",
                "ALTER TABLE {v} RENAME TO {u}",
            ),
        ),
        create=_TWO,
        expected=_RENAMED,
        backlog="replaced",
        backlog_others=(("u", "replaced"),),
        others=(("u", _RENAMED),),
        after=("INSERT INTO {t} VALUES (9, 9)", "INSERT INTO {u} VALUES (9, 9, 'nine')"),
    ),
    Case(
        "DROP and CREATE with other columns",
        ("DROP TABLE {t}", "CREATE TABLE {t} (id int PRIMARY KEY, z date)"),
        expected="replaced",
        after=("INSERT INTO {t} VALUES (1, '2024-01-31')",),
    ),
    Case(
        "RENAME, and CREATE of the old name in one transaction",
        (
            (
                "BEGIN",
                "INSERT INTO {t} VALUES (7, 7, 'before')",
                "ALTER TABLE {t} RENAME TO {u}",
                "CREATE TABLE {t} (id int PRIMARY KEY, a int, b varchar(20))",
                "INSERT INTO {t} VALUES (8, 8, 'new')",
                "INSERT INTO {u} VALUES (8, 8, 'old')",
                "COMMIT",
            ),
        ),
        expected=_RENAMED,
        backlog="replaced",
        backlog_others=(("u", _RENAMED),),
        after=("INSERT INTO {t} VALUES (9, 9, 'new')", "INSERT INTO {u} VALUES (9, 9, 'old')"),
    ),
    Case("DROP TABLE", ("DROP TABLE {t}",), expected=GONE, after=()),
    Case(
        "CREATE TABLE LIKE",
        ("CREATE TABLE {u} (LIKE {t} INCLUDING ALL)", "INSERT INTO {u} SELECT * FROM {t}"),
        others=(("u", ""),),
    ),
    Case("CREATE TABLE AS", ("CREATE TABLE {u} AS SELECT * FROM {t}",), others=(("u", "no primary key"),)),
    Case(
        "CREATE TABLE INHERITS",
        (
            "CREATE TABLE {u} (z int, PRIMARY KEY (id)) INHERITS ({t})",
            "INSERT INTO {u} (id, a, z) VALUES (50, 5, 5)",
            "UPDATE {t} SET a = 51 WHERE id IN (5, 50)",
            "ALTER TABLE {t} ADD c int DEFAULT 5",
        ),
        others=(("u", ""),),
    ),
    Case(
        "TRUNCATE",
        (
            "TRUNCATE {t}",
            "INSERT INTO {t} VALUES (2, 2, 'two')",
            "TRUNCATE {t} CASCADE",
            "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (4, 4, 'four')",
        ),
    ),
    Case("SET UNLOGGED", ("ALTER TABLE {t} SET UNLOGGED",), refused=True),
    Case(
        "SET LOGGED",
        ("ALTER TABLE {t} SET LOGGED", "INSERT INTO {t} VALUES (7, 7, 'seven')"),
        create=(CREATE[0].replace("CREATE", "CREATE UNLOGGED"), CREATE[1]),
    ),
    Case(
        "what changes no row",
        (
            (
                "VACUUM FULL {t}",
                "CLUSTER {t} USING {t}_pkey",
                "ANALYZE {t}",
                "REINDEX TABLE {t}",
                "ALTER TABLE {t} ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 10",
                "COMMENT ON COLUMN {t}.a IS 'x'",
                "ALTER TABLE {t} SET (fillfactor = 70)",
                "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY",
            ),
        ),
    ),
    Case(
        "a new partition",
        (
            "CREATE TABLE {t}_3 PARTITION OF {t} FOR VALUES FROM (200) TO (300)",
            "INSERT INTO {t} VALUES (201, 1, 'new')",
        ),
        create=_PARTS,
    ),
    Case(
        "ATTACH PARTITION with rows",
        (
            ("CREATE TABLE {v} (id int PRIMARY KEY, a int, b varchar(20))", "INSERT INTO {v} VALUES (201, 1, 'other')"),
            "ALTER TABLE {t} ATTACH PARTITION {v} FOR VALUES FROM (200) TO (300)",
        ),
        create=_PARTS,
        expected="attached",
    ),
    Case(
        "ATTACH of an empty PARTITION in one transaction",
        (
            (
                "BEGIN",
                "CREATE TABLE {v} (id int PRIMARY KEY, a int, b varchar(20))",
                "ALTER TABLE {t} ATTACH PARTITION {v} FOR VALUES FROM (200) TO (300)",
                "INSERT INTO {t} VALUES (201, 1, 'new')",
                "COMMIT",
            ),
        ),
        create=_PARTS,
    ),
    Case("ADD COLUMN to partitions", (_FIVE,), create=_PARTS),
]

SESSIONS = [
    Case(
        "DDL that is rolled back",
        (("BEGIN", _FIVE, "UPDATE {t} SET c = 6", "INSERT INTO {t} VALUES (7, 7, 'x', 7)", "ROLLBACK"),),
    ),
    Case(
        "DDL that is rolled back to a savepoint",
        (
            (
                "BEGIN",
                "UPDATE {t} SET a = 20 WHERE id = 2",
                "SAVEPOINT s",
                "ALTER TABLE {t} DROP b",
                "INSERT INTO {t} VALUES (8, 8)",
                "ROLLBACK TO s",
                "INSERT INTO {t} VALUES (7, 7, 'x')",
                "COMMIT",
            ),
        ),
    ),
    Case(
        "rows, DDL, rows in one transaction",
        (
            (
                "BEGIN",
                "UPDATE {t} SET a = 20 WHERE id = 2",
                _FIVE,
                "UPDATE {t} SET c = 6 WHERE id = 2",
                "ALTER TABLE {t} RENAME c TO d",
                "INSERT INTO {t} VALUES (7, 7, 'x', 7)",
                "ALTER TABLE {t} DROP a",
                "COMMIT",
            ),
        ),
    ),
    Case(
        "DDL and rows of two tables in one transaction",
        (
            (
                "BEGIN",
                _FIVE,
                "UPDATE {u} SET z = 9 WHERE id = 1",
                "ALTER TABLE {u} ADD y int DEFAULT 4",
                "INSERT INTO {t} VALUES (7, 7, 'x', 7)",
                "INSERT INTO {u} VALUES (3, 3, 3)",
                "ALTER TABLE {u} RENAME z TO x",
                "UPDATE {u} SET x = 10 WHERE id = 2",
                "COMMIT",
            ),
        ),
        create=_TWO,
        others=(("u", ""),),
    ),
    Case(
        "DROP, ADD of one name in one transaction with rows between",
        (
            (
                "BEGIN",
                "ALTER TABLE {t} DROP b",
                "INSERT INTO {t} VALUES (7, 7)",
                "ALTER TABLE {t} ADD b varchar(20)",
                "INSERT INTO {t} VALUES (8, 8, 'x')",
                "COMMIT",
            ),
        ),
    ),
    Case(
        "a function",
        (
            "DO $$ BEGIN EXECUTE 'ALTER TABLE {t} ADD c int DEFAULT 5';"
            " EXECUTE 'UPDATE {t} SET c = 7 WHERE id = 2'; END $$",
        ),
    ),
]

CASES = [*COLUMNS, *KEYS, *TABLES, *SESSIONS]
