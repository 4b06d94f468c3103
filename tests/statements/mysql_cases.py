"""Statements of MySQL 9.7 and MariaDB 10.11."""

from __future__ import annotations

from tests.statements.case import AFTER, CREATE, GONE, Case

MARIADB = ("mariadb",)
MYSQL = ("mysql", "mysql-defaults")
#: The log names columns, labels and keys (`binlog_row_metadata=FULL`).
FULL = ("mariadb", "mysql")
STRICT = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES'"
LOOSE = "SET SESSION sql_mode = ''"

_FULL_ROWS = (CREATE[0], CREATE[1].replace("4, NULL", "4, 4"))
_KEYLESS = ("CREATE TABLE {t} (id INT NOT NULL, a INT, b VARCHAR(20))", CREATE[1])
_PAIR = (
    "CREATE TABLE {t} (id INT, a INT, b VARCHAR(20), k INT DEFAULT 1, PRIMARY KEY (k, id))",
    "INSERT INTO {t} VALUES (1, 1, 'one', 1), (2, 2, 'two', 2), (3, 3, 'three', 3), (4, NULL, 'four', 4)",
)
_ENUM = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b ENUM('one','two','three','nobody'))",
    "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, 4, 'three')",
)
_SET = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b SET('one','two','three'))",
    "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three,two'), (4, 4, 'two,one')",
)
_LABELS = (
    "UPDATE {t} SET a = 10 WHERE id = 1",
    "DELETE FROM {t} WHERE id = 3",
    "INSERT INTO {t} VALUES (5, 5, 'two')",
)
_ACCENTS = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b VARCHAR(20)) CHARACTER SET utf8mb4",
    "INSERT INTO {t} VALUES (1, 1, 'é'), (2, 2, 'ü'), (3, 3, 'three'), (4, NULL, 'ñandú')",
)
_LATIN = ("CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b VARCHAR(20)) CHARACTER SET latin1", _ACCENTS[1])
_GENERATED = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b VARCHAR(20), s INT AS (a + 1) STORED, w INT AS (a + 2) VIRTUAL)",
    "INSERT INTO {t} (id, a, b) VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three'), (4, NULL, 'four')",
)
_NAMED = (
    "UPDATE {t} SET a = 10 WHERE id = 1",
    "DELETE FROM {t} WHERE id = 3",
    "INSERT INTO {t} (id, a, b) VALUES (5, 5, 'five')",
)
_PARTS = (
    "CREATE TABLE {t} (id INT PRIMARY KEY, a INT, b VARCHAR(20)) PARTITION BY RANGE (id)"
    " (PARTITION p1 VALUES LESS THAN (3), PARTITION p2 VALUES LESS THAN (1000))",
    CREATE[1],
)
_TWO = (*CREATE, "CREATE TABLE {u} (id INT PRIMARY KEY, z INT)", "INSERT INTO {u} VALUES (1, 1), (2, 2)")
_INTO_U = ("INSERT INTO {u} (id) VALUES (9)",)
_IDENTIFIED = ("UPDATE {t} SET a = 12 WHERE ident = 1", "DELETE FROM {t} WHERE ident = 2")
_FIVE = "ALTER TABLE {t} ADD COLUMN c INT DEFAULT 5"
_RENAMED = "was renamed to"

