"""The MySQL source on real servers: lost logs, other servers, settings, logins, outages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest

from tailrace.errors import DataLossError, RefusedError, UnreachableError
from tailrace.position import Position
from tailrace.schema import Kind
from tailrace_mysql import source
from tests import servers
from tests.capture.chunks import read_chunk
from tests.integration.mysql_capture import Capture, capturing, create_t
from tests.servers import Database

ENGINES = ["mariadb", "mysql", "mysql_defaults"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each kind of server: MariaDB, MySQL with GTIDs and full metadata, MySQL with neither."""
    with request.getfixturevalue(request.param).database() as found:
        yield found


# ---- refusals at the start


@pytest.mark.parametrize("kind", ["mariadb", "mysql", "mysql-defaults"])
def test_purged_reset_and_foreign_logs_are_data_loss(kind: str) -> None:
    """On a server of its own, whose log can be spoilt."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        create_t(database)
        with capturing(database) as capture:
            stored = _read_one(capture)
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
            with pytest.raises(DataLossError, match="tailrace reload FILE --all --resync"):
                _open_and_read(capture)
            # Reset: everything is of another log now.
            capture.position = stored
            _reset(server, stored)
            with pytest.raises(DataLossError, match="tailrace reload FILE --all --resync"):
                _open_and_read(capture)
            for number in range(50):
                database.execute("INSERT INTO t VALUES (%s, 'again', 1)", (100 + number,))
            with pytest.raises(DataLossError, match=r"reset.*--resync"):
                _open_and_read(capture)


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_reset_log_that_gives_the_same_numbers_again_is_data_loss(kind: str) -> None:
    """All of the position's transaction ids are in the new log, whose files have lower names: other transactions."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        create_t(database)
        for _ in range(3):
            server.query("FLUSH BINARY LOGS")
        with capturing(database) as capture:
            stored = _read_one(capture)
            _reset(server, stored)
            for number in range(50):
                database.execute("INSERT INTO t VALUES (%s, 'again', 1)", (100 + number,))
            with pytest.raises(DataLossError, match="a second time"):
                _open_and_read(capture)


@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_restored_server_goes_on(kind: str) -> None:
    """Its log is begun anew, but behind all that was read: a new epoch."""
    with servers.start(kind, {"server-id": 1}) as server, server.database() as database:
        create_t(database)
        with capturing(database) as capture:
            stored = _read_one(capture)
            done = orjson.loads(stored.restart)["gtid"]
            _reset(server, stored)
            server.query(
                f"SET GLOBAL gtid_purged = '{done}'" if kind == "mysql" else f"SET GLOBAL gtid_binlog_state = '{done}'"
            )
            database.execute("INSERT INTO t VALUES (2, 'x', 1)")
            assert capture.open().position.epoch == 2
            assert [after["id"] for _, _, _, after in capture.brief()] == [2]
        # So does whoever begins there: what was purged before is done.
        with capturing(database) as first:
            server.query("FLUSH BINARY LOGS")
            database.execute("INSERT INTO t VALUES (3, 'x', 1)")
            assert [after["id"] for _, _, _, after in first.brief()] == [3]
            first.reopen()
            assert first.brief() == []


def _read_one(capture: Capture) -> Position:
    """The position behind a first row; capture is closed."""
    capture.database.execute("INSERT INTO t VALUES (1, 'x', 1)")
    capture.catch_up()
    capture.flush()
    capture.close()
    assert capture.position is not None
    return capture.position


def _reset(server: servers.SqlServer, stored: Position) -> None:
    """A log is told from one of the same name by the second in which it was begun."""
    begun = orjson.loads(stored.restart)["created"]

    def later() -> bool:
        return bool(int(server.query("SELECT UNIX_TIMESTAMP()")[0][0]) > begun)

    servers.wait_until(later, 5, "the clock's next second")
    server.query("RESET BINARY LOGS AND GTIDS" if server.kind.startswith("mysql") else "RESET MASTER")


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
        create_t(database)
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
        create_t(database)
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
        create_t(database)
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
            create_t(database)
            capture = Capture(database)
            with pytest.raises(RefusedError, match=name):
                capture.open()
            findings = capture.create().check()
            assert [finding.fix != "" for finding in findings if finding.ok is False] == [True]
            capture.close()


@pytest.mark.parametrize("option", ["binlog-ignore-db", "binlog-do-db"])
@pytest.mark.parametrize("kind", ["mariadb", "mysql"])
def test_a_log_that_leaves_databases_out_is_refused(kind: str, option: str) -> None:
    with servers.start(kind, {option: "x"}) as server, server.database() as database:
        create_t(database)
        name = option.replace("-", "_")
        capture = Capture(database)
        with pytest.raises(RefusedError, match=name):
            capture.open()
        capture.close()
        findings = {finding.name: finding for finding in capture.create().check()}
        assert findings[name].ok is False
        assert "x" in findings[name].detail


@pytest.mark.parametrize(("kind", "name"), [("mariadb", "log_slave_updates"), ("mysql", "log_replica_updates")])
def test_a_replica_that_does_not_log_what_it_replicates_is_refused(kind: str, name: str) -> None:
    with servers.start(kind, {name.replace("_", "-"): "OFF"}) as server, server.database() as database:
        create_t(database)
        with capturing(database):
            pass  # it is no replica yet
        word = "MASTER" if kind == "mariadb" else "REPLICATION SOURCE"
        prefix = "MASTER" if kind == "mariadb" else "SOURCE"
        server.query(f"CHANGE {word} TO {prefix}_HOST = '127.0.0.1', {prefix}_USER = 'x'")
        capture = Capture(database)
        with pytest.raises(RefusedError, match=name):
            capture.open()
        capture.close()
        assert [finding.ok for finding in capture.create().check() if finding.name == name] == [False]


