"""The full load's reader on real servers: chunks, views, and values equal to the stream's, byte for byte."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from tailrace.errors import RefusedError, TableBusyError, UnreachableError, ValueRefusedError
from tailrace_postgres.publication import Publications
from tailrace_postgres.view import Snapshot
from tests.capture.chunks import read_chunk
from tests.capture.postgres import VERSIONS, Capture
from tests.servers import Database


@pytest.fixture(params=VERSIONS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with request.getfixturevalue(request.param).database("pg") as found:
        yield found


# ---- values

#: Column type, and for each value: SQL text, JSON form.
VALUES: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...] = (
    ("boolean", (("true", True), ("false", False))),
    ("smallint", (("-32768", -32768), ("32767", 32767))),
    ("integer", (("-2147483648", -2147483648),)),
    ("bigint", (("9223372036854775807", 9223372036854775807), ("-9223372036854775808", -9223372036854775808))),
    ("oid", (("4294967295", 4294967295),)),
    (
        "numeric",
        (
            ("'NaN'", "NaN"),
            ("'Infinity'", "Infinity"),
            ("'-Infinity'", "-Infinity"),
            ("1e40", "1" + "0" * 40),
            ("-0.000", "0.000"),
            ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        ),
    ),
    ("numeric(12,2)", (("1.5", "1.50"), ("-9999999999.99", "-9999999999.99"))),
    ("numeric(3,-2)", (("12345", "12300"),)),
    (
        "real",
        (
            ("1.1", 1.1),
            ("3.4028235e38", 3.4028235e38),
            ("1e-45", 1e-45),
            ("'NaN'", "NaN"),
            ("'-Infinity'", "-Infinity"),
            ("'-0'", -0.0),
            ("16777216", 16777216.0),
        ),
    ),
    (
        "double precision",
        (
            ("0.1", 0.1),
            ("1.7976931348623157e308", 1.7976931348623157e308),
            ("5e-324", 5e-324),
            ("'Infinity'", "Infinity"),
            ("123456789.123456789", 123456789.12345679),
        ),
    ),
    (
        "text",
        (
            ("''", ""),
            ("'NULL'", "NULL"),
            (
                r"E'tab\there, newline\nhere, back\\slash, quote\" and \\N, \\.'",
                'tab\there, newline\nhere, back\\slash, quote" and \\N, \\.',
            ),
            ("'Grüße, 漢字, 😀'", "Grüße, 漢字, 😀"),
            (r"E'\b\f\r\x01\x7f'", "\b\f\r\x01\x7f"),
        ),
    ),
    ("character varying(10)", (("'abc '", "abc "),)),
    ("character(5)", (("'ab'", "ab   "),)),
    ('"char"', (("'x'", "x"),)),
    ("name", (("'a_name'", "a_name"),)),
    ("bytea", ((r"'\x00ff10'", base64.b64encode(b"\x00\xff\x10").decode()), ("''", ""))),
    (
        "date",
        (
            ("'2024-01-31'", "2024-01-31"),
            ("'infinity'", "infinity"),
            ("'0044-03-15 BC'", "0044-03-15 BC"),
            ("'12345-06-07'", "12345-06-07"),
        ),
    ),
    ("time", (("'12:34:56.123456'", "12:34:56.123456"), ("'24:00:00'", "24:00:00"))),
    ("time with time zone", (("'12:34:56+02'", "12:34:56+02:00"), ("'12:34:56.5-05:30'", "12:34:56.5-05:30"))),
    (
        "timestamp",
        (
            ("'2024-01-31 12:34:56.123456'", "2024-01-31T12:34:56.123456"),
            ("'2024-01-31'", "2024-01-31T00:00:00"),
            ("'-infinity'", "-infinity"),
            ("'0044-03-15 12:00:00 BC'", "0044-03-15 12:00:00 BC"),
            ("'12345-06-07 08:09:10'", "12345-06-07T08:09:10"),
        ),
    ),
    ("timestamp(0)", (("'2024-01-31 12:34:56.7'", "2024-01-31T12:34:57"),)),
    (
        "timestamp with time zone",
        (
            ("'2024-01-31 12:34:56.1+02'", "2024-01-31T10:34:56.1Z"),
            ("'infinity'", "infinity"),
            ("'0044-03-15 12:00:00+00 BC'", "0044-03-15 12:00:00+00 BC"),
        ),
    ),
    (
        "interval",
        (
            ("'1 year 2 months 3 days 4:05:06.5'", "P1Y2M3DT4H5M6.5S"),
            ("'-1 year 2 days -00:00:01'", "P-1Y2DT-1S"),
            ("'0'", "PT0S"),
        ),
    ),
    ("uuid", (("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),)),
    (
        "json",
        (('\'{"b": 1,  "a": 1.0, "a": 12345678901234567890}\'', '{"b": 1,  "a": 1.0, "a": 12345678901234567890}'),),
    ),
    ("jsonb", (('\'{"b": 1,  "a": 1.0, "a": 12345678901234567890.10}\'', '{"a": 12345678901234567890.10, "b": 1}'),)),
    ("bit(5)", (("B'00101'", "00101"),)),
    ("bit varying", (("B'0001'", "0001"), ("B''", ""))),
    ("mood", (("'so \"so\"'", 'so "so"'),)),
    ("posint", (("5", 5),)),
    ("deep", (("6", 6),)),
    ("short", (("'ab'", "ab"),)),
    ("integer[]", (("'{{1,2},{3,NULL}}'", "{{1,2},{3,NULL}}"), ("'[0:1]={1,2}'", "[0:1]={1,2}"))),
    ("text[]", (("ARRAY['NULL', NULL, 'a\"b', '', 'c,d']", '{"NULL",NULL,"a\\"b","","c,d"}'),)),
    ("pair", (("ROW(1, 'a,\"b')", '(1,"a,""b")'),)),
    ("int4range", (("'[1,5]'", "[1,6)"), ("'empty'", "empty"))),
    ("int4multirange", (("'{[1,3), [5,7)}'", "{[1,3),[5,7)}"),)),
    ("inet", (("'192.168.0.1/24'", "192.168.0.1/24"),)),
    ("cidr", (("'10/8'", "10.0.0.0/8"),)),
    ("macaddr", (("'08:00:2b:01:02:03'", "08:00:2b:01:02:03"),)),
    ("money", (("'-1234.5'", "-$1,234.50"),)),
    ("pg_lsn", (("'16/B374D848'", "16/B374D848"),)),
    ("tsvector", (("'a:1 b''c:2'", None),)),
    ("point", (("'(1.5,-2)'", "(1.5,-2)"),)),
    ("regclass", (("'public.parent'", "public.parent"),)),
)


def _zoo(database: Database) -> list[tuple[int, str, Any]]:
    """Makes a table with a column per type; returns (row, column, expected JSON)."""
    database.script(
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TYPE mood AS ENUM ('sad', 'so \"so\"')",
        "CREATE DOMAIN posint AS int CHECK (VALUE > 0)",
        "CREATE DOMAIN deep AS posint",
        "CREATE DOMAIN short AS varchar(3)",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE TABLE zoo (id int PRIMARY KEY, "
        + ", ".join(f"c{index} {kind}" for index, (kind, _) in enumerate(VALUES))
        + ")",
        "ALTER TABLE zoo REPLICA IDENTITY FULL",
    )
    return [
        (place, f"c{index}", expected)
        for index, (_, values) in enumerate(VALUES)
        for place, (_, expected) in enumerate(values)
    ]


def _fill(database: Database, first_id: int) -> int:
    rows = max(len(values) for _, values in VALUES)
    for place in range(rows):
        texts = [values[place][0] if place < len(values) else "NULL" for _, values in VALUES]
        statement = f"INSERT INTO zoo VALUES ({first_id + place}, {', '.join(texts)})"
        database.execute("SET lc_monetary = 'C'")
        database.execute(statement)
    return rows


def test_every_type_from_load_and_stream_alike_and_exact(database: Database) -> None:
    expected = _zoo(database)
    # What a role or a database has set otherwise must not change a value.
    database.script(
        f"ALTER DATABASE \"{database.name}\" SET DateStyle = 'German'",
        f"ALTER DATABASE \"{database.name}\" SET TimeZone = 'Asia/Kathmandu'",
        f"ALTER DATABASE \"{database.name}\" SET IntervalStyle = 'postgres_verbose'",
        f"ALTER DATABASE \"{database.name}\" SET bytea_output = 'escape'",
        f'ALTER DATABASE "{database.name}" SET extra_float_digits = -5',
        f'ALTER DATABASE "{database.name}" SET search_path = public',
    )
    rows = _fill(database, 0)
    with Capture(database) as capture:
        reader = capture.reader()
        chunk = read_chunk(reader, capture.topic("zoo"), None, 100, 1 << 20)
        loaded = {orjson.loads(key or b"")["id"]: row for key, row in chunk.rows}
        assert len(loaded) == rows
        for place, column, value in expected:
            found = orjson.loads(loaded[place])[column]
            if value is not None:
                assert (type(found), found) == (type(value), value), (VALUES[int(column[1:])][0], place)
        _fill(database, 100)
        streamed = {event.key["id"]: event.row_text for event in capture.catch_up()}
        for place in range(rows):
            copied = loaded[place].replace(b'"id":%d,' % place, b'"id":%d,' % (place + 100), 1)
            assert streamed[place + 100] == copied
        verified = {orjson.loads(key or b"")["id"]: row for key, row in reader.rows(capture.topic("zoo"))}
        assert verified == loaded | streamed
        # Old rows of the log are values, too.
        database.execute("DELETE FROM zoo WHERE id >= 100")
        for event in capture.catch_up():
            if event.value is not None:
                assert event.before == orjson.loads(streamed[event.key["id"]])
        # So are the initial values of a column.
        database.execute(
            "ALTER TABLE parent ADD COLUMN m mood DEFAULT 'sad', ADD COLUMN t timestamptz DEFAULT '2024-01-01 00:00+02'"
        )
        database.execute("INSERT INTO parent VALUES (1)")
        assert capture.changes()[-1][3] == {"id": 1, "m": "sad", "t": "2023-12-31T22:00:00Z"}
        reader.close()


def test_xml_is_carried_as_its_text(postgres15: Any) -> None:
    """Only this build has libxml."""
    with postgres15.database("pg") as database:
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v xml)")
        with Capture(database) as capture:
            database.execute("INSERT INTO t VALUES (1, '<a b=\"c\">&amp;</a>')")
            assert capture.load("t")[0][1] == capture.catch_up()[0].after == {"id": 1, "v": '<a b="c">&amp;</a>'}


def test_text_that_is_no_unicode_is_refused_by_name(postgres15: Any) -> None:
    name = "ascii_db"
    postgres15.query(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
    database = Database(postgres15, name)
    try:
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        with Capture(database) as capture:
            database.execute(r"INSERT INTO t VALUES (1, E'\xff')")
            with pytest.raises(ValueRefusedError, match=r"public\.t\.v is no valid UTF-8"):
                capture.load("t")
            with pytest.raises(ValueRefusedError, match=r"public\.t\.v is no valid UTF-8") as caught:
                capture.catch_up()
            assert "log position" in str(caught.value)
    finally:
        database.disconnect()
        postgres15._drop(name)


# ---- chunks


def _shuffled_keys(database: Database) -> list[str]:
    """Keys in an order that no Python sort has: a collation's."""
    database.script(
        'CREATE TABLE words (word text COLLATE "en-x-icu" PRIMARY KEY, n int)',
        "INSERT INTO words SELECT w || i, i FROM"
        " unnest(ARRAY['a','B','ä','Z','é','_','a b','A''b',E'x\\\\y','\"','10','9']) AS w, generate_series(1, 7) AS i",
    )
    return [row[0] for row in database.query("SELECT word FROM words ORDER BY word")]