COLUMNS = [
    Case("ADD COLUMN with a constant", (_FIVE,)),
    Case(
        "ADD COLUMN with an expression",
        ("ALTER TABLE {t} ADD COLUMN c VARCHAR(20) DEFAULT (CONCAT('x', 'y'))",),
        expected="DEFAULT of column c is an expression",
    ),
    Case("ADD COLUMN NOT NULL", (LOOSE, "ALTER TABLE {t} ADD COLUMN c INT NOT NULL, ADD d VARCHAR(9) NOT NULL")),
    Case("ADD COLUMN FIRST and AFTER", ("ALTER TABLE {t} ADD c INT DEFAULT 1 FIRST, ADD d INT DEFAULT 2 AFTER a",)),
    Case("ADD COLUMN at once", (f"{_FIVE}, ALGORITHM=INSTANT",)),
    Case("ADD COLUMN by a copy", (f"{_FIVE} FIRST, ALGORITHM=COPY, LOCK=SHARED",)),
    Case("ADD several in parentheses", ("ALTER TABLE {t} ADD (c INT DEFAULT 1, d INT, INDEX i (c), UNIQUE KEY (d))",)),
    Case(
        "ADD COLUMN with constraints",
        ("ALTER TABLE {t} ADD c INT UNIQUE COMMENT 'x, DROP COLUMN a', ADD d INT DEFAULT 1 CHECK (d > 0)",),
    ),
    Case(
        "ADD an AUTO_INCREMENT column",
        ("ALTER TABLE {t} ADD c INT NOT NULL AUTO_INCREMENT UNIQUE",),
        expected="the server computed column c",
    ),
    Case("ADD a TIMESTAMP of now", ("ALTER TABLE {t} ADD c TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP",)),
    Case("ADD a TIMESTAMP and a JSON", ("ALTER TABLE {t} ADD c TIMESTAMP, ADD d JSON",)),
    Case(
        "ADD a TIMESTAMP of a session without explicit defaults",
        (LOOSE, "SET SESSION explicit_defaults_for_timestamp = OFF", "ALTER TABLE {t} ADD c TIMESTAMP"),
        expected="column c",
    ),
    Case("DROP COLUMN", ("ALTER TABLE {t} DROP COLUMN a",), after=AFTER),
    Case("DROP without COLUMN", ("ALTER TABLE {t} DROP b",)),
    Case("DROP and ADD of one name", ("ALTER TABLE {t} DROP a, ADD a INT DEFAULT 9",)),
    Case(
        "DROP, rows, ADD of one name",
        (
            "ALTER TABLE {t} DROP b",
            "INSERT INTO {t} VALUES (7, 7)",
            "ALTER TABLE {t} ADD b VARCHAR(20) DEFAULT 'again'",
        ),
    ),
    Case("RENAME COLUMN", ("ALTER TABLE {t} RENAME COLUMN a TO c",)),
    Case("RENAME COLUMN to capitals", ("ALTER TABLE {t} RENAME COLUMN a TO A",)),
    Case("RENAME of the key's column", ("ALTER TABLE {t} RENAME COLUMN id TO ident",), after=_IDENTIFIED),
    Case("names swapped by RENAME", ("ALTER TABLE {t} RENAME COLUMN a TO b, RENAME COLUMN b TO a",)),
    Case("names swapped by CHANGE", ("ALTER TABLE {t} CHANGE a b INT, CHANGE b a VARCHAR(20)",)),
    Case(
        "many clauses",
        (
            "ALTER TABLE {t} ADD c INT DEFAULT 3 AFTER id, CHANGE a e BIGINT AFTER c, DROP b,"
            " ADD b VARCHAR(5) DEFAULT 'n', ADD INDEX (c), COMMENT = 'DROP COLUMN e'",
        ),
    ),
    Case("CHANGE widens", ("ALTER TABLE {t} CHANGE a c BIGINT, CHANGE b d VARCHAR(200)",)),
    Case("MODIFY widens", ("ALTER TABLE {t} MODIFY a BIGINT NULL, MODIFY b TEXT",)),
    Case("MODIFY moves", ("ALTER TABLE {t} MODIFY b VARCHAR(20) FIRST, MODIFY id INT AFTER a",)),
    Case("MODIFY narrows a number", (STRICT, "ALTER TABLE {t} MODIFY a SMALLINT")),
    Case(
        "MODIFY narrows a number, sql_mode not strict",
        (LOOSE, "ALTER TABLE {t} MODIFY a TINYINT"),
        create=(CREATE[0], CREATE[1].replace("4, NULL", "4, 1000")),
        expected="column a",
    ),
    Case("MODIFY narrows a text", (STRICT, "ALTER TABLE {t} MODIFY b VARCHAR(6)")),
    Case(
        "MODIFY makes a TEXT a VARCHAR, which loses blanks",
        (STRICT, "ALTER TABLE {t} MODIFY b VARCHAR(6)"),
        create=(CREATE[0].replace("VARCHAR(20)", "TEXT"), CREATE[1].replace("'four'", "'four    '")),
        expected="column b",
    ),
    Case(
        "MODIFY narrows a text, sql_mode not strict",
        (LOOSE, "ALTER TABLE {t} MODIFY b VARCHAR(2)"),
        expected="column b",
    ),
    Case("MODIFY makes a number a text", ("ALTER TABLE {t} MODIFY a VARCHAR(30)",)),
    Case("MODIFY makes a text bytes", (STRICT, "ALTER TABLE {t} MODIFY b VARBINARY(90)"), stops="column b"),
    Case(
        "MODIFY rounds",
        (
            ("ALTER TABLE {t} ADD f DOUBLE", "UPDATE {t} SET f = 1.23456"),
            STRICT,
            "ALTER TABLE {t} MODIFY f DOUBLE(10,2)",
        ),
        expected="column f",
    ),
    Case(
        "NOT NULL",
        (STRICT, "ALTER TABLE {t} MODIFY b VARCHAR(20) NOT NULL"),
        after=(*AFTER[:2], "INSERT INTO {t} (id, b) VALUES (6, 'six')"),
    ),
    Case("NOT NULL, sql_mode not strict", (LOOSE, "ALTER TABLE {t} MODIFY a INT NOT NULL"), expected="column a"),
    Case(
        "ENUM with a label more",
        ("ALTER TABLE {t} MODIFY b ENUM('one','half','two','three','nobody')",),
        create=_ENUM,
        before=_LABELS,
    ),
    Case(
        "ENUM without a label that nobody has",
        (STRICT, "ALTER TABLE {t} MODIFY b ENUM('three','two','one')"),
        create=_ENUM,
        before=_LABELS,
    ),
    Case(
        "ENUM without a label, sql_mode not strict",
        (LOOSE, "ALTER TABLE {t} MODIFY b ENUM('one','two')"),
        create=_ENUM,
        before=_LABELS,
        expected="column b",
    ),
    Case(
        "ENUM with another label",
        (STRICT, "ALTER TABLE {t} MODIFY b ENUM('ONE','two','three','nobody')"),
        create=_ENUM,
        before=_LABELS,
        expected="column b",
    ),
    Case(
        "SET with a label more",
        ("ALTER TABLE {t} MODIFY b SET('one','two','three','more')",),
        create=_SET,
        before=_LABELS,
    ),
    Case(
        "SET in another order",
        (STRICT, "ALTER TABLE {t} MODIFY b SET('three','two','one')"),
        create=_SET,
        before=_LABELS,
        stops="column b",
    ),
    Case(
        "MODIFY to another character set",
        (STRICT, "ALTER TABLE {t} MODIFY b VARCHAR(20) CHARACTER SET latin1"),
        create=_ACCENTS,
    ),
    Case(
        "MODIFY to a smaller character set, sql_mode not strict",
        (LOOSE, "ALTER TABLE {t} MODIFY b VARCHAR(20) CHARACTER SET utf8mb3"),
        create=(_ACCENTS[0], _ACCENTS[1].replace("é", "🎉")),
        expected="column b",
    ),
    Case(
        "CONVERT TO a smaller character set",
        (STRICT, "ALTER TABLE {t} CONVERT TO CHARACTER SET latin1"),
        create=_ACCENTS,
    ),
    Case("CONVERT TO a larger character set", ("ALTER TABLE {t} CONVERT TO CHARACTER SET utf8mb4",), create=_LATIN),
    Case(
        "CONVERT TO a character set that turns TEXT into MEDIUMTEXT",
        ("ALTER TABLE {t} CONVERT TO CHARACTER SET utf8mb4",),
        create=(_LATIN[0].replace("VARCHAR(20)", "TEXT"), _LATIN[1]),
    ),
    Case(
        "CONVERT TO a smaller character set, sql_mode not strict",
        (LOOSE, "ALTER TABLE {t} CONVERT TO CHARACTER SET latin1"),
        create=(_ACCENTS[0], _ACCENTS[1].replace("é", "漢")),
        expected="column b",
    ),
    Case(
        "the default character set",
        ("ALTER TABLE {t} DEFAULT CHARACTER SET latin1", "ALTER TABLE {t} ADD c VARCHAR(9) DEFAULT 'é'"),
        create=_ACCENTS,
        after=(*AFTER, "INSERT INTO {t} (id, c) VALUES (7, 'ü')"),
    ),
    Case("ADD a generated column", ("ALTER TABLE {t} ADD c INT AS (a * 2) STORED",), expected="computed column c"),
    Case("ADD a virtual column", ("ALTER TABLE {t} ADD c INT AS (a * 2) VIRTUAL",), expected="computed column c"),
    Case("DROP of generated columns", ("ALTER TABLE {t} DROP s, DROP w",), create=_GENERATED, before=_NAMED),
    Case(
        "a generated column that is ordinary now", ("ALTER TABLE {t} MODIFY s INT",), create=_GENERATED, before=_NAMED
    ),
    Case(
        "a generated column computed anew",
        ("ALTER TABLE {t} MODIFY s INT AS (a + 7) STORED",),
        create=_GENERATED,
        before=_NAMED,
        expected="column s",
    ),
    Case(
        "an invisible column", ("ALTER TABLE {t} ADD c INT DEFAULT 3 INVISIBLE", "INSERT INTO {t} VALUES (8, 8, 'x')")
    ),
    Case(
        "an invisible column shown",
        (
            "ALTER TABLE {t} ADD c INT DEFAULT 3 INVISIBLE",
            "ALTER TABLE {t} ALTER COLUMN c SET VISIBLE",
            "INSERT INTO {t} VALUES (8, 8, 'x', 8)",
            "ALTER TABLE {t} DROP c",
        ),
        servers=MYSQL,
    ),
]