def test_a_server_that_is_as_it_should_be(database: Database) -> None:
    create_t(database)
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
    create_t(database)
    with capturing(database, settings={"server_id": 77}):
        capture = Capture(database, settings={"server_id": 77}, pipeline="another")
        with pytest.raises(RefusedError, match="server_id"):
            capture.open()
        capture.close()


def test_passwords_grants_and_hosts(database: Database) -> None:
    create_t(database)
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
            assert len(read_chunk(reader, capture.topic("t"), None, 10, 1 << 20).rows) == 1
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
        create_t(own)
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


def test_a_session_that_somebody_ends_loses_and_repeats_nothing(database: Database) -> None:
    """Again and again while a row is counted up: each number comes once, and in its order."""
    create_t(database)
    database.execute("INSERT INTO t VALUES (1, 'x', 0)")
    newest = "SELECT MAX(id) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
    with capturing(database) as capture:
        counted, ended = 0, 0
        while ended < 5:
            for _ in range(20):
                counted += 1
                database.execute("UPDATE t SET b = %s WHERE id = 1", (counted,))
                if counted % 7 == 0:
                    capture.read(0.05, limit_bytes=1)
            capture.read()
            database.server.query(f"KILL {database.value(newest)}")
            ended += 1
            with pytest.raises(UnreachableError):
                _read_on(capture)
            capture.reopen()
        capture.catch_up()
        numbers = [event.value["after"]["b"] for event in capture.events if event.value]
        assert numbers == [f"{number}.00" for number in range(1, counted + 1)]


def test_a_silent_server_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_LEAST_SILENCE", 1.0)
    with servers.start("mariadb", {"server-id": 1}) as server, server.database() as database:
        create_t(database)
        with capturing(database, settings={"heartbeat": "0.5s"}) as capture:
            capture.read()
            capture.catch_up()
            server.pause()
            try:
                with pytest.raises(UnreachableError, match="silent"):
                    _read_on(capture)
            finally:
                server.resume()


def test_tagged_gtids(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        create_t(database)
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


def test_a_log_whose_gtid_position_mariadb_cannot_tell_is_not_read_from_its_beginning(mariadb: servers.MariaDB) -> None:
    """The server looks for the position in the file, and gives up at an event larger than max_allowed_packet."""
    with mariadb.database() as database:
        database.execute(
            "CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9000), b MEDIUMTEXT AS (REPEAT(a, 1000)) VIRTUAL,"
            " c MEDIUMTEXT AS (REPEAT(a, 900)) VIRTUAL)"
        )
        database.execute("INSERT INTO t (id, a) VALUES (1, REPEAT('x', 9000))")
        usual = database.value("SELECT @@GLOBAL.max_allowed_packet")
        database.execute("SET GLOBAL max_allowed_packet = 16777216")
        try:
            capture = Capture(database)
            with pytest.raises(RefusedError, match="max_allowed_packet"):
                capture.open()
            capture.close()
        finally:
            database.execute(f"SET GLOBAL max_allowed_packet = {usual}")
            database.execute("FLUSH BINARY LOGS")
        with capturing(database) as capture:
            assert capture.brief() == []


def test_domains_of_mariadb(mariadb: servers.MariaDB) -> None:
    """Each domain counts by itself, whatever server its transactions are of; statements stand alone in theirs."""
    with mariadb.database() as database:
        create_t(database)
        with capturing(database) as capture:
            for number in range(1, 13):
                domain, server = number % 3, 1 + number % 4
                database.execute(f"SET SESSION gtid_domain_id = {domain}, server_id = {server}")
                database.execute("INSERT INTO t VALUES (%s, 'x', 1)", (number,))
                if number % 5 == 0:
                    database.execute(f"ALTER TABLE t ADD COLUMN c{number} INT")
                    database.execute(f"ALTER TABLE t DROP COLUMN c{number}")
            assert capture.source is not None
            goal = capture.source.log_end()
            while capture.position is not None and capture.position.mark < goal:
                if capture.read(limit_bytes=1) is not None:
                    capture.reopen()
            events = [event for event in capture.events if event.op == "c"]
            assert [event.value["after"]["id"] for event in events if event.value] == list(range(1, 13))
            gtids = [event.source["gtid"].split("-") for event in events]
            assert [(int(gtid[0]), int(gtid[1])) for gtid in gtids] == [(n % 3, 1 + n % 4) for n in range(1, 13)]
            sequences = [event.source["tailrace_seq"] for event in capture.events]
            assert sequences == sorted(set(sequences))
            assert capture.position is not None
            stored = orjson.loads(capture.position.restart)["gtid"]
            written = str(mariadb.query("SELECT @@GLOBAL.gtid_binlog_pos")[0][0])
            assert sorted(stored.split(",")) == sorted(written.split(","))
            database.execute("SET SESSION gtid_domain_id = 0, server_id = 1")


def test_tls(database: Database) -> None:
    if database.server.kind == "mariadb":
        assert database.value("SELECT @@have_ssl") == "DISABLED"
        capture = Capture(database, settings={"tls": {"mode": "require"}})
        with pytest.raises(RefusedError):
            capture.open()
        return
    create_t(database)
    with capturing(database, settings={"tls": {"mode": "require"}}) as capture:
        rows = [(n, "x" * 20, 1) for n in range(5000)]
        database.executemany("INSERT INTO t VALUES (%s, %s, %s)", rows)
        assert len(capture.catch_up()) == 5000
        assert len(capture.stored("t")) == 5000
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