def test_chunks_follow_the_databases_own_order(postgres15: Any) -> None:
    with postgres15.database("pg") as database:
        words = _shuffled_keys(database)
        assert words != sorted(words)
        with Capture(database) as capture:
            assert [key["word"] for key, _ in capture.load("words", limit_rows=5)] == words


def test_chunks_of_composite_keys_of_any_type(database: Database) -> None:
    database.script(
        "CREATE TYPE level AS ENUM ('low', 'high', 'a')",
        "CREATE TABLE t (l level, day timestamptz, u uuid, b bytea, c char(3), d numeric(5,1), f float8,"
        " PRIMARY KEY (l, day, u, b, c, d, f))",
        "INSERT INTO t SELECT l, timestamptz '2024-01-01 00:00+00' + d * interval '1.5 s',"
        " ('00000000-0000-0000-0000-00000000000' || d)::uuid, decode('0' || d, 'hex'), 'x', d / 2.0, d / 3.0"
        " FROM unnest(enum_range(NULL::level)) l, generate_series(1, 4) d",
    )
    with Capture(database) as capture:
        loaded = [key["d"] + key["l"] for key, _ in capture.load("t", limit_rows=1)]
        assert loaded == [row[0] for row in database.query("SELECT d::text || l FROM t ORDER BY l, day, u, b, c, d, f")]