KEYS = [
    Case("DROP PRIMARY KEY", ("ALTER TABLE {t} DROP PRIMARY KEY",)),
    Case("ADD PRIMARY KEY", ("ALTER TABLE {t} ADD PRIMARY KEY (id)",), create=_KEYLESS),
    Case(
        "another PRIMARY KEY",
        (STRICT, "ALTER TABLE {t} DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)"),
        create=_FULL_ROWS,
        after=(*AFTER[:2], "INSERT INTO {t} (id, a) VALUES (6, 6), (6, 7)"),
    ),
    Case(
        "a column leaves the PRIMARY KEY",
        ("ALTER TABLE {t} DROP COLUMN k, DROP PRIMARY KEY, ADD PRIMARY KEY (id)",),
        create=_PAIR,
        before=_NAMED,
    ),
    Case(
        "a dropped column leaves the PRIMARY KEY",
        ("ALTER TABLE {t} DROP COLUMN k",),
        create=_PAIR,
        before=_NAMED,
        servers=MYSQL,
    ),
    Case("a wider PRIMARY KEY", ("ALTER TABLE {t} MODIFY id BIGINT NOT NULL",)),
    Case(
        "indexes",
        (
            (
                "CREATE INDEX i ON {t} (a)",
                "ALTER TABLE {t} ADD FULLTEXT (b), ADD UNIQUE un (a)",
                "DROP INDEX i ON {t}",
                "ALTER TABLE {t} RENAME KEY un TO um",
                "ALTER TABLE {t} DROP KEY um",
            ),
        ),
    ),
]

