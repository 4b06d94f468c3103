"""The MySQL source on real servers: exact events, resume, schema changes, refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tailrace.errors import DataLossError, LogFormatError, RefusedError, UnreachableError
from tailrace.schema import Kind
from tailrace.sequence import mark_binlog
from tests import servers
from tests.integration.mysql_capture import Capture, capturing
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    server: servers.MySQL = request.getfixturevalue(request.param)
    with server.database() as found:
        yield found


def _create(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b DECIMAL(10,2))")


# ---- events


def test_changes_become_exact_events(database: Database) -> None:
    _create(database)
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'x', 1.5), (2, NULL, -2)")
        database.execute("UPDATE t SET a = 'y' WHERE id = 1")
        database.execute("DELETE FROM t WHERE id = 2")
        events = capture.catch_up()
        one, two = {"id": 1, "a": "x", "b": "1.50"}, {"id": 2, "a": None, "b": "-2.00"}
        assert [event.brief() for event in events] == [
            ("t", "c", None, one),
            ("t", "c", None, two),
            ("t", "u", one, {**one, "a": "y"}),
            ("t", "d", two, None),
            ("t", "tombstone", None, None),
        ]
        assert [event.key for event in events] == [b'{"id":1}', b'{"id":2}', b'{"id":1}', b'{"id":2}', b'{"id":2}']
        assert [event.source["tx_end"] for event in events if event.value] == [False, True, True, True]
        source = events[1].source
        is_mariadb = database.server.kind == "mariadb"
        assert source["connector"] == ("mariadb" if is_mariadb else "mysql")
        assert (source["db"], source["schema"], source["table"]) == (database.name, None, "t")
        assert (source["row"], source["query"], source["server_id"], source["schema_id"]) == (1, None, 1, 1)
        assert (source["gtid"] is None) == (database.server.kind == "mysql-defaults")
        assert abs(source["ts_ms"] - time.time() * 1000) < 60_000
        sequences = [event.source["tailrace_seq"] for event in events if event.value]
        assert sequences == sorted(set(sequences))
        file, pos = mark_binlog(sequences[0].split("-")[1])
        assert source["file"].endswith(f"{file:06d}")
        assert pos < source["pos"]


def test_other_tables_move_the_position_and_nothing_else(database: Database) -> None:
    _create(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database, settings={"tables": [f"{database.name}.t"]}) as capture:
        before = capture.position
        database.execute("INSERT INTO other VALUES (1)")
        assert capture.catch_up() == []
        assert before is not None
        assert capture.position is not None
        assert capture.position.mark > before.mark
        assert capture.source is not None
        assert capture.source.lag_bytes(capture.position.mark) == 0
        assert capture.source.lag_bytes(before.mark) > 0


def test_transactions_with_filtered_tables_keep_their_ordinals(database: Database) -> None:
    """The fence counts row events before any filter; the last captured event carries tx_end."""
    _create(database)
    database.execute("CREATE TABLE other (id INT PRIMARY KEY)")
    with capturing(database, settings={"exclude": [f"{database.name}.other"]}) as capture:
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO other VALUES (1)")
            cursor.execute("INSERT INTO t VALUES (1, 'a', 1)")
            cursor.execute("INSERT INTO other VALUES (2)")
            cursor.execute("INSERT INTO t VALUES (2, 'b', 2)")
            cursor.execute("INSERT INTO other VALUES (3)")
        events = capture.catch_up()
        ordinals = [int(event.source["tailrace_seq"].split("-")[2], 16) >> 26 for event in events]
        assert ordinals == [2, 4]
        assert [event.source["tx_end"] for event in events] == [False, True]


def test_rolled_back_changes_are_no_events(database: Database) -> None:
    _create(database)
    with capturing(database) as capture:
        connection = database.connect(autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1, 'x', 1)")
            connection.rollback()
            cursor.execute("INSERT INTO t VALUES (2, 'y', 2)")
            cursor.execute("SAVEPOINT s")
            cursor.execute("INSERT INTO t VALUES (3, 'z', 3)")
            cursor.execute("ROLLBACK TO SAVEPOINT s")
            cursor.execute("INSERT INTO t VALUES (4, 'w', 4)")
            connection.commit()
        assert [after["id"] for _, _, _, after in capture.brief()] == [2, 4]


def test_a_changed_key_is_a_delete_and_a_create(database: Database) -> None:
    database.execute("CREATE TABLE t (a INT, b VARCHAR(10), c INT, PRIMARY KEY (b, a))")
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("UPDATE t SET a = 2, c = 3")
        events = capture.catch_up()
        assert [event.brief() for event in events] == [
            ("t", "d", {"a": 1, "b": "x", "c": 1}, None),
            ("t", "tombstone", None, None),
            ("t", "c", None, {"a": 2, "b": "x", "c": 3}),
        ]
        assert [event.key for event in events] == [b'{"b":"x","a":1}'] * 2 + [b'{"b":"x","a":2}']
        assert events[0].source["tailrace_seq"] < events[2].source["tailrace_seq"]


def test_keyless_tables_have_full_images(database: Database) -> None:
    database.execute("CREATE TABLE k (a INT, b TEXT)")
    with capturing(database) as capture:
        database.execute("INSERT INTO k VALUES (1, 'x'), (1, 'x')")
        database.execute("UPDATE k SET b = 'y' LIMIT 1")
        database.execute("DELETE FROM k WHERE b = 'x'")
        events = capture.catch_up()
        x, y = {"a": 1, "b": "x"}, {"a": 1, "b": "y"}
        assert [event.brief() for event in events] == [
            ("k", "c", None, x),
            ("k", "c", None, x),
            ("k", "u", x, y),
            ("k", "d", x, None),
        ]
        assert {event.key for event in events} == {None}


def test_truncate(database: Database) -> None:
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("TRUNCATE TABLE t")
        database.execute("INSERT INTO t VALUES (1, 'y', 1)")
        assert [brief[1] for brief in capture.brief()] == ["t", "c"]
        assert [run.every_partition for batch in capture.batches for run in batch.runs] == [True, False]


def test_generated_and_invisible_columns_are_carried(database: Database) -> None:
    database.execute(
        "CREATE TABLE t (id INT PRIMARY KEY, a INT, v INT AS (a + 1) VIRTUAL, s INT AS (a * 2) STORED,"
        " h INT INVISIBLE DEFAULT 5)"
    )
    with capturing(database) as capture:
        database.execute("INSERT INTO t (id, a) VALUES (1, 10)")
        [event] = capture.catch_up()
        assert event.brief() == ("t", "c", None, {"id": 1, "a": 10, "v": 11, "s": 20, "h": 5})
        reader = capture.reader()
        assert dict(reader.chunk(capture.topic("t"), None, 10, 1 << 20).rows) == {b'{"id":1}': event.after_json()}
        reader.close()
        generated = {column.name for column in capture.schema("t", 1).columns if column.generated}
        assert generated == {"v", "s"}


def test_odd_names(database: Database) -> None:
    database.execute('CREATE TABLE `we``ird %s "t" ü` (`i d%d` INT PRIMARY KEY, `a"b` INT, `ü` INT)')
    with capturing(database) as capture:
        database.execute('INSERT INTO `we``ird %%s "t" ü` VALUES (1, 2, 3)', ())
        [event] = capture.catch_up()
        assert event.key == b'{"i d%d":1}'
        assert event.value is not None
        assert event.value["after"] == {"i d%d": 1, 'a"b': 2, "ü": 3}
        reader = capture.reader()
        assert [row for _, row in reader.chunk(event.topic, None, 10, 1 << 20).rows] == [event.after_json()]
        reader.close()


def test_tables_of_engines_without_transactions(database: Database) -> None:
    database.execute("CREATE TABLE m (id INT PRIMARY KEY, a INT) ENGINE=MyISAM")
    with capturing(database) as capture:
        database.execute("INSERT INTO m VALUES (1, 1)")
        database.execute("UPDATE m SET a = 2")
        assert [brief[1] for brief in capture.brief()] == ["c", "u"]


def test_a_row_of_many_packets(database: Database) -> None:
    """An event beyond 16 MiB comes in several packets."""
    database.execute("SET GLOBAL max_allowed_packet = 67108864")
    database.disconnect()
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a LONGTEXT)")
    size = 20 << 20
    with capturing(database) as capture:
        database.execute(f"INSERT INTO t VALUES (1, REPEAT('x', {size})), (2, 'after')")
        events = capture.catch_up()
        assert [len(event.value["after"]["a"]) for event in events if event.value] == [size, 5]


# ---- resume


def test_resume_goes_on_inside_a_transaction(database: Database) -> None:
    """After any batch, at any restart: nothing twice, nothing left out, in one order."""
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(300), b INT)")
    with capturing(database) as capture:
        with database.transaction() as cursor:
            for start in range(0, 2000, 500):
                values = ",".join(f"({n}, '{'x' * 200}', {n})" for n in range(start, start + 500))
                cursor.execute(f"INSERT INTO t VALUES {values}")
            cursor.execute("UPDATE t SET a = 'changed' WHERE id % 2 = 0")
        assert capture.source is not None
        goal = capture.source.log_end()
        cuts = 0
        while capture.position is not None and capture.position.mark < goal:
            batch = capture.read(limit_bytes=1)
            if batch is not None and batch.runs and cuts < 6:
                cuts += 1
                capture.reopen()
        assert cuts >= 3
        assert [event.op for event in capture.events] == ["c"] * 2000 + ["u"] * 1000
        assert len({event.source["tailrace_seq"] for event in capture.events}) == 3000
        assert [event.source["tx_end"] for event in capture.events].count(True) == 1
        assert capture.events[-1].source["tx_end"]


def test_resume_after_time_away(database: Database) -> None:
    _create(database)
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        capture.catch_up()
        capture.close()
        database.execute("INSERT INTO t VALUES (2, 'y', 2)")
        database.execute("FLUSH BINARY LOGS")
        database.execute("INSERT INTO t VALUES (3, 'z', 3)")
        capture.open()
        assert [after["id"] for _, _, _, after in capture.brief()] == [2, 3]
        capture.reopen()
        assert capture.brief() == []


def test_a_large_transaction_in_bounded_batches(database: Database) -> None:
    _create(database)
    rows = 100_000
    database.execute("CREATE TABLE seed (n INT PRIMARY KEY)")
    database.executemany("INSERT INTO seed VALUES (%s)", [(n,) for n in range(100)])
    cross = "seed a CROSS JOIN seed b CROSS JOIN (SELECT n FROM seed WHERE n < 10) c"
    with capturing(database) as capture:
        database.execute(f"INSERT INTO t SELECT a.n * 1000 + b.n * 10 + c.n, 'x', 1 FROM {cross}")
        assert capture.source is not None
        goal = capture.source.log_end()
        seen = 0
        deadline = time.monotonic() + 60
        while capture.position is not None and capture.position.mark < goal:
            assert time.monotonic() < deadline
            batch = capture.source.read(0.2, 1 << 20)
            if batch is None:
                continue
            assert batch.bytes < 2 << 20
            seen += sum(len(run) for run in batch.runs)
            capture.position = replace(capture.position, mark=batch.mark)
        assert seen == rows


def test_positions_move_while_nothing_is_captured(database: Database) -> None:
    _create(database)
    with capturing(database, settings={"heartbeat": "0.3s"}) as capture:
        capture.catch_up()
        assert capture.position is not None
        before = capture.position.mark
        database.server.query("FLUSH BINARY LOGS")
        capture.catch_up()
        assert capture.position.mark > before
        # Nothing at all happens now: the server's heartbeats keep the connection known to be alive.
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            batch = capture.read(0.5)
            assert batch is None or not batch.runs  # MariaDB may still note a checkpoint
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        assert len(capture.catch_up()) == 1


# ---- the load


def test_a_load_in_chunks_meets_the_stream(database: Database) -> None:
    database.execute("CREATE TABLE t (a INT, b VARCHAR(10), c TEXT, PRIMARY KEY (a, b))")
    database.executemany("INSERT INTO t VALUES (%s, %s, %s)", [(n // 7, f"k{n % 7}", "x" * n) for n in range(100)])
    with capturing(database) as capture:
        reader = capture.reader()
        rows: dict[bytes | None, bytes] = {}
        after: str | None = None
        chunks = 0
        while True:
            chunk = reader.chunk(capture.topic("t"), after, 30, 1500)
            assert len(chunk.rows) <= 30
            assert not rows.keys() & dict(chunk.rows).keys()
            rows.update(chunk.rows)
            chunks += 1
            after = chunk.after
            if after is None:
                break
        assert len(rows) == 100
        assert chunks > 5
        assert dict(reader.rows(capture.topic("t"))) == rows
        reader.close()


def test_a_view_knows_what_it_saw(database: Database) -> None:
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        assert capture.opened is not None
        capture.opened.emitter.traced = frozenset({capture.topic("t")})
        database.execute("INSERT INTO t VALUES (2, 'seen', 1)")
        reader = capture.reader()
        chunk = reader.chunk(capture.topic("t"), None, 10, 1 << 20)
        database.execute("INSERT INTO t VALUES (3, 'unseen', 1)")
        capture.catch_up()
        touched = [touch for batch in capture.batches for touch in batch.touched]
        assert [(touch.key, chunk.view.sees(touch.transaction)) for touch in touched] == [
            (b'{"id":2}', True),
            (b'{"id":3}', False),
        ]
        assert len(chunk.rows) == 2
        assert capture.position is not None
        assert chunk.high <= capture.position.mark
        assert reader.sees_all([touch.transaction for touch in touched])
        reader.close()


def test_an_uncommitted_row_is_not_seen(database: Database) -> None:
    _create(database)
    with capturing(database) as capture:
        assert capture.opened is not None
        capture.opened.emitter.traced = frozenset({capture.topic("t")})
        connection = database.connect(autocommit=False)
        with connection.cursor() as cursor:
            if database.server.kind == "mysql-defaults":
                # Without GTIDs a chunk waits for writers of its table: the row is written once the lock is gone.
                cursor.execute("SELECT 1")
            else:
                cursor.execute("INSERT INTO t VALUES (1, 'x', 1)")
            reader = capture.reader()
            chunk = reader.chunk(capture.topic("t"), None, 10, 1 << 20)
            if database.server.kind == "mysql-defaults":
                cursor.execute("INSERT INTO t VALUES (1, 'x', 1)")
            connection.commit()
        capture.catch_up()
        [touch] = [touch for batch in capture.batches for touch in batch.touched]
        assert chunk.rows == []
        assert not chunk.view.sees(touch.transaction)
        reader.close()


def test_keyless_tables_are_read_as_of_the_start(database: Database) -> None:
    database.execute("CREATE TABLE k (a INT)")
    database.execute("CREATE TABLE empty_one (a INT)")
    database.executemany("INSERT INTO k VALUES (%s)", [(n,) for n in range(50)])
    with capturing(database) as capture:
        database.execute("INSERT INTO k VALUES (100)")
        database.execute("DELETE FROM k WHERE a < 10")
        reader = capture.reader()
        chunks = list(reader.whole(capture.topic("k"), 100))
        assert next(iter(reader.whole(capture.topic("empty_one"), 100))).rows == []
        reader.close()
        assert len(chunks) > 2
        assert [chunk.after is None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        rows = [orjson.loads(row)["a"] for chunk in chunks for key, row in chunk.rows if key is None]
        assert rows == list(range(50))
        assert [brief[1] for brief in capture.brief()] == ["c"] + ["d"] * 10


def test_writers_of_keyless_tables_race_the_start(database: Database) -> None:
    """Rows that are written while the source opens are in the view or in the stream: once, and in one of both."""
    database.execute("CREATE TABLE k (a INT)")
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        connection = database.server.connect(database.name)
        with connection.cursor() as cursor:
            number = 0
            while not stop.is_set():
                cursor.execute("INSERT INTO k VALUES (%s)", (number,))
                written.append(number)
                number += 1
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        servers.wait_until(lambda: len(written) > 50, 20, "the writer writes")
        with capturing(database) as capture:
            opened = len(written)
            servers.wait_until(lambda: len(written) > opened + 50, 20, "the writer writes on")
            stop.set()
            writer.join(20)
            reader = capture.reader()
            loaded = [
                orjson.loads(row)["a"] for chunk in reader.whole(capture.topic("k"), 1000) for _, row in chunk.rows
            ]
            reader.close()
            streamed = [after["a"] for _, _, _, after in capture.brief()]
            assert loaded
            assert streamed
            assert sorted(loaded + streamed) == written
    finally:
        stop.set()
        writer.join(20)


# ---- schema changes


def test_columns_added_dropped_and_renamed_in_mid_stream(database: Database) -> None:
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), b INT)")
    with capturing(database) as capture:
        database.execute("INSERT INTO t VALUES (1, 'x', 1)")
        database.execute("ALTER TABLE t ADD COLUMN c DECIMAL(6,2) NOT NULL DEFAULT 1.5 AFTER id, ADD d TEXT")
        database.execute("INSERT INTO t VALUES (2, 2.25, 'y', 2, 'dd')")
        database.execute("ALTER TABLE t DROP COLUMN b")
        database.execute("ALTER TABLE t RENAME COLUMN a TO aa, CHANGE d e VARCHAR(30)")
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
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("CREATE TABLE copied (PRIMARY KEY (id)) AS SELECT id, a FROM t")
        database.execute("CREATE TABLE alike LIKE t")
        database.execute("INSERT INTO alike VALUES (5, 'y', 2)")
        assert capture.brief() == [
            ("copied", "c", None, {"id": 1, "a": "x"}),
            ("alike", "c", None, {"id": 5, "a": "y", "b": "2.00"}),
        ]


def test_tables_swapped_as_online_schema_changes_do(database: Database) -> None:
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database, settings={"tables": [f"{database.name}.t"]}) as capture:
        database.execute("CREATE TABLE _t_new LIKE t")
        database.execute("ALTER TABLE _t_new ADD COLUMN extra INT")
        database.execute("INSERT INTO _t_new SELECT *, NULL FROM t")
        database.execute("RENAME TABLE t TO _t_old, _t_new TO t")
        database.execute("INSERT INTO t VALUES (2, 'y', 2, 3)")
        assert capture.brief() == [
            ("t", "s", None, None),
            ("t", "c", None, {"id": 2, "a": "y", "b": "2.00", "extra": 3}),
        ]
        assert [column.id for column in capture.schema("t", 2).columns] == [1, 2, 3, 4]


def test_an_added_column_whose_old_values_nobody_knows_suspends_its_table(database: Database) -> None:
    _create(database)
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
    _create(database)
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
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("ALTER TABLE t ADD COLUMN c INT DEFAULT 4")
        reader = capture.reader()
        chunk = reader.chunk(capture.topic("t"), None, 10, 1 << 20)
        assert chunk.rows == []
        assert chunk.after is not None
        capture.catch_up()
        assert capture.position is not None
        assert capture.position.mark >= chunk.high
        chunk = reader.chunk(capture.topic("t"), chunk.after, 10, 1 << 20)
        assert chunk.after is None
        assert [row for _, row in chunk.rows] == [b'{"id":1,"a":"x","b":"1.00","c":4}']
        assert chunk.table.schema.id == 2
        reader.close()


def test_unsupported_columns_suspend_their_table_alone(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        database.execute("CREATE TABLE z (id INT PRIMARY KEY, a TEXT COMPRESSED)")
        database.execute("CREATE TABLE v (id INT PRIMARY KEY) WITH SYSTEM VERSIONING")
        database.execute("CREATE TABLE w (id INT PRIMARY KEY, a TEXT CHARACTER SET geostd8)")
        _create(database)
        with capturing(database) as capture:
            assert capture.opened is not None
            states = {table.name.table: (table.state, table.reason) for table in capture.opened.tables}
            assert states["t"] == ("streaming", "")
            assert "COMPRESSED" in states["z"][1]
            assert "system-versioned" in states["v"][1]
            assert "geostd8" in states["w"][1]
            database.execute("INSERT INTO z VALUES (1, 'x')")
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            assert [brief[0] for brief in capture.brief()] == ["t"]
            database.execute("ALTER TABLE t ADD COLUMN z TEXT COMPRESSED")
            database.execute("INSERT INTO t VALUES (2, 'x', 1, 'z')")
            assert capture.brief() == []
            assert "COMPRESSED" in capture.suspension("t")


def test_mariadb_alters_in_two_phases_once(mariadb: servers.MariaDB) -> None:
    with mariadb.database() as database:
        _create(database)
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


# ---- what is not followed is loud


def test_statements_of_another_binlog_format_suspend_their_tables(database: Database) -> None:
    _create(database)
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
        _create(database)
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_format = STATEMENT")
            database.execute(f"LOAD DATA INFILE '{file}' INTO TABLE t FIELDS TERMINATED BY ','")
            with pytest.raises(LogFormatError, match="binlog_format"):
                capture.catch_up()


def test_row_images_without_all_columns_suspend_their_table(database: Database) -> None:
    _create(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        database.execute("SET SESSION binlog_row_image = MINIMAL")
        database.execute("UPDATE t SET a = 'y'")
        database.execute("SET SESSION binlog_row_image = FULL")
        database.execute("UPDATE t SET a = 'z'")
        assert capture.brief() == []
        assert "binlog_row_image" in capture.suspension("t")


def test_xa_is_refused(database: Database) -> None:
    _create(database)
    with capturing(database) as capture:
        connection = database.connect()
        with connection.cursor() as cursor:
            for statement in ("XA START 'x'", "INSERT INTO t VALUES (1, 'x', 1)", "XA END 'x'", "XA PREPARE 'x'"):
                cursor.execute(statement)
        with pytest.raises(LogFormatError, match="XA"):
            capture.catch_up()
        with connection.cursor() as cursor:
            cursor.execute("XA ROLLBACK 'x'")


def test_compressed_events_are_refused(mysql: servers.MySQL, mariadb: servers.MariaDB) -> None:
    with mysql.database() as database:
        _create(database)
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_transaction_compression = ON")
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            with pytest.raises(LogFormatError, match="binlog_transaction_compression"):
                capture.catch_up()
    with servers.start("mariadb", {"log-bin-compress": "ON"}) as server, server.database() as database:
        _create(database)
        capture = Capture(database)
        with pytest.raises(RefusedError, match="log_bin_compress"):
            capture.open()
        capture.close()


def test_partial_json_is_refused(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        database.execute("CREATE TABLE t (id INT PRIMARY KEY, j JSON)")
        database.execute("""INSERT INTO t VALUES (1, '{"a": "xxxxxxxxxxxxxxxxxxxx", "b": 1}')""")
        with capturing(database) as capture:
            database.execute("SET SESSION binlog_row_value_options = PARTIAL_JSON")
            database.execute("UPDATE t SET j = JSON_SET(j, '$.a', 'y')")
            with pytest.raises(LogFormatError, match="binlog_row_value_options"):
                capture.catch_up()


def test_checksums_switched_in_mid_stream(database: Database) -> None:
    _create(database)
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
        finally:
            server.query("SET GLOBAL binlog_checksum = CRC32")
        database.execute("INSERT INTO t VALUES (4, 'x', 1)")
        assert len(capture.catch_up()) == 1


# ---- refusals at the start


@pytest.mark.parametrize("kind", ["mariadb", "mysql", "mysql-defaults"])
def test_purged_reset_and_foreign_logs_are_data_loss(kind: str) -> None:
    """On a server of its own, whose log can be spoilt."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        _create(database)
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            capture.catch_up()
            capture.flush()
            capture.close()
            stored = capture.position
            # Purged beyond the position, with changes that were not read.
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            server.query("FLUSH BINARY LOGS")
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            server.query("FLUSH BINARY LOGS")
            last = server.query("SHOW BINARY LOGS")[-1][0]

            def purged() -> bool:
                # A file stays while the server has not noticed that its reader is gone.
                server.query(f"PURGE BINARY LOGS TO '{last}'")
                return bool(server.query("SHOW BINARY LOGS")[0][0] == last)

            servers.wait_until(purged, 20, "the binlogs are purged")
            with pytest.raises(DataLossError, match="teardown"):
                _open_and_read(capture)
            # Reset: everything is of another log now.
            capture.position = stored
            server.query("RESET BINARY LOGS AND GTIDS" if kind.startswith("mysql") else "RESET MASTER")
            with pytest.raises(DataLossError, match="teardown"):
                _open_and_read(capture)
            for number in range(50):
                database.execute("INSERT INTO t VALUES (%s, 'again', 1)", (100 + number,))
            with pytest.raises(DataLossError, match="teardown"):
                _open_and_read(capture)


