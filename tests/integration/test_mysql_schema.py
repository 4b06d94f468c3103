"""The MySQL source on real servers: schema changes in mid-stream, and logs that say too little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tailrace.errors import LogFormatError
from tailrace.position import TABLE_PREFIX
from tests import servers
from tests.capture.chunks import read_chunk, try_chunk
from tests.integration.mysql_capture import capturing, create_t
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


# ---- schema changes


def test_columns_added_dropped_and_renamed_in_mid_stream(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b INT)")
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        database.execute("ALTER TABLE t ADD COLUMN c DECIMAL(6,2) NOT NULL DEFAULT 1.5 AFTER id, ADD d TEXT")
        database.execute("INSERT INTO t VALUES (2, 2.25, 'y', 2, 'dd')")
        database.execute("ALTER TABLE t DROP COLUMN b")
        database.execute("ALTER TABLE t RENAME COLUMN a TO aa, CHANGE d e MEDIUMTEXT")
        database.execute("INSERT INTO t VALUES (3, 3, 'z', 'ee')")
        database.execute("ALTER TABLE t ADD INDEX (aa), COMMENT = 'no columns touched'")
        database.execute("ALTER TABLE t ADD COLUMN b BIGINT UNSIGNED FIRST")
        database.execute("INSERT INTO t VALUES (9, 4, 4, 'w', NULL)")
        assert capture.brief() == [
            ("t", "c", None, {"id": 1, "a": "x", "b": 1}),
            ("t", "s", None, None),
            ("t", "c", None, {"id": 2, "c": "2.25", "a": "y", "b": 2, "d": "dd"}),
            ("t", "s", None, None),
            ("t", "s", None, None),
            ("t", "c", None, {"id": 3, "c": "3.00", "aa": "z", "e": "ee"}),
            ("t", "s", None, None),
            ("t", "c", None, {"b": 9, "id": 4, "c": "4.00", "aa": "w", "e": None}),
        ]
        ids = [{column.name: column.id for column in capture.schema("t", n).columns} for n in range(1, 6)]
        assert ids == [
            {"id": 1, "a": 2, "b": 3},
            {"id": 1, "c": 4, "a": 2, "b": 3, "d": 5},
            {"id": 1, "c": 4, "a": 2, "d": 5},
            {"id": 1, "c": 4, "aa": 2, "e": 5},
            {"b": 6, "id": 1, "c": 4, "aa": 2, "e": 5},
        ]
        added = capture.schema("t", 2).by_name["c"]
        assert (added.initial, added.nullable, added.type.size, added.type.scale) == ("1.50", False, 6, 2)
        assert capture.schema("t", 5).by_name["b"].type.unsigned
        assert [event.source["schema_id"] for event in capture.events] == [1, 2, 2, 3, 4, 4, 5, 5]


def test_a_unique_index_that_the_log_names_for_a_primary_key_is_none(database: Database) -> None:
    """The server takes the first unique index without NULLs for its own purposes where there is no primary key."""
    database.execute("CREATE TABLE t (n INT, code VARCHAR(20) NOT NULL, UNIQUE KEY (code))")
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'a')")
        database.execute("UPDATE t SET code = 'b'")
        database.execute("DELETE FROM t")
        row, changed = {"n": 1, "code": "a"}, {"n": 1, "code": "b"}
        assert capture.brief() == [("t", "c", None, row), ("t", "u", row, changed), ("t", "d", changed, None)]
        assert {event.key for event in capture.events} == {None}
        assert capture.suspension("t") == ""


def test_old_rows_are_decoded_with_the_old_columns(database: Database) -> None:
    """A backlog with schema changes in it, read after the fact, at a restart."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)")
    with capturing(database) as capture:
        capture.catch_up()
        capture.flush()
        capture.close()
        database.execute("INSERT INTO t VALUES (1, 10, 20)")
        database.execute("ALTER TABLE t DROP COLUMN a, ADD COLUMN z INT FIRST")
        database.execute("INSERT INTO t VALUES (99, 2, 30)")
        database.execute("ALTER TABLE t RENAME COLUMN z TO y")
        database.execute("INSERT INTO t VALUES (98, 3, 31)")
        capture.open()
        assert capture.brief() == [
            ("t", "c", None, {"id": 1, "a": 10, "b": 20}),
            ("t", "s", None, None),
            ("t", "c", None, {"z": 99, "id": 2, "b": 30}),
            ("t", "s", None, None),
            ("t", "c", None, {"y": 98, "id": 3, "b": 31}),
        ]