TABLES = [
    Case("RENAME TABLE", ("RENAME TABLE {t} TO {u}",), expected=GONE, others=(("u", _RENAMED),), after=_INTO_U),
    Case("ALTER TABLE RENAME", (f"{_FIVE}, RENAME TO {{u}}",), expected=GONE, others=(("u", _RENAMED),), after=_INTO_U),
    Case(
        "two tables swapped",
        ("RENAME TABLE {t} TO {v}, {u} TO {t}, {v} TO {u}",),
        create=_TWO,
        expected=_RENAMED,
        others=(("u", _RENAMED),),
        after=("INSERT INTO {t} VALUES (9, 9)", "INSERT INTO {u} VALUES (9, 9, 'nine')"),
    ),
    Case("CREATE TABLE LIKE", ("CREATE TABLE {u} LIKE {t}", "INSERT INTO {u} SELECT * FROM {t}"), others=(("u", ""),)),
    Case(
        "CREATE TABLE AS SELECT",
        ("CREATE TABLE {u} AS SELECT id, b FROM {t}", "DELETE FROM {u} WHERE id = 4"),
        others=(("u", ""),),
    ),
    Case(
        "CREATE TABLE with a key AS SELECT",
        ("CREATE TABLE {u} (PRIMARY KEY (id)) AS SELECT id, a FROM {t}", "DELETE FROM {u} WHERE id = 4"),
        others=(("u", ""),),
    ),
    Case(
        "DROP and CREATE with other columns",
        ("DROP TABLE {t}", "CREATE TABLE {t} (id BIGINT PRIMARY KEY, z VARCHAR(9), a DATE)"),
        after=("INSERT INTO {t} VALUES (1, 'z', '2024-01-31'), (2, NULL, NULL)",),
    ),
    Case(
        "CREATE OR REPLACE TABLE",
        ("CREATE OR REPLACE TABLE {t} (id INT PRIMARY KEY, z INT DEFAULT 3)",),
        servers=MARIADB,
    ),
    Case("CREATE IF NOT EXISTS of what is there", ("CREATE TABLE IF NOT EXISTS {t} (x INT)",)),
    Case("DROP TABLE", ("DROP TABLE IF EXISTS {v}, {t}",), expected=GONE, after=()),
    Case(
        "TRUNCATE",
        (
            "TRUNCATE TABLE {t}",
            "INSERT INTO {t} VALUES (2, 2, 'two')",
            "TRUNCATE {t}",
            "INSERT INTO {t} VALUES (1, 1, 'one'), (2, 2, 'two'), (4, 4, 'four')",
        ),
    ),
    Case(
        "a temporary table of the same name",
        (
            (
                "CREATE TEMPORARY TABLE {t} (id INT PRIMARY KEY, q INT)",
                "INSERT INTO {t} VALUES (1, 1)",
                "ALTER TABLE {t} ADD r INT",
                "TRUNCATE TABLE {t}",
                "DROP TABLE {t}",
            ),
        ),
    ),
    Case(
        "what changes no row",
        (
            (
                "OPTIMIZE TABLE {t}",
                "ANALYZE TABLE {t}",
                "ALTER TABLE {t} ENGINE = InnoDB",
                "ALTER TABLE {t} FORCE",
                "ALTER TABLE {t} ORDER BY a",
                "ALTER TABLE {t} COMMENT = 'DROP COLUMN a'",
                "ALTER TABLE {t} AUTO_INCREMENT = 7 ROW_FORMAT = DYNAMIC",
                "ALTER TABLE {t} ALTER a SET DEFAULT 5",
                "ALTER TABLE {t} ALTER COLUMN a SET DEFAULT NULL",
                "ALTER TABLE {t} ADD CONSTRAINT ch{n} CHECK (id > 0)",
                "ALTER TABLE {t} DROP CONSTRAINT ch{n}",
                "CREATE VIEW w{n} AS SELECT * FROM {t}",
                "DROP VIEW w{n}",
            ),
        ),
    ),
    Case(
        "partitions that keep their rows",
        (
            (
                "ALTER TABLE {t} PARTITION BY HASH (id) PARTITIONS 3",
                "ALTER TABLE {t} ADD PARTITION PARTITIONS 2",
                "ALTER TABLE {t} COALESCE PARTITION 1",
                "ALTER TABLE {t} REBUILD PARTITION p0, p1",
            ),
            "ALTER TABLE {t} REMOVE PARTITIONING",
        ),
    ),
    Case("DROP PARTITION", ("ALTER TABLE {t} DROP PARTITION p1",), create=_PARTS, expected="without row events"),
    Case(
        "TRUNCATE PARTITION", ("ALTER TABLE {t} TRUNCATE PARTITION p1",), create=_PARTS, expected="without row events"
    ),
    Case(
        "EXCHANGE PARTITION",
        ("ALTER TABLE {t} EXCHANGE PARTITION p1 WITH TABLE {u}",),
        create=(*_PARTS, "CREATE TABLE {u} (id INT PRIMARY KEY, a INT, b VARCHAR(20))"),
        expected="without row events",
        others=(("u", "without row events"),),
    ),
    Case(
        "CONVERT PARTITION",
        ("ALTER TABLE {t} CONVERT PARTITION p1 TO TABLE {u}",),
        create=_PARTS,
        servers=MARIADB,
        expected="without row events",
        others=(("u", "without row events"),),
    ),
    Case(
        "a generated invisible key",
        (
            ("SET SESSION sql_generate_invisible_primary_key = ON", "CREATE TABLE {u} (a INT)"),
            "INSERT INTO {u} VALUES (1), (2)",
            "DELETE FROM {u} WHERE a = 1",
        ),
        others=(("u", ""),),
        servers=MYSQL,
    ),
]