def _open_and_read(capture: Capture) -> None:
    capture.close()
    try:
        capture.open()
        capture.catch_up(10)
    finally:
        capture.close()


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_another_server_with_the_same_transactions_goes_on(kind: str) -> None:
    """A copy of the server under another identity, its log begun anew, has all that was read: a new epoch."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        _create(database)
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            capture.catch_up()
            capture.flush()
            capture.close()
            assert capture.position is not None
            capture.position = replace(capture.position, identity="the-server-before")
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            opened = capture.open()
            assert opened.position.epoch == 2
            assert "epoch 2" in opened.warnings[0]
            events = capture.catch_up()
            assert [event.source["tailrace_seq"][:5] for event in events] == ["0002-"]
            capture.reopen()
            assert capture.brief() == []


def test_gtids_switched_on_under_way() -> None:
    """A position of before stays a place: nothing is read twice."""
    options: dict[str, str | int | None] = {"server-id": 1, "enforce-gtid-consistency": "ON"}
    with servers.start("mysql-defaults", options) as server, server.database() as database:
        _create(database)
        with capturing(database) as capture:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            capture.catch_up()
            capture.flush()
            capture.close()
            for mode in ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"):
                server.query(f"SET GLOBAL gtid_mode = {mode}")
            database.disconnect()
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            capture.open()
            assert [after["id"] for _, _, _, after in capture.brief()] == [2]
            capture.reopen()
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            assert [after["id"] for _, _, _, after in capture.brief()] == [3]


def test_another_server_without_gtids_is_data_loss(mysql_defaults: servers.MySQL) -> None:
    with mysql_defaults.database() as database:
        _create(database)
        with capturing(database) as capture:
            capture.close()
            assert capture.position is not None
            capture.position = replace(capture.position, identity="the-server-before")
            with pytest.raises(DataLossError, match="another server"):
                capture.open()


def test_settings_that_lose_changes_are_refused(mariadb: servers.MariaDB) -> None:
    for options, name in (
        ({"binlog-format": "STATEMENT"}, "binlog_format"),
        ({"binlog-row-image": "MINIMAL"}, "image"),
    ):
        with servers.start("mariadb", options) as server, server.database() as database:
            _create(database)
            capture = Capture(database)
            with pytest.raises(RefusedError, match=name):
                capture.open()
            findings = capture.create().check()
            assert [finding.fix != "" for finding in findings if finding.ok is False] == [True]
            capture.close()


def test_a_server_that_is_as_it_should_be(database: Database) -> None:
    _create(database)
    capture = Capture(database)
    findings = capture.create().check()
    assert [finding for finding in findings if finding.ok is False] == []
    assert {finding.name for finding in findings} >= {
        "connection",
        "log_bin",
        "binlog_format",
        "our server_id",
        "tables",
    }
    advised = {finding.name for finding in findings if finding.ok is None}
    assert advised == ({"binlog_row_metadata", "gtid_mode"} if database.server.kind == "mysql-defaults" else set())
    assert all(finding.fix for finding in findings if not finding.ok)


def test_a_replica_with_our_server_id_is_not_pushed_aside(database: Database) -> None:
    _create(database)
    with capturing(database, settings={"server_id": 77}):
        capture = Capture(database, settings={"server_id": 77}, pipeline="another")
        with pytest.raises(RefusedError, match="server_id"):
            capture.open()
        capture.close()


def test_passwords_grants_and_hosts(database: Database) -> None:
    _create(database)
    user = f"u_{database.name}"[:30]
    database.execute(f"CREATE USER '{user}'@'%%' IDENTIFIED BY 'right'", ())
    try:
        capture = Capture(database, url=database.url_as(user, "wrong"))
        with pytest.raises(RefusedError, match="password"):
            capture.open()
        capture.close()
        capture = Capture(database, url=database.url_as(user, "right"))
        with pytest.raises(RefusedError, match="REPLICATION SLAVE"):
            capture.open()
        failed = [finding.name for finding in capture.create().check() if finding.ok is False]
        assert failed == ["grant REPLICATION SLAVE", "grant REPLICATION CLIENT", "grant SELECT", "tables"]
        capture.close()
        database.execute(f"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{user}'@'%%'", ())
        database.execute(f"GRANT SELECT, LOCK TABLES ON {database.name}.* TO '{user}'@'%%'", ())
        with capturing(database, url=database.url_as(user, "right")) as capture:
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            assert len(capture.catch_up()) == 1
            assert [f for f in capture.create().check() if f.ok is False] == []
            reader = capture.reader()
            assert len(reader.chunk(capture.topic("t"), None, 10, 1 << 20).rows) == 1
            reader.close()
    finally:
        database.execute(f"DROP USER '{user}'@'%%'", ())
    capture = Capture(database, url="mysql://root@127.0.0.1:1/nothing")
    with pytest.raises(UnreachableError):
        capture.open()


def _read_on(capture: Capture) -> None:
    for _ in range(20):
        capture.read(0.5)


def test_a_server_that_stops_and_comes_back(database: Database) -> None:
    kind = database.server.kind
    with servers.start(kind, {"server-id": 1}) as server, server.database() as own:
        _create(own)
        with capturing(own) as capture:
            own.execute("INSERT INTO t VALUES (1, 'x', 1)")
            capture.catch_up()
            server.kill()
            with pytest.raises(UnreachableError):
                _read_on(capture)
            server.relaunch()
            own.execute("INSERT INTO t VALUES (2, 'x', 1)")
            capture.reopen()
            assert [after["id"] for _, _, _, after in capture.brief()] == [2]


def test_a_silent_server_is_noticed(mariadb: servers.MariaDB) -> None:
    with servers.start("mariadb", {"server-id": 1}) as server, server.database() as database:
        _create(database)
        with capturing(database, settings={"heartbeat": "0.5s"}) as capture:
            capture.catch_up()
            server.pause()
            try:
                with pytest.raises(UnreachableError, match="silent"):
                    _read_on(capture)
            finally:
                server.resume()


def test_tagged_gtids(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        _create(database)
        with capturing(database) as capture:
            database.execute("SET SESSION gtid_next = 'AUTOMATIC:tailrace_tag'")
            database.execute("INSERT INTO t VALUES (1, 'x', 1)")
            database.execute("SET SESSION gtid_next = 'AUTOMATIC'")
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            first, second = capture.catch_up()
            assert ":tailrace_tag:" in first.source["gtid"]
            assert "tag" not in second.source["gtid"]
            assert abs(first.source["ts_ms"] - time.time() * 1000) < 60_000
            assert capture.position is not None
            stored = orjson.loads(capture.position.restart)["gtid"]
            assert mysql.query(
                "SELECT GTID_SUBSET(%s, @@gtid_executed), GTID_SUBSET(@@gtid_executed, %s)", (stored, stored)
            ) == [(1, 1)]
            capture.reopen()
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            assert [after["id"] for _, _, _, after in capture.brief()] == [3]


def test_tls(database: Database) -> None:
    if database.server.kind == "mariadb":
        assert database.value("SELECT @@have_ssl") == "DISABLED"
        capture = Capture(database, settings={"tls": {"mode": "require"}})
        with pytest.raises(RefusedError):
            capture.open()
        return
    _create(database)
    with capturing(database, settings={"tls": {"mode": "require"}}) as capture:
        rows = [(n, "x" * 20, 1) for n in range(5000)]
        database.executemany("INSERT INTO t VALUES (%s, %s, %s)", rows)
        assert len(capture.catch_up()) == 5000
    capture = Capture(database, settings={"tls": {"mode": "verify-full"}})
    with pytest.raises(RefusedError, match="certificate"):
        capture.open()
    capture.close()


def test_kinds_of_columns_for_sinks(database: Database) -> None:
    """What the schema record says beyond the names."""
    database.execute(
        "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, s VARCHAR(40) NOT NULL, c CHAR(3), d DECIMAL(12,4),"
        " b VARBINARY(7), e ENUM('x','y'), ts TIMESTAMP(3) NULL, f FLOAT, l VARCHAR(5) CHARACTER SET latin1,"
        " flag TINYINT(1))"
    )
    with capturing(database) as capture:
        capture.flush()
        columns = capture.schema("t", 1).by_name
        assert (columns["id"].type.size, columns["id"].type.unsigned, columns["id"].key) == (64, True, 1)
        assert (columns["s"].type.kind, columns["s"].type.size, columns["s"].nullable) == (Kind.TEXT, 40, False)
        assert (columns["c"].type.size, columns["c"].type.fixed) == (3, True)
        assert (columns["d"].type.size, columns["d"].type.scale) == (12, 4)
        assert (columns["b"].type.kind, columns["b"].type.size) == (Kind.BYTES, 7)
        assert columns["e"].type.labels == ("x", "y")
        assert (columns["ts"].type.kind, columns["ts"].type.size) == (Kind.TIMESTAMPTZ, 3)
        assert columns["f"].type.size == 32
        assert columns["l"].type.name == "varchar(5) character set latin1"
        assert columns["flag"].type.name == "tinyint(1)"
