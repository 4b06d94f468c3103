"""What DDL statements do to a table's columns."""

from __future__ import annotations

import pytest

from tailrace_mysql.ddl import alter, statements
from tailrace_mysql.ddl.alter import Altered
from tailrace_mysql.ddl.statements import Alter, Create, Drop, DropDatabase, Opaque, Rename, Statement, Truncate
from tailrace_mysql.ddl.tokens import ANSI_QUOTES, NO_BACKSLASH_ESCAPES, tokens
from tailrace_mysql.definition import ColumnDefinition, Default
from tailrace_mysql.types import parse


def read(sql: str, sql_mode: int = 0, mariadb: bool = False) -> Statement:
    return statements.read_statement(sql, "shop", lambda table: "latin1", sql_mode, mariadb)


def columns(text: str) -> tuple[ColumnDefinition, ...]:
    """Definitions from a CREATE TABLE's inside."""
    found = read(f"CREATE TABLE t ({text})")
    assert isinstance(found, Create)
    assert found.columns is not None, text
    return found.columns


def altered(before: str, clauses: str) -> Altered:
    found = read(f"ALTER TABLE t {clauses}")
    assert isinstance(found, Alter)
    assert found.clauses is not None, found.reason
    return alter.apply(columns(before), found.clauses)


def shape(definitions: tuple[ColumnDefinition, ...]) -> list[tuple[str, str, int]]:
    return [(column.name, column.declared.name, column.key) for column in definitions]


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ("INTEGER", "int"),
        ("INT(11) UNSIGNED", "int unsigned"),
        ("BOOL", "tinyint(1)"),
        ("TINYINT(1)", "tinyint(1)"),
        ("BIGINT UNSIGNED ZEROFILL", "bigint unsigned zerofill"),
        ("SERIAL", "bigint unsigned"),
        ("DEC", "decimal(10,0)"),
        ("NUMERIC(12)", "decimal(12,0)"),
        ("DOUBLE PRECISION", "double"),
        ("REAL(10,2)", "double(10,2)"),
        ("FLOAT(30)", "double"),
        ("CHAR", "char(1) character set latin1"),
        ("CHARACTER VARYING(5) CHARSET utf8mb4", "varchar(5)"),
        ("NATIONAL VARCHAR(7)", "varchar(7)"),
        ("NVARCHAR(7)", "varchar(7)"),
        ("VARCHAR(8) COLLATE utf8mb4_bin", "varchar(8)"),
        ("VARCHAR(8) CHARACTER SET binary", "varbinary(8)"),
        ("TEXT BYTE", "blob"),
        ("LONG VARCHAR", "mediumtext character set latin1"),
        ("ENUM('a','b''c','d\\\\e')", "enum('a','b''c','d\\\\e') character set latin1"),
        ("SET('x') CHARACTER SET utf8mb4", "set('x')"),
        ("DATETIME(0)", "datetime"),
        ("TIMESTAMP(3) NULL ON UPDATE CURRENT_TIMESTAMP(3)", "timestamp(3)"),
        ("BIT", "bit(1)"),
        ("YEAR(4)", "year"),
        ("POINT NOT NULL SRID 4326", "point"),
        ("JSON", "json"),
    ],
)
def test_types_as_the_catalogue_writes_them(definition: str, name: str) -> None:
    [column] = columns(f"c {definition}")
    assert column.declared.name == name
    assert parse(name).name == name


def test_column_attributes() -> None:
    a, b, c, d, e = columns(
        "`a b` INT NOT NULL AUTO_INCREMENT COMMENT 'it''s, (odd)', b VARCHAR(9) DEFAULT 'x,y' CHECK (b <> ')'),"
        " c INT GENERATED ALWAYS AS (b + (1)) STORED UNIQUE KEY, d INT REFERENCES o (id) ON DELETE SET NULL,"
        " e DATE /* comment */ DEFAULT '2024-01-31' INVISIBLE -- to the line's end\n,"
        " PRIMARY KEY USING BTREE (`a b`, e DESC), KEY (b(3)), CONSTRAINT f FOREIGN KEY (d) REFERENCES o (id)"
    )
    assert (a.name, a.nullable, a.numbered, a.key) == ("a b", False, True, 1)
    assert b.default == Default("literal", "x,y")
    assert c.generated
    assert d.declared.name == "int"
    assert (e.default, e.key, e.nullable) == (Default("literal", "2024-01-31"), 2, False)


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("NULL", None),
        ("-1.5", Default("number", "-1.5")),
        ("TRUE", Default("number", "TRUE")),
        ("b'101'", Default("number", "b'101'")),
        ("_utf8mb4'x'", Default("literal", "x")),
        ("_ucs2'ab'", Default("expression")),
        ("_latin1'é'", Default("expression")),
        ("'50\\% \\_'", Default("literal", "50\\% \\_")),
        ("CURRENT_TIMESTAMP(6)", Default("now")),
        ("now()", Default("now")),
        ("(UUID())", Default("expression")),
        ("0x41", Default("expression")),
        ("'a\\'b'", Default("literal", "a'b")),
    ],
)
def test_defaults(text: str, default: Default | None) -> None:
    [column] = columns(f"c VARCHAR(40) DEFAULT {text} COMMENT 'x'")
    assert column.default == default