SESSIONS = [
    Case(
        "ANSI_QUOTES",
        (
            "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'",
            'ALTER TABLE "{t}" ADD "c ""d" INT DEFAULT 5, DROP "a"',
        ),
    ),
    Case("strings in double quotes", ('ALTER TABLE {t} ADD c VARCHAR(20) DEFAULT "x, DROP a"',)),
    Case(
        "NO_BACKSLASH_ESCAPES",
        (
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'",
            "ALTER TABLE {t} ADD c VARCHAR(20) DEFAULT 'x\\', ADD d INT DEFAULT 4",
        ),
    ),
    Case("REAL_AS_FLOAT", ("SET SESSION sql_mode = 'REAL_AS_FLOAT'", "ALTER TABLE {t} ADD c REAL DEFAULT 0.1")),
    Case("ORACLE's DATE", ("SET SESSION sql_mode = 'ORACLE'", "ALTER TABLE {t} ADD c DATE"), servers=MARIADB),
    Case(
        "ORACLE's types",
        ("SET SESSION sql_mode = 'ORACLE'", "ALTER TABLE {t} ADD c VARCHAR2(9)"),
        servers=MARIADB,
        expected="varchar2",
    ),
    Case("version comments", ("ALTER TABLE {t} /*!50100 ADD c INT DEFAULT 5 */ /*!99999 , DROP COLUMN a */",)),
    Case("version comments of MariaDB's", ("ALTER TABLE {t} /*M!100100 ADD c INT DEFAULT 1, */ ADD d INT DEFAULT 2",)),
    Case("comments before and between", ("/* why */ -- really\n # yes\n ALTER /* x */ TABLE {t}\n\tADD-- y\n c INT",)),
    Case(
        "a stored procedure",
        (
            (
                "CREATE PROCEDURE p{n}() BEGIN ALTER TABLE {t} ADD c INT DEFAULT 5;"
                " UPDATE {t} SET c = 7 WHERE id = 2; END",
            ),
            "CALL p{n}()",
        ),
    ),
    Case("a prepared statement", (("PREPARE s FROM 'ALTER TABLE {t} ADD c INT DEFAULT 5'", "EXECUTE s"),)),
    Case("another database", (("USE mysql", "ALTER TABLE {d}.{t} ADD c INT DEFAULT 5", "USE {d}"),)),
    Case(
        "names in other letters",
        ("ALTER TABLE {t} ADD `näme ✓` INT DEFAULT 1, ADD `a``b.c` INT DEFAULT 2, ADD 日本 VARCHAR(9) DEFAULT '漢字'",),
    ),
    Case(
        "a session in latin1",
        (("SET NAMES latin1", "ALTER TABLE {t} ADD `sä` VARCHAR(9) DEFAULT 'ö'", "SET NAMES utf8mb4"),),
    ),
    Case(
        "IF EXISTS",
        (
            "ALTER TABLE IF EXISTS {t} ADD COLUMN IF NOT EXISTS c INT DEFAULT 1,"
            " ADD COLUMN IF NOT EXISTS a INT, DROP COLUMN IF EXISTS zz, MODIFY COLUMN IF EXISTS b VARCHAR(30),"
            " DROP INDEX IF EXISTS nix, RENAME COLUMN IF EXISTS q TO r",
        ),
        servers=MARIADB,
    ),
    Case("ALTER ONLINE WAIT", ("ALTER ONLINE TABLE {t} WAIT 5 ADD c INT DEFAULT 5",), servers=MARIADB),
    Case(
        "in the middle of a transaction",
        (("BEGIN", "UPDATE {t} SET a = 77 WHERE id = 4", _FIVE, "UPDATE {t} SET c = 78 WHERE id = 4", "COMMIT"),),
    ),
    Case("a definition that is not understood", ("ALTER TABLE {t} ADD c TEXT(1000)",)),
    Case(
        "a definition that is not understood, and a statement after it",
        ("ALTER TABLE {t} ADD c TEXT(1000)", "CREATE INDEX i ON {t} (a)"),
        backlog="not understood",
    ),
    Case(
        "columns replaced by definitions that are not understood",
        ("ALTER TABLE {t} DROP b, ADD b TEXT(1000)",),
        expected="not understood",
    ),
]