def test_a_replay_finds_the_same_versions(database: Database) -> None:
    """Reading an old position again gives the same events with the same schema ids."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a INT)")
    with capturing(database) as capture:
        capture.flush()
        start = capture.position
        database.execute("INSERT INTO t VALUES (1, 1)")
        database.execute("ALTER TABLE t ADD COLUMN b INT DEFAULT 3")
        database.execute("INSERT INTO t VALUES (2, 2, 2)")
        database.execute("ALTER TABLE t DROP COLUMN a")
        database.execute("INSERT INTO t VALUES (3, 3)")
        first = [(event.brief(), event.source["schema_id"]) for event in capture.catch_up()]
        versions = {key: value for key, value in capture.state.items() if key.startswith("schema:")}
        capture.position = start
        capture.reopen()
        again = [(event.brief(), event.source["schema_id"]) for event in capture.catch_up()]
        assert again == first
        assert {key: value for key, value in capture.state.items() if key.startswith("schema:")} == versions


def test_statements_of_a_client_in_another_character_set(database: Database) -> None:
    """Their names are other bytes in the log, also where it is searched for a name, and in what the server words."""
    database.execute("CREATE TABLE größe (id INT PRIMARY KEY, a INT)")
    client = database.connect()
    client.set_character_set("latin1")

    def run(*statements: str) -> None:
        with closing(client.cursor()) as cursor:
            for statement in statements:
                cursor.execute(statement)

    with capturing(database) as capture:
        run("INSERT INTO größe VALUES (1, 1)", "ALTER TABLE größe ADD COLUMN ä INT DEFAULT 5")
        run("INSERT INTO größe VALUES (2, 2, 3)", "TRUNCATE größe", "DROP TABLE größe")
        run("CREATE TABLE IF NOT EXISTS größe (id INT PRIMARY KEY, ö INT)", "INSERT INTO größe VALUES (3, 4)")
        run("CREATE TABLE übrig (PRIMARY KEY (id)) AS SELECT id, ö FROM größe", "INSERT INTO übrig VALUES (4, 5)")
        assert [brief[1:] for brief in capture.brief()] == [
            ("c", None, {"id": 1, "a": 1}),
            ("s", None, None),
            ("c", None, {"id": 2, "a": 2, "ä": 3}),
            ("t", None, None),
            ("t", None, None),
            ("s", None, None),
            ("c", None, {"id": 3, "ö": 4}),
            ("c", None, {"id": 3, "ö": 4}),
            ("c", None, {"id": 4, "ö": 5}),
        ]
        capture.close()
        # Its columns are the catalogue's, unless a statement that follows has changed them.
        run("ALTER TABLE größe ADD COLUMN ä INT")
        database.execute("CREATE TABLE größer LIKE größe")
        run("INSERT INTO größer VALUES (1, 2, 3)", "ALTER TABLE größer CHANGE ö ä INT, CHANGE ä ö INT")
        database.execute("CREATE TABLE größte LIKE größe")
        run("ALTER TABLE größte ADD COLUMN c INT DEFAULT 7 FIRST", "INSERT INTO größte VALUES (5, 6, 7, 8)")
        capture.open()
        assert [brief[1:] for brief in capture.brief()] == [
            ("s", None, None),
            ("c", None, {"c": 5, "id": 6, "ö": 7, "ä": 8}),
        ]
        (suspended,) = [record for key, record in capture.state.items() if key.startswith(TABLE_PREFIX)]
        assert b"the catalogue cannot tell what was there" in suspended


def test_a_type_change_and_relabelled_enum(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT, e ENUM('a','b'))")
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 1, 'b')")
        database.execute(
            "ALTER TABLE t MODIFY n BIGINT UNSIGNED, MODIFY COLUMN e ENUM('b','c','d') NOT NULL DEFAULT 'c'"
        )
        database.execute("INSERT INTO t VALUES (2, 18446744073709551615, 'd')")
        rows = [after for _, op, _, after in capture.brief() if op == "c"]
        assert rows == [{"id": 1, "n": 1, "e": "b"}, {"id": 2, "n": 2**64 - 1, "e": "d"}]
        assert capture.schema("t", 2).by_name["e"].type.labels == ("b", "c", "d")
        assert capture.schema("t", 2).by_name["e"].id == capture.schema("t", 1).by_name["e"].id


def test_text_converted_to_another_character_set(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20)) DEFAULT CHARSET latin1")
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'é€')")
        database.execute("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4")
        database.execute("INSERT INTO t VALUES (2, 'é😀')")
        database.execute("ALTER TABLE t ADD b VARCHAR(20) CHARACTER SET cp1251, ADD c CHAR(3)")
        database.execute("INSERT INTO t VALUES (3, 'x', 'Привет', '😀')")
        rows = [after for _, op, _, after in capture.brief() if op == "c"]
        assert rows == [{"id": 1, "a": "é€"}, {"id": 2, "a": "é😀"}, {"id": 3, "a": "x", "b": "Привет", "c": "😀"}]


def test_tables_created_renamed_dropped_and_created_again(database: Database) -> None:
    database.execute("CREATE TABLE old (id INT PRIMARY KEY, a INT)")
    with capturing(database) as capture:
        database.execute("CREATE TABLE born (id BIGINT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(9) NOT NULL DEFAULT '')")
        database.execute("INSERT INTO born (t) VALUES ('one')")
        database.execute("RENAME TABLE old TO moved")
        database.execute("INSERT INTO moved VALUES (1, 2)")  # its earlier rows, if any, went to another topic
        database.execute("DROP TABLE born")
        database.execute("CREATE TABLE born (id BIGINT PRIMARY KEY, other INT)")
        database.execute("INSERT INTO born VALUES (7, 8)")
        assert capture.brief() == [
            ("born", "c", None, {"id": 1, "t": "one"}),
            ("born", "t", None, None),
            ("born", "s", None, None),
            ("born", "c", None, {"id": 7, "other": 8}),
        ]
        assert capture.source is not None
        assert {table.name.table for table in capture.source.tables()} == {"born", "moved"}
        assert "renamed" in capture.suspension("moved")


def test_a_table_that_took_anothers_name_is_suspended(database: Database) -> None:
    """The stream holds the rows of the one that was there before."""
    database.execute("CREATE TABLE users (id INT PRIMARY KEY)")
    database.execute("CREATE TABLE users_new (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute("INSERT INTO users VALUES (1)")
        database.execute("INSERT INTO users_new VALUES (7)")
        database.execute("RENAME TABLE users TO users_old, users_new TO users")
        database.execute("INSERT INTO users VALUES (8)")
        assert capture.brief() == [("users", "c", None, {"id": 1}), ("users_new", "c", None, {"id": 7})]
        assert "users_new was renamed" in capture.suspension("users")
        assert capture.suspension("users_old")


def test_text_beside_a_geometry_keeps_its_character_set(database: Database) -> None:
    database.execute(
        "CREATE TABLE places (id INT PRIMARY KEY, g GEOMETRY, name TEXT, code VARBINARY(4), note VARCHAR(9))"
    )
    with capturing(database) as capture:
        database.execute("INSERT INTO places VALUES (1, ST_GeomFromText('POINT(1 2)'), 'é', x'00ff', 'ü')")
        ((_, op, _, after),) = capture.brief()
        assert (op, after["name"], after["code"], after["note"]) == ("c", "é", "AP8=", "ü")


def test_a_table_left_out_for_a_while_is_suspended(database: Database) -> None:
    database.execute("CREATE TABLE a (id INT PRIMARY KEY)")
    database.execute("CREATE TABLE b (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute("INSERT INTO a VALUES (1)")
        capture.brief()
        capture.settings = {"exclude": [f"{database.name}.a"]}
        capture.reopen()
        database.execute("INSERT INTO a VALUES (2)")
        database.execute("INSERT INTO b VALUES (2)")
        assert capture.brief() == [("b", "c", None, {"id": 2})]
        capture.settings = {}
        capture.reopen()
        database.execute("INSERT INTO a VALUES (3)")
        database.execute("INSERT INTO b VALUES (3)")
        assert capture.brief() == [("b", "c", None, {"id": 3})]
        assert "went by" in capture.suspension("a")


def test_create_table_from_a_select(database: Database) -> None:
    create_t(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("CREATE TABLE copied (PRIMARY KEY (id)) AS SELECT id, a FROM t")
        database.execute("CREATE TABLE alike LIKE t")
        database.execute("INSERT INTO alike VALUES (5, 'y', 2)")
        assert capture.brief() == [
            ("copied", "c", None, {"id": 1, "a": "x"}),
            ("alike", "c", None, {"id": 5, "a": "y", "b": "2.00"}),
        ]


@pytest.mark.parametrize(("copy", "aside"), [("_t_new", "_t_old"), ("_t_gho", "_t_del")])
def test_tables_swapped_as_online_schema_changes_do(database: Database, copy: str, aside: str) -> None:
    create_t(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database, settings={"tables": [f"{database.name}.t"]}) as capture:
        database.execute(f"CREATE TABLE {copy} LIKE t")
        database.execute(f"ALTER TABLE {copy} ADD COLUMN extra INT")
        database.execute(f"INSERT INTO {copy} SELECT *, NULL FROM t")
        database.execute(f"RENAME TABLE t TO {aside}, {copy} TO t")
        database.execute("INSERT INTO t VALUES (2, 'y', 2, 3)")
        assert capture.brief() == [
            ("t", "s", None, None),
            ("t", "c", None, {"id": 2, "a": "y", "b": "2.00", "extra": 3}),
        ]
        assert [column.id for column in capture.schema("t", 2).columns] == [1, 2, 3, 4]


def test_an_added_column_whose_old_values_nobody_knows_suspends_its_table(database: Database) -> None:
    create_t(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t ADD COLUMN u DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6)")
        database.execute("INSERT INTO t (id) VALUES (1)")
        database.execute("INSERT INTO other VALUES (1)")
        assert capture.brief() == [("other", "c", None, {"id": 1})]
        assert "column u" in capture.suspension("t")
        # It stays so after a restart.
        opened = capture.reopen()
        assert [table.state for table in opened.tables if table.name.table == "t"] == ["suspended"]
        database.execute("INSERT INTO t (id) VALUES (2)")
        assert capture.brief() == []


def test_a_statement_kept_out_of_the_log_is_noticed(database: Database) -> None:
    """Columns that the log does not announce: taken from the catalogue if they fit, and never guessed."""
    create_t(database)
    database.execute("CREATE TABLE u (id INT PRIMARY KEY, a INT)")
    with capturing(database) as capture:
        database.execute("SET SESSION sql_log_bin = 0")
        database.execute("ALTER TABLE t ADD COLUMN c INT DEFAULT 4")
        database.execute("ALTER TABLE u DROP COLUMN a, ADD COLUMN b BIGINT")
        database.execute("SET SESSION sql_log_bin = 1")
        database.execute("INSERT INTO t VALUES (1, 'x', 1, 5)")
        database.execute("INSERT INTO u VALUES (1, 2)")
        assert capture.brief() == [
            ("t", "s", None, None),
            ("t", "c", None, {"id": 1, "a": "x", "b": "1.00", "c": 5}),
        ]
        assert capture.suspension("u")


def test_a_chunk_waits_for_a_schema_change_in_the_log(database: Database) -> None:
    create_t(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t ADD COLUMN c INT DEFAULT 4")
        reader = capture.reader()
        assert try_chunk(reader, capture.topic("t"), None, 10, 1 << 20) is None
        capture.catch_up()
        chunk = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
        assert chunk.after is None
        assert [row for _, row in chunk.rows] == [b'{"id":1,"a":"x","b":"1.00","c":4}']
        assert chunk.table.schema.id == 2
        reader.close()


def test_unsupported_columns_suspend_their_table_alone(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute("CREATE TABLE w (id INT PRIMARY KEY, a TEXT CHARACTER SET geostd8)")
        create_t(database)
        with capturing(database) as capture:
            assert capture.opened is not None
            states = {table.name.table: (table.state, table.reason) for table in capture.opened.tables}
            assert states["t"] == ("streaming", "")
            assert "geostd8" in states["w"][1]
            database.execute("INSERT INTO w VALUES (1, 'x')")
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            assert [brief[0] for brief in capture.brief()] == ["t"]
            database.execute("ALTER TABLE t ADD COLUMN z TEXT CHARACTER SET geostd8")
            database.execute("INSERT INTO t VALUES (2, 'x', 1, 'z')")
            assert capture.brief() == []
            assert "geostd8" in capture.suspension("t")


def test_a_compressed_column_that_comes_later_is_carried(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        create_t(database)
        with capturing(database) as capture:
            database.execute(
                "ALTER TABLE t ADD COLUMN z TEXT COMPRESSED, ADD COLUMN y VARCHAR(300) COMPRESSED NOT NULL"
            )
            database.execute("INSERT INTO t VALUES (1, 'x', 1, REPEAT('ä', 500), REPEAT('z', 299))")
            after = {"id": 1, "a": "x", "b": "1.00", "z": "ä" * 500, "y": "z" * 299}
            assert capture.brief()[-1] == ("t", "c", None, after)
            database.execute("ALTER TABLE t MODIFY z TEXT")
            database.execute("UPDATE t SET b = 2")
            assert capture.brief()[-1] == ("t", "u", after, {**after, "b": "2.00"})


def test_mariadb_alters_in_two_phases_once(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        create_t(database)
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_alter_two_phase = 1")
            database.execute("ALTER TABLE t ADD COLUMN c INT")
            database.execute("INSERT INTO t VALUES (1, 'x', 1, 2)")
            assert [brief[1] for brief in capture.brief()] == ["s", "c"]


def test_a_log_that_says_nothing_of_its_columns() -> None:
    """MariaDB as it comes: no names, no signs, no character sets in the log; a database in latin1."""
    options = {"binlog-row-metadata": "NO_LOG", "character-set-server": "latin1"}
    with servers.start("mariadb", options) as server, server.database() as database:
        database.execute(f"ALTER DATABASE {database.name} CHARACTER SET latin1")
        database.execute("CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, a VARCHAR(20), e ENUM('ü','ö'))")
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (4294967295, 'é€', 'ö')")
            database.execute("ALTER TABLE t ADD COLUMN b TINYINT UNSIGNED AFTER id, ADD c CHAR(4)")
            database.execute("INSERT INTO t VALUES (1, 255, 'x', 'ü', 'ñ')")
            database.execute("CREATE TABLE born (id INT PRIMARY KEY, a TEXT, b TEXT CHARACTER SET utf8mb4)")
            database.execute("INSERT INTO born VALUES (1, 'ß', '😀')")
            database.execute("ALTER TABLE born DROP b, RENAME COLUMN a TO aa")
            database.execute("INSERT INTO born VALUES (2, 'œ')")
            assert [brief for brief in capture.brief() if brief[1] == "c"] == [
                ("t", "c", None, {"id": 4294967295, "a": "é€", "e": "ö"}),
                ("t", "c", None, {"id": 1, "b": 255, "a": "x", "e": "ü", "c": "ñ"}),
                ("born", "c", None, {"id": 1, "a": "ß", "b": "😀"}),
                ("born", "c", None, {"id": 2, "aa": "œ"}),
            ]


def test_a_tables_default_character_set_is_that_of_its_place_in_the_log() -> None:
    """A backlog read after the fact: what the catalogue says now came later."""
    options = {"binlog-row-metadata": "NO_LOG"}
    with servers.start("mariadb", options) as server, server.database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20)) CHARACTER SET latin1")
        with capturing(database) as capture:
            capture.flush()
            capture.close()
            database.execute("ALTER TABLE t ADD b VARCHAR(20)")
            database.execute("INSERT INTO t VALUES (1, 'é', 'é')")
            database.execute("ALTER TABLE t DEFAULT CHARACTER SET utf8mb4")
            database.execute("ALTER TABLE t ADD c VARCHAR(20)")
            database.execute("INSERT INTO t VALUES (2, 'é', 'é', '😀')")
            capture.open()
            assert [after for _, op, _, after in capture.brief() if op == "c"] == [
                {"id": 1, "a": "é", "b": "é"},
                {"id": 2, "a": "é", "b": "é", "c": "😀"},
            ]
            capture.reopen()
            database.execute("ALTER TABLE t ADD d VARCHAR(20)")
            database.execute("INSERT INTO t VALUES (3, 'é', 'é', '😀', '😀')")
            assert capture.brief()[-1][3] == {"id": 3, "a": "é", "b": "é", "c": "😀", "d": "😀"}


def test_a_table_created_before_its_databases_default_changed_is_suspended() -> None:
    with servers.start("mariadb", {"binlog-row-metadata": "NO_LOG"}) as server, server.database() as database:
        database.execute(f"ALTER DATABASE {database.name} CHARACTER SET latin1")
        with capturing(database) as capture:
            database.execute(
                "CREATE TABLE sure (id INT PRIMARY KEY, a TEXT CHARACTER SET latin1) CHARACTER SET utf8mb4"
            )
            database.execute("INSERT INTO sure VALUES (1, 'é')")
            database.execute("CREATE TABLE unsure (id INT PRIMARY KEY, a TEXT)")
            database.execute("INSERT INTO unsure VALUES (1, 'é')")
            database.execute(f"ALTER DATABASE {database.name} CHARACTER SET utf8mb4")
            assert capture.brief() == [("sure", "c", None, {"id": 1, "a": "é"})]
            assert "character set" in capture.suspension("unsure")


# ---- what is not followed is loud


def test_statements_of_another_binlog_format_suspend_their_tables(database: Database) -> None:
    create_t(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database) as capture:
        database.execute("SET SESSION binlog_format = STATEMENT")
        database.execute("INSERT INTO t VALUES (1, 'secret', 1)")
        database.execute("SET SESSION binlog_format = ROW")
        database.execute("INSERT INTO other VALUES (1)")
        assert capture.brief() == [("other", "c", None, {"id": 1})]
        assert "binlog_format" in capture.suspension("t")
        assert "secret" not in capture.suspension("t")


def test_load_data_as_a_statement_is_refused(mariadb: servers.MariaDB, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1,x,1\n")
    tmp_path.chmod(0o755)
    file.chmod(0o644)
    with mariadb.database() as database:
        create_t(database)
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_format = STATEMENT")
            database.execute(f"LOAD DATA INFILE '{file}' INTO TABLE t FIELDS TERMINATED BY ','")
            with pytest.raises(LogFormatError, match="binlog_format"):
                capture.catch_up()


def test_checksums_switched_in_mid_stream(database: Database) -> None:
    create_t(database)
    server = database.server
    with capturing(database) as capture:
        try:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            server.query("SET GLOBAL binlog_checksum = NONE")
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            assert len(capture.catch_up()) == 2
            capture.reopen()
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            assert len(capture.catch_up()) == 1
            server.query("SET GLOBAL binlog_checksum = CRC32")
            database.execute("INSERT INTO t VALUES (4, 'x', 1)")
            assert len(capture.catch_up()) == 1
            # A backlog of files with and without, read with what is neither's setting any more.
            for last in ("CRC32", "NONE"):
                capture.close()
                first = "NONE" if last == "CRC32" else "CRC32"
                for number, checksum in enumerate((last, first, last), 10 if last == "CRC32" else 20):
                    server.query(f"SET GLOBAL binlog_checksum = {checksum}")
                    database.execute("INSERT INTO t VALUES (%s, 'x', 1)", (number,))
                    # Whose columns the log has to be searched for, to its end.
                    database.execute(f"CREATE TABLE t{number} (PRIMARY KEY (id)) AS SELECT id FROM t WHERE id = 1")
                capture.open()
                events = capture.catch_up()
                assert [event.table[:1] for event in events] == ["t"] * 6
        finally:
            server.query("SET GLOBAL binlog_checksum = CRC32")


def test_a_first_start_that_broke_off_keeps_the_versions_that_it_stored(database: Database) -> None:
    """Rows of the attempt before are in the stream: what their version says must not change."""
    database.execute("CREATE TABLE keyless (a INT, b INT)")
    database.execute("INSERT INTO keyless VALUES (1, 2)")
    with capturing(database) as capture:
        capture.flush()
        before = capture.schema("keyless", 1)
        capture.position = None
        database.execute("ALTER TABLE keyless DROP COLUMN a, ADD COLUMN c INT NOT NULL DEFAULT (7)")
        opened = capture.reopen()
        capture.flush()
        assert capture.schema("keyless", 1) == before
        reader = capture.reader()
        (chunk,) = reader.whole(capture.topic("keyless"), 1 << 20)
        assert [row for _, row in chunk.rows] == [b'{"b":2,"c":7}']
        assert [(column.id, column.name) for column in chunk.table.schema.columns] == [(2, "b"), (3, "c")]
        opened.emitter.snapshot_rows(chunk.table, chunk.rows, opened.position.mark, chunk.fields)
        reader.close()
        capture.flush()
        assert capture.schema("keyless", 2) == chunk.table.schema
        assert [event.op for event in capture.events] == ["s", "r"]