def test_mariadb_json_is_text() -> None:
    found = read("CREATE TABLE t (c JSON)", mariadb=True)
    assert isinstance(found, Create)
    assert found.columns is not None
    assert found.columns[0].declared.name == "longtext"


def test_added_columns_and_their_places() -> None:
    after = altered("a INT, b INT", "ADD c INT, ADD COLUMN d INT FIRST, ADD (e INT, f INT), ADD g INT AFTER `a`")
    assert [column.name for column in after.columns] == ["d", "a", "g", "b", "c", "e", "f"]
    assert after.added == {"c", "d", "e", "f", "g"}
    assert after.renamed == {}


def test_renamed_columns_are_followed() -> None:
    after = altered(
        "a INT, b INT, c INT, d INT",
        "RENAME COLUMN a TO b, RENAME COLUMN b TO a, CHANGE c cc BIGINT FIRST, MODIFY d TEXT AFTER cc",
    )
    assert after.renamed == {"cc": "c"} | {"b": "a", "a": "b"}
    assert [column.name for column in after.columns] == ["cc", "d", "b", "a"]


def test_dropped_and_added_again_is_another_column() -> None:
    after = altered("a INT, b INT", "DROP COLUMN a, ADD COLUMN a TEXT")
    assert [column.name for column in after.columns] == ["b", "a"]
    assert after.added == {"a"}


def test_keys() -> None:
    before = "a INT, b INT, c INT, PRIMARY KEY (b, a)"
    assert shape(columns(before)) == [("a", "int", 2), ("b", "int", 1), ("c", "int", 0)]
    assert shape(altered(before, "DROP PRIMARY KEY, ADD PRIMARY KEY (c)").columns)[2] == ("c", "int", 1)
    assert shape(altered(before, "DROP b").columns) == [("a", "int", 1), ("c", "int", 0)]
    assert shape(altered(before, "DROP PRIMARY KEY, ADD id INT PRIMARY KEY FIRST").columns)[0] == ("id", "int", 1)
    assert shape(altered(before, "CHANGE a aa BIGINT").columns)[0] == ("aa", "bigint", 2)
    assert shape(altered(before, "ADD CONSTRAINT UNIQUE (c), ADD CONSTRAINT x CHECK (c > 0)").columns) == shape(
        columns(before)
    )


def test_character_sets() -> None:
    assert shape(altered("a VARCHAR(3), b INT, c BLOB", "CONVERT TO CHARACTER SET utf8mb4 COLLATE x").columns) == [
        ("a", "varchar(3)", 0),
        ("b", "int", 0),
        ("c", "blob", 0),
    ]
    assert altered("a INT", "ENGINE=InnoDB DEFAULT CHARSET=cp1251").charset == "cp1251"
    assert shape(altered("a INT", "ADD b TEXT").columns)[1][1] == "text character set latin1"


@pytest.mark.parametrize(
    "clauses",
    [
        "ADD INDEX i (a), DROP INDEX j, RENAME INDEX k TO l, ADD UNIQUE KEY (a), ADD FULLTEXT (a)",
        "ENGINE = InnoDB, ALGORITHM=INPLACE, LOCK=NONE, COMMENT='x', ROW_FORMAT=DYNAMIC, AUTO_INCREMENT 7",
        "ALTER a SET DEFAULT 5, ALTER COLUMN a DROP DEFAULT, ALTER INDEX i INVISIBLE",
        "FORCE",
        "ORDER BY a",
        "PARTITION BY HASH (a) PARTITIONS 4",
        "ADD PARTITION (PARTITION p VALUES LESS THAN (5))",
        "REMOVE PARTITIONING",
        "REORGANIZE PARTITION p, q INTO (PARTITION p VALUES LESS THAN (5), PARTITION r VALUES LESS THAN (9))",
        "DROP FOREIGN KEY f, DROP CONSTRAINT c, DROP CHECK d, DISABLE KEYS",
        "DROP COLUMN IF EXISTS zz, ADD COLUMN IF NOT EXISTS a INT",
    ],
)
def test_what_changes_no_column(clauses: str) -> None:
    before = "a INT, b TEXT, PRIMARY KEY (a)"
    assert altered(before, clauses).columns == columns(before)


@pytest.mark.parametrize(
    "clauses",
    [
        "ADD c MYSTERY MODIFIER",
        "CONVERT TO CHARACTER SET DEFAULT",
    ],
)
def test_what_is_not_understood_says_so(clauses: str) -> None:
    found = read(f"ALTER TABLE t {clauses}")
    assert isinstance(found, Alter)
    assert found.clauses is None
    assert found.reason


