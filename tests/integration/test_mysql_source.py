"""The MySQL source on real servers: exact events, resume, and the load beside the stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from tailrace.sequence import mark_binlog
from tailrace_mysql.source import INSIDE_BYTES
from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import capturing, create_t
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


# ---- events


def test_changes_become_exact_events(database: Database) -> None:
    create_t(database)
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
    create_t(database)
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
        assert capture.source.end() == capture.position.mark


def test_transactions_with_filtered_tables_keep_their_ordinals(database: Database) -> None:
    """The fence counts row events before any filter; the last captured event carries tx_end."""
    create_t(database)
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
    create_t(database)
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


def test_zeros_at_the_end_of_a_binary_key_belong_to_it(database: Database) -> None:
    """The log leaves them out, and a load does not: both must mean one row."""
    database.execute("CREATE TABLE t (k BINARY(4), v VARBINARY(4), n INT, PRIMARY KEY (k, v))")
    rows = ["X'61'", "X'6100'", "X'00'", "X''", "X'00000001'", "X'20202020'"]
    database.script(*(f"INSERT INTO t VALUES ({key}, {key}, 0)" for key in (*rows[:1], *rows[2:])))
    with capturing(database) as capture:
        database.script(f"INSERT INTO t VALUES ({rows[1]}, {rows[1]}, 0)", "UPDATE t SET n = n + 1")
        keys = {event.key for event in capture.catch_up() if event.op == "u"}
        reader = capture.reader()
        assert {key for key, _ in read_chunk(reader, capture.topic("t"), None, 100, 1 << 20).rows} == keys
        reader.close()
        assert len(keys) == len(rows)
        assert b'{"k":"YQAAAA==","v":"YQ=="}' in keys
        assert b'{"k":"YQAAAA==","v":"YQA="}' in keys
        database.execute("DELETE FROM t")
        assert {event.key for event in capture.catch_up()} == keys


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
    create_t(database)
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
        assert dict(read_chunk(reader, capture.topic("t"), None, 10, 1 << 20).rows) == {b'{"id":1}': event.after_json()}
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
        assert [row for _, row in read_chunk(reader, event.topic, None, 10, 1 << 20).rows] == [event.after_json()]
        reader.close()


def test_tables_of_engines_without_transactions(database: Database) -> None:
    database.execute("CREATE TABLE m (id INT PRIMARY KEY, a INT) ENGINE=MyISAM")
    with capturing(database) as capture:
        database.execute("INSERT INTO m VALUES (1, 1)")
        database.execute("UPDATE m SET a = 2")
        assert [brief[1] for brief in capture.brief()] == ["c", "u"]


def test_a_row_of_many_packets(database: Database) -> None:
    """An event beyond 16 MiB comes in several packets, also where it is beyond the server's max_allowed_packet."""
    database.execute("SET GLOBAL max_allowed_packet = 16777216")
    database.disconnect()
    database.execute("CREATE TABLE u (id INT PRIMARY KEY, a LONGTEXT, b LONGTEXT)")
    with capturing(database) as capture:
        size = 10 << 20
        database.execute(f"INSERT INTO u VALUES (1, REPEAT('x', {size}), '')")
        database.execute(f"UPDATE u SET b = REPEAT('y', {size})")
        _, update = capture.catch_up()
        assert len(update.after_json()) > 2 * size
        reader = capture.reader()
        assert [row for _, row in read_chunk(reader, capture.topic("u"), None, 10, 1 << 26).rows] == [
            update.after_json()
        ]
        reader.close()
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
    create_t(database)
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
    create_t(database)
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
            assert batch.bytes < (2 << 20) + (INSIDE_BYTES if database.server.kind == "mariadb" else 0)
            seen += sum(len(run) for run in batch.runs)
            capture.position = replace(capture.position, mark=batch.mark)
        assert seen == rows


def test_positions_move_while_nothing_is_captured(database: Database) -> None:
    create_t(database)
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
            chunk = read_chunk(reader, capture.topic("t"), after, 30, 1500)
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
    create_t(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    with capturing(database) as capture:
        assert capture.opened is not None
        capture.opened.emitter.traced = frozenset({capture.topic("t")})
        database.execute("INSERT INTO t VALUES (2, 'seen', 1)")
        reader = capture.reader()
        chunk = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
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
    create_t(database)
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
            chunk = read_chunk(reader, capture.topic("t"), None, 10, 1 << 20)
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