_OFF, _ON = "SET SESSION sql_log_bin = 0", "SET SESSION sql_log_bin = 1"
UNLOGGED = [
    Case("ADD COLUMN not logged", ((_OFF, _FIVE, _ON),)),
    Case("DROP COLUMN not logged", ((_OFF, "ALTER TABLE {t} DROP COLUMN b", _ON),)),
    Case("MODIFY not logged", ((_OFF, "ALTER TABLE {t} MODIFY a BIGINT", _ON),)),
    Case(
        "MODIFY that narrows not logged",
        ((_OFF, STRICT, "ALTER TABLE {t} MODIFY a SMALLINT", _ON),),
        expected="column a",
    ),
    Case(
        "RENAME COLUMN not logged",
        ((_OFF, "ALTER TABLE {t} RENAME COLUMN a TO c", _ON),),
        servers=FULL,
        expected="the log calls it c",
    ),
    Case(
        "names swapped, not logged",
        ((_OFF, "ALTER TABLE {t} CHANGE a b INT, CHANGE b a VARCHAR(20)", _ON),),
        servers=FULL,
        expected="in another order",
    ),
    Case(
        "columns moved, not logged",
        ((_OFF, "ALTER TABLE {t} MODIFY b VARCHAR(20) AFTER id", _ON),),
        expected="in another order",
    ),
    Case(
        "ENUM not logged",
        ((_OFF, "ALTER TABLE {t} MODIFY b ENUM('half','one','two','three','nobody')", _ON),),
        create=_ENUM,
        before=_LABELS,
        servers=FULL,
    ),
    Case(
        "PRIMARY KEY not logged",
        ((_OFF, "ALTER TABLE {t} DROP PRIMARY KEY, ADD PRIMARY KEY (id, a)", _ON),),
        expected="column a",
        create=_FULL_ROWS,
        servers=FULL,
        after=(*AFTER[:2], "INSERT INTO {t} (id, a) VALUES (6, 6), (6, 7)"),
    ),
]

CASES = [*COLUMNS, *KEYS, *TABLES, *SESSIONS, *UNLOGGED]