def test_chunks_of_a_key_whose_operators_are_an_extensions(postgres15: Any) -> None:
    """citext compares without case; text's operators, found instead, would lose rows."""
    with postgres15.database("pg") as database:
        database.script(
            "CREATE EXTENSION citext",
            "CREATE TABLE t (k citext, n int, PRIMARY KEY (k, n))",
            "INSERT INTO t SELECT w, n FROM unnest(ARRAY['a','B','c','D','_','Z','z1']) w, generate_series(1, 3) n",
        )
        with Capture(database) as capture:
            loaded = [(key["k"], key["n"]) for key, _ in capture.load("t", limit_rows=2)]
            assert loaded == database.query("SELECT k::text, n FROM t ORDER BY t.k, n")
            assert len(loaded) == 21


def test_chunks_are_bounded_in_bytes(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    database.execute("INSERT INTO t SELECT g, repeat('x', 10000) FROM generate_series(1, 300) g")
    with Capture(database) as capture:
        reader = capture.reader()
        sizes = []
        keys: list[int] = []
        for chunk in capture.chunks(reader, "t", limit_rows=1000, limit_bytes=100_000):
            sizes.append(sum(len(row) for _, row in chunk.rows))
            keys += [orjson.loads(key or b"")["id"] for key, _ in chunk.rows]
        assert keys == list(range(1, 301))
        assert max(sizes) < 130_000
        # One row is always read, however large.
        chunk = read_chunk(reader, capture.topic("t"), None, 1000, 1)
        assert len(chunk.rows) == 1
        assert chunk.after is not None
        reader.close()


def test_an_empty_table_is_one_empty_chunk(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        reader = capture.reader()
        chunk = read_chunk(reader, capture.topic("t"), None, 10, 1000)
        assert (chunk.rows, chunk.after) == ([], None)
        reader.close()


def test_verify_reads_without_opening_the_log(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a'), (2, NULL)")
    source = Capture(database).create()
    reader = source.snapshot()
    (table,) = source.tables()
    rows = sorted(reader.rows(table.topic))
    assert rows == [(b'{"id":1}', b'{"id":1,"v":"a"}'), (b'{"id":2}', b'{"id":2,"v":null}')]
    partly = iter(reader.rows(table.topic))
    next(partly)
    partly.close()  # type: ignore[attr-defined]
    assert len(list(reader.rows(table.topic))) == 2
    assert database.query("SELECT 1 FROM pg_replication_slots WHERE database = %s", (database.name,)) == []
    reader.close()
    source.close()


def test_a_row_policy_that_hides_rows_is_refused(database: Database) -> None:
    role = f"r_{database.name}"
    database.script(
        f"CREATE ROLE {role} LOGIN PASSWORD 'p'",
        "CREATE TABLE t (id int PRIMARY KEY)",
        f"GRANT SELECT ON t TO {role}",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY hide ON t USING (id > 5)",
        "INSERT INTO t VALUES (1), (9)",
    )
    source = Capture(database, url=database.url_as(role, "p")).create()
    reader = source.snapshot()
    try:
        with pytest.raises(RefusedError, match="row-level security"):
            list(reader.rows(Capture.topic("t")))
    finally:
        reader.close()
        source.close()
        database.script(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


# ---- what a view sees


def test_the_view_tells_which_streamed_transactions_it_saw(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        database.execute("INSERT INTO t VALUES (1)")
        running = database.connect(autocommit=False)
        with running.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (2)")
        reader = capture.reader()
        capture.emitter.traced = frozenset({capture.topic("t")})
        chunk = read_chunk(reader, capture.topic("t"), None, 100, 1 << 20)
        running.commit()
        database.execute("INSERT INTO t VALUES (3)")
        touched: list[Any] = []
        goal = capture.source.log_end()
        while capture.position.mark < goal:
            batch = capture.step()
            touched += batch.touched if batch else []
        seen = {orjson.loads(touch.key)["id"]: chunk.view.sees(touch.transaction) for touch in touched}
        assert seen == {1: True, 2: False, 3: False}
        assert [orjson.loads(key or b"")["id"] for key, _ in chunk.rows] == [1]
        assert chunk.high <= capture.position.mark
        assert reader.sees_all([touch.transaction for touch in touched])
        assert not reader.sees_all([str(int(touched[-1].transaction) + 1000)])
        reader.close()


def test_a_chunk_waits_for_transactions_that_the_stream_will_not_bring(database: Database) -> None:
    """A table added to the publication while a transaction writes to it: its early rows are in no publication."""
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE late (id int PRIMARY KEY)")
    capture = Capture(database, exclude=("public.late",))
    capture.open()
    capture.close()
    running = database.connect(autocommit=False)
    with running.cursor() as cursor:
        cursor.execute("INSERT INTO late VALUES (1)")
    capture.exclude = ()
    capture.open()
    assert_loaded_after(capture, running)


def assert_loaded_after(capture: Capture, running: Any) -> None:
    """The table `late` is not read while the transaction runs that wrote its row unpublished; then it has that row."""
    reader = capture.reader()
    with pytest.raises(TableBusyError, match="older than the table's capture"):
        read_chunk(reader, capture.topic("late"), None, 10, 1000)
    running.commit()
    assert [row for _, row in read_chunk(reader, capture.topic("late"), None, 10, 1000).rows] == [b'{"id":1}']
    reader.close()
    assert [event.table for event in capture.catch_up()] == []
    capture.close()


def test_a_chunk_waits_for_a_writer_that_began_while_its_table_was_published(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction id is above that of the ALTER PUBLICATION, and its row is in no publication."""
    database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE TABLE late (id int PRIMARY KEY)")
    capture = Capture(database, exclude=("public.late",))
    capture.open()
    capture.close()
    running = database.connect(autocommit=False)

    def apply(self: Publications, statements: Sequence[str]) -> None:
        self.connection.query("BEGIN; " + "; ".join(statements))
        with running.cursor() as cursor:
            cursor.execute("INSERT INTO late VALUES (1)")
        self.connection.query("COMMIT")

    monkeypatch.setattr(Publications, "apply", apply)
    capture.exclude = ()
    capture.open()
    assert_loaded_after(capture, running)


def test_the_start_is_remembered_for_later_views(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        start = Snapshot.parse(capture.state["postgres-start"].decode())
        capture.reopen()
        assert capture.source._beginning is not None
        assert capture.source._beginning.horizon.start == start


def test_keyless_tables_are_read_whole_as_of_the_slots_start(database: Database) -> None:
    database.script(
        "CREATE TABLE k (a int, b text)",
        "ALTER TABLE k REPLICA IDENTITY FULL",
        "INSERT INTO k SELECT g, repeat('y', 1000) FROM generate_series(1, 50) g",
    )
    with Capture(database) as capture:
        database.script("INSERT INTO k VALUES (51, 'streamed')", "DELETE FROM k WHERE a = 1")
        reader = capture.reader()
        chunks = list(reader.whole(capture.topic("k"), 10_000))
        assert len(chunks) > 3
        rows = [orjson.loads(row)["a"] for chunk in chunks for _, row in chunk.rows]
        assert rows == list(range(1, 51))
        assert [chunk.after is None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        assert all(key is None for chunk in chunks for key, _ in chunk.rows)
        reader.close()
        events = capture.catch_up()
        assert [event.op for event in events] == ["c", "d"]
        assert events[0].after == {"a": 51, "b": "streamed"}


def test_a_keyless_table_rewritten_meanwhile_is_not_read_as_empty(database: Database) -> None:
    database.script("CREATE TABLE k (a int)", "ALTER TABLE k REPLICA IDENTITY FULL", "INSERT INTO k VALUES (1)")
    with Capture(database) as capture:
        database.execute("ALTER TABLE k ALTER COLUMN a TYPE bigint")
        reader = capture.reader()
        with pytest.raises(UnreachableError, match="written anew"):
            list(reader.whole(capture.topic("k"), 1000))
        reader.close()


def test_a_table_changed_between_chunks_is_read_with_its_new_columns(database: Database) -> None:
    database.script("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    with Capture(database) as capture:
        reader = capture.reader()
        first = read_chunk(reader, capture.topic("t"), None, 1, 1000)
        database.execute("ALTER TABLE t ADD COLUMN n int DEFAULT 5")
        second = read_chunk(reader, capture.topic("t"), first.after, 1, 1000)
        assert [row for _, row in second.rows] == [b'{"id":2,"v":"b","n":5}']
        assert (first.table.schema.id, second.table.schema.id) == (1, 2)
        database.execute("INSERT INTO t VALUES (3, 'c', 6)")
        events = capture.catch_up()
        assert [(event.op, event.source["schema_id"]) for event in events] == [("s", 2), ("c", 2)]
        assert "schema:" + capture.topic("t") + ":2" in capture.state
        reader.close()


def test_a_table_locked_by_somebody_is_an_error_in_time(database: Database) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with Capture(database) as capture:
        holder = database.connect(autocommit=False)
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE t")
        reader = capture.reader()
        with pytest.raises(TableBusyError, match="lock timeout"):
            read_chunk(reader, capture.topic("t"), None, 1, 1000)
        holder.rollback()
        assert read_chunk(reader, capture.topic("t"), None, 1, 1000).rows == []
        reader.close()


# ---- how large tables are


def test_tables_that_nobody_has_analysed_are_estimated_as_the_planner_does(database: Database) -> None:
    """By their size, which is asked for where the table is locked anyway: listing tables waits for nobody."""
    database.execute("CREATE TABLE t (id int PRIMARY KEY, v text) WITH (autovacuum_enabled = off)")
    database.execute("CREATE TABLE small (id int PRIMARY KEY) WITH (autovacuum_enabled = off)")
    database.execute("CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)")
    for low in (0, 20_000):
        database.execute(
            f"CREATE TABLE parted_{low} PARTITION OF parted FOR VALUES FROM ({low}) TO ({low + 20_000})"
            " WITH (autovacuum_enabled = off)"
        )
    database.execute("INSERT INTO small VALUES (1)")
    for table in ("t", "parted"):
        database.execute(f"INSERT INTO {table} SELECT n, repeat('x', 40) FROM generate_series(1, 30000) n")
    with Capture(database, tables=("public.t", "public.small", "public.parted")) as capture:
        assert {table.estimated_rows for table in capture.opened.tables} == {0}
        reader = capture.reader()
        estimated = {name: reader.prepare(capture.topic(name), "").estimated_rows for name in ("t", "small", "parted")}
        assert 15_000 < estimated["t"] < 60_000, estimated
        assert 15_000 < estimated["parted"] < 60_000, estimated
        assert estimated["small"] == 0
        # What was known once grows with the table's pages.
        database.execute("ANALYZE t")
        database.execute("INSERT INTO t SELECT n, repeat('x', 40) FROM generate_series(30001, 90000) n")
        assert 80_000 < reader.prepare(capture.topic("t"), "").estimated_rows < 100_000
        with database.transaction() as cursor:
            cursor.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            assert len(capture.source.tables()) == 3
            with pytest.raises(TableBusyError):
                reader.prepare(capture.topic("t"), "")
        reader.close()
