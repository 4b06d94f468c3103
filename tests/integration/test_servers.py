"""Each kind of server starts, does the thing that tailrace needs of it, and goes when it should."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pymysql
import pytest
from botocore.exceptions import ClientError
from confluent_kafka import Consumer, Producer
from psycopg2.extras import LogicalReplicationConnection

from tests import servers

ROOT = Path(__file__).parents[2]


def variables(database: servers.Database, *names: str) -> dict[str, str]:
    """Global variables of a server of MySQL's family."""
    marks = ", ".join(["%s"] * len(names))
    return {
        str(name).lower(): str(value)
        for name, value in database.query(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({marks})", names)
    }


def binlog_event_types(server: servers.SqlServer, database: servers.Database) -> set[str]:
    """The types of the events that one insert writes to the binary log."""
    [before] = server.query("SHOW MASTER STATUS" if isinstance(server, servers.MariaDB) else "SHOW BINARY LOG STATUS")
    database.execute("CREATE TABLE t (id INT PRIMARY KEY, text VARCHAR(20))")
    database.execute("INSERT INTO t VALUES (%s, %s)", (1, "one"))
    events = server.query(f"SHOW BINLOG EVENTS IN '{before[0]}' FROM {before[1]}")
    return {str(event[2]).lower() for event in events}


def test_mariadb_writes_rows_to_its_binlog(mariadb: servers.MariaDB) -> None:
    with mariadb.database("binlog") as database:
        assert variables(database, "log_bin", "binlog_format", "binlog_row_metadata", "gtid_strict_mode") == {
            "log_bin": "ON",
            "binlog_format": "ROW",
            "binlog_row_metadata": "FULL",
            "gtid_strict_mode": "ON",
        }
        assert {"gtid", "table_map", "write_rows_v1"} <= binlog_event_types(mariadb, database)
        assert "10.11." in database.value("SELECT version()")


def test_mysql_writes_rows_with_gtids(mysql: servers.MySQL) -> None:
    with mysql.database("binlog") as database:
        assert variables(database, "log_bin", "binlog_format", "binlog_row_metadata", "gtid_mode") == {
            "log_bin": "ON",
            "binlog_format": "ROW",
            "binlog_row_metadata": "FULL",
            "gtid_mode": "ON",
        }
        assert {"gtid", "table_map", "write_rows"} <= binlog_event_types(mysql, database)


def test_mysql_defaults_has_neither_gtids_nor_names(mysql_defaults: servers.MySQL) -> None:
    with mysql_defaults.database("binlog") as database:
        assert variables(database, "log_bin", "binlog_row_metadata", "gtid_mode") == {
            "log_bin": "ON",
            "binlog_row_metadata": "MINIMAL",
            "gtid_mode": "OFF",
        }
        assert {"anonymous_gtid", "table_map", "write_rows"} <= binlog_event_types(mysql_defaults, database)


def test_a_mysql_user_with_a_password_logs_in_with_it_alone(mysql: servers.MySQL) -> None:
    with mysql.database() as database:
        user = servers.unique_name("u")
        database.execute(f"CREATE USER {user} IDENTIFIED BY 'secret'")
        database.execute(f"GRANT ALL ON `{database.name}`.* TO {user}")
        assert database.url_as(user, "secret").endswith(f"//{user}:secret@127.0.0.1:{mysql.port}/{database.name}")
        host, port = mysql.login.host, mysql.port
        pymysql.connect(host=host, port=port, user=user, database=database.name, password="secret").close()
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            pymysql.connect(host=host, port=port, user=user, database=database.name, password="wrong")
        database.execute(f"DROP USER {user}")


def insert(database: servers.Database, *keys: int) -> None:
    """Rows of table t, all in one transaction."""
    with database.transaction() as cursor:
        for key in keys:
            cursor.execute("INSERT INTO t VALUES (%s)", (key,))


@pytest.mark.parametrize("kind", ["postgres15", "postgres16", "postgres18"])
def test_postgres_decodes_its_log(kind: str, request: pytest.FixtureRequest) -> None:
    server: servers.Postgres = request.getfixturevalue(kind)
    with server.database("slot") as database:
        name = database.name
        assert int(database.value("SHOW server_version_num")) // 10000 == int(kind.removeprefix("postgres"))
        database.script("CREATE TABLE t (id int PRIMARY KEY)", "CREATE PUBLICATION p FOR TABLE t")
        database.query("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
        insert(database, 1, 2)
        with pytest.raises(psycopg2.errors.UniqueViolation):
            insert(database, 3, 1)
        assert database.query("SELECT id FROM t ORDER BY id") == [(1,), (2,)]
        messages = database.query(
            "SELECT data FROM pg_logical_slot_get_binary_changes(%s, NULL, NULL, "
            "'proto_version', '1', 'publication_names', 'p')",
            (name,),
        )
        assert [bytes(data)[:1] for (data,) in messages] == [b"B", b"R", b"I", b"I", b"C"]
    # The slot that the test left behind went with its database.
    assert server.query("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", (name,)) == []
    assert server.query("SELECT 1 FROM pg_database WHERE datname = %s", (name,)) == []


def test_a_postgres_database_goes_although_its_slot_is_being_read(postgres15: servers.Postgres) -> None:
    with postgres15.database("slot") as database:
        database.query("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (database.name,))
        database.execute("CREATE PUBLICATION p")
        reader = psycopg2.connect(database.url, connection_factory=LogicalReplicationConnection)
        options = {"proto_version": "1", "publication_names": "p"}
        reader.cursor().start_replication(slot_name=database.name, options=options)
        assert database.value("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (database.name,))
    with contextlib.closing(reader):
        assert not postgres15.query("SELECT 1 FROM pg_database WHERE datname = %s", (database.name,))


def test_a_postgres_role_needs_its_password(postgres18: servers.Postgres) -> None:
    with postgres18.database() as database:
        role = servers.unique_name("r")
        database.execute(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'se@cret'")
        psycopg2.connect(database.url_as(role, "se@cret")).close()
        for url in (database.url_as(role, "wrong"), database.url_as(role)):
            with pytest.raises(psycopg2.OperationalError, match="password"):
                psycopg2.connect(url, passfile="/dev/null")
        database.execute(f"DROP ROLE {role}")


def test_databases_of_one_server_are_apart(mariadb: servers.MariaDB, postgres15: servers.Postgres) -> None:
    for server in (mariadb, postgres15):
        with server.database("a") as one, server.database("a") as other:
            for database in (one, other):
                database.execute("CREATE TABLE t (id INT PRIMARY KEY)")
            assert one.executemany("INSERT INTO t VALUES (%s)", [(number,) for number in range(1200)]) == 1200
            assert one.value("SELECT count(*) FROM t") == 1200
            assert other.query("SELECT id FROM t") == []
            holder = other.connect(autocommit=False)
            holder.cursor().execute("INSERT INTO t VALUES (1)")
        # dropped, although a connection was in a transaction


def test_kafka_commits_a_transaction(kafka: servers.Kafka) -> None:
    topic = servers.unique_name("topic")
    kafka.create_topic(topic, partitions=2)
    producer = Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "transaction.timeout.ms": 10000}
    )
    producer.init_transactions(30)
    for value, commit in ((b"undone", False), (b"kept", True)):
        producer.begin_transaction()
        producer.produce(topic, key=b"k", value=value)
        if commit:
            producer.commit_transaction(30)
        else:
            producer.flush(30)
            producer.abort_transaction(30)
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    try:
        consumer.subscribe([topic])
        message = servers.wait_until(lambda: consumer.poll(1), 30, "the message arrives")
        assert message is not None
        assert (message.error(), message.key(), message.value()) == (None, b"k", b"kept")
    finally:
        consumer.close()
    # Nothing that merely asks for a topic brings it into being.
    kafka.admin().list_topics(topic + "x", timeout=10)
    assert topic + "x" not in kafka.topics()


def test_dynamodb_fences_an_item(dynamodb: servers.DynamoDB) -> None:
    client, table = dynamodb.client(), servers.unique_name("table")
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def put(fence: str) -> None:
        client.put_item(
            TableName=table,
            Item={"id": {"N": "1"}, "f": {"S": fence}},
            ConditionExpression="attribute_not_exists(f) OR f < :f",
            ExpressionAttributeValues={":f": {"S": fence}},
        )

    put("1")
    put("3")
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        put("2")
    assert client.scan(TableName=table)["Items"] == [{"id": {"N": "1"}, "f": {"S": "3"}}]
    assert os.environ["AWS_ACCESS_KEY_ID"] == servers.CREDENTIALS["AWS_ACCESS_KEY_ID"]
    client.delete_table(TableName=table)


def test_a_variant_and_a_crash_of_it() -> None:
    options: dict[str, str | int | None] = {"binlog_format": "STATEMENT", "max_connections": 11}
    with servers.start("mariadb", options) as server, server.database() as database:
        assert variables(database, "binlog_format", "max_connections") == {
            "binlog_format": "STATEMENT",
            "max_connections": "11",
        }
        database.script("CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1)")
        port = server.port
        server.kill()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), 5)
        server.relaunch({"binlog_format": "ROW"})
        assert server.port == port
        assert database.query("SELECT id FROM t") == [(1,)]
        assert variables(database, "binlog_format") == {"binlog_format": "ROW"}


def test_a_postgres_variant_hangs_and_restarts() -> None:
    with servers.start("postgres15", {"wal_level": "replica"}) as server, server.database() as database:
        assert database.value("SHOW wal_level") == "replica"
        database.script("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
        server.pause()
        try:
            with pytest.raises(psycopg2.OperationalError, match="timeout"):
                psycopg2.connect(database.url, connect_timeout=2)
        finally:
            server.resume()
        assert database.query("SELECT id FROM t") == [(1,)]
        server.kill()
        server.relaunch()
        assert database.query("SELECT id FROM t") == [(1,)]
        server.restart({"wal_level": "logical"})
        assert database.value("SHOW wal_level") == "logical"
        folder, began = server.folder, time.monotonic()
    assert time.monotonic() - began < 3
    assert not folder.exists()


def test_a_server_that_does_not_start_says_why() -> None:
    with pytest.raises(servers.ServerError, match=r"mariadb ended with code .*(?s:.)*no-such-option"):
        servers.start("mariadb", {"no-such-option": 1})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_by_hand(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.servers", "up", "postgres15"],
        cwd=ROOT,
        env={**os.environ, "TAILRACE_TEST_POSTGRES15_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        line = up.stdout.readline()
        match = re.fullmatch(r"export TAILRACE_TEST_POSTGRES15_URL=(postgresql://postgres@127.0.0.1:(\d+))\n", line)
        assert match, line
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TAILRACE_TEST_POSTGRES15_URL", match[1])
            with servers.start("postgres15") as external, external.database() as database:
                assert external.url == match[1]
                assert database.value("SELECT 1") == 1
        up.send_signal(number)
        assert up.wait(10) == (0 if number == signal.SIGTERM else -number)

        def refused() -> bool:
            with contextlib.closing(socket.socket()) as probe:
                return probe.connect_ex(("127.0.0.1", int(match[2]))) != 0

        servers.wait_until(refused, 10, "the server is gone")