@pytest.mark.parametrize(
    ("clauses", "others"),
    [
        ("DROP PARTITION p, q", []),
        ("TRUNCATE PARTITION ALL", []),
        ("EXCHANGE PARTITION p WITH TABLE b.u WITHOUT VALIDATION", [("b", "u")]),
        ("DISCARD PARTITION p TABLESPACE", []),
        ("IMPORT TABLESPACE", []),
        ("CONVERT PARTITION p TO TABLE u", [("shop", "u")]),
        ("CONVERT TABLE u TO PARTITION p VALUES LESS THAN (5)", [("shop", "u")]),
    ],
)
def test_what_changes_rows_names_their_tables(clauses: str, others: list[tuple[str, str]]) -> None:
    found = read(f"ALTER TABLE t {clauses}")
    assert isinstance(found, Alter)
    assert found.clauses is None
    assert list(found.rows_changed) == [("shop", "t"), *others]
    assert "without row events" in found.reason


@pytest.mark.parametrize("clauses", ["DROP zz", "ADD a INT", "RENAME COLUMN zz TO y", "ADD c INT AFTER zz"])
def test_clauses_that_do_not_fit_the_table(clauses: str) -> None:
    with pytest.raises(ValueError):
        altered("a INT", clauses)


def test_statements() -> None:
    assert read("TRUNCATE t") == Truncate(("shop", "t"))
    assert read("truncate table `a`.`b c`") == Truncate(("a", "b c"))
    pairs = ((("shop", "a"), ("shop", "b")), (("c", "d"), ("shop", "e")))
    assert read("RENAME TABLE a TO b, c.d TO e") == Rename(pairs)
    assert read("DROP TABLE IF EXISTS `a`,b.c /* generated by server */") == Drop((("shop", "a"), ("b", "c")))
    assert read("DROP DATABASE IF EXISTS x") == DropDatabase("x")
    assert read("DELETE FROM `shop`.`t`") == Truncate(("shop", "t"))
    assert read("DROP TEMPORARY TABLE t") is None
    assert read("CREATE TEMPORARY TABLE t (a INT)") is None
    assert read("ALTER TABLE a RENAME TO b.c") == Alter(("shop", "a"), (alter.Alteration("table", "c", database="b"),))
    assert read("CREATE TABLE t LIKE u") == Create(("shop", "t"), None)
    assert read("CREATE TABLE IF NOT EXISTS t SELECT 1") == Create(("shop", "t"), None, if_not_exists=True)


def test_version_comments_belong_to_the_statement() -> None:
    assert columns("a INT /*!80023 INVISIBLE */, b INT /*!50100 UNSIGNED */")[1].declared.unsigned
    assert read("/*!40000 ALTER TABLE t DISABLE KEYS */") == Alter(("shop", "t"), ())


def test_quotes() -> None:
    assert read('TRUNCATE "t"', ANSI_QUOTES) == Truncate(("shop", "t"))
    assert [token.text for token in tokens("'a\\' 'b'", NO_BACKSLASH_ESCAPES)] == ["a\\", "b"]
    assert [token.text for token in tokens("`a``b` 'c''d\\'e' \"f\"\"g\"")] == ["a`b", "c'd'e", 'f"g']


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT ALL ON *.* TO u",
        "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW v AS SELECT * FROM t",
        "CREATE DEFINER=`root`@`%` TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1",
        "CREATE USER u IDENTIFIED BY 'x'",
        "CREATE INDEX i ON t (a)",
        "DROP PROCEDURE p",
        "ANALYZE TABLE t",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "ALTER DATABASE d CHARACTER SET latin1",
        "",
        "-- nothing",
    ],
)
def test_statements_that_concern_no_table(sql: str) -> None:
    assert read(sql) is None


@pytest.mark.parametrize(
    "sql", ["INSERT INTO t VALUES (1)", "delete from `shop`.`t` where a", "WHAT IS t", "ALTER TABLE `t"]
)
def test_statements_that_may_change_rows_name_their_tables(sql: str) -> None:
    found = read(sql)
    assert isinstance(found, Opaque)
    assert "t" in found.names


def test_comments_of_mariadbs_are_comments_to_mysql() -> None:
    sql = "ALTER TABLE t ADD a INT /*M!100100 , DROP b */"
    for mariadb, actions in ((True, ["add", "drop"]), (False, ["add"])):
        found = read(sql, mariadb=mariadb)
        assert isinstance(found, Alter)
        assert found.clauses is not None
        assert [clause.action for clause in found.clauses] == actions


@pytest.mark.parametrize(
    ("clauses", "replaces"),
    [
        ("ADD c TEXT(9)", False),
        ("MODIFY c TEXT(9), COMMENT 'DROP'", False),
        ("DROP c, ADD c TEXT(9)", True),
        ("CHANGE a b TEXT(9), CHANGE b a TEXT(9)", True),
    ],
)
def test_what_is_not_understood_may_give_a_name_to_another_column(clauses: str, replaces: bool) -> None:
    found = read(f"ALTER TABLE t {clauses}")
    assert isinstance(found, Alter)
    assert found.clauses is None
    assert found.replaces == replaces
