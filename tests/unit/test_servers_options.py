"""Options, addresses and names of the server harness, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers
from tests.servers.dynamodb import DynamoDB
from tests.servers.kafka import Kafka
from tests.servers.mariadb import MariaDB
from tests.servers.maven import java_version, pom
from tests.servers.mysql import MySQL, MySQLDefaults
from tests.servers.sql import Login, unique_name


def test_options_go_over_the_defaults_and_none_removes_one() -> None:
    words = MariaDB({"binlog_format": "STATEMENT", "gtid-strict-mode": None, "net_read_timeout": 5}).arguments()
    assert "--binlog-format=STATEMENT" in words
    assert "--net-read-timeout=5" in words
    assert "--log-bin=binlog" in words
    assert not [word for word in words if "gtid-strict" in word or word == "--binlog-format=ROW"]


def test_mysql_defaults_has_no_gtids_and_leaves_the_log_as_it_comes() -> None:
    words = " ".join(MySQLDefaults().arguments())
    assert "--gtid-mode=OFF" in words
    for name in ("binlog-row", "binlog-format", "server-id", "log-bin"):
        assert name not in words


def test_a_data_template_belongs_to_what_initialising_needs_to_know() -> None:
    plain = MySQL().template_name("9.7.4")
    assert MySQL({"binlog_row_image": "MINIMAL"}).template_name("9.7.4") == plain
    assert MySQLDefaults().template_name("9.7.4") == plain
    assert MySQL({"lower_case_table_names": 1}).template_name("9.7.4") != plain
    assert MySQL().template_name("9.8.0") != plain


def test_kafka_properties(tmp_path: Path) -> None:
    server = Kafka({"num.partitions": 3, "num.io.threads": None})
    server.port = 1234
    lines = server.properties(tmp_path).splitlines()
    assert "num.partitions=3" in lines
    assert "auto.create.topics.enable=false" in lines
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:1234" in lines
    assert f"log.dirs={tmp_path}" in lines
    assert not [line for line in lines if line.startswith("num.io.threads")]


def test_dynamodb_flags() -> None:
    server = DynamoDB({"inMemory": None, "dbPath": "data", "delayTransientStatuses": ""})
    server.port = 1234
    words = ["-port", "1234", "-sharedDb", "-disableTelemetry", "-dbPath", "data", "-delayTransientStatuses"]
    assert server.arguments() == words


@pytest.mark.parametrize(
    "url",
    [
        "mysql://root@127.0.0.1:3307",
        "postgresql://postgres:p%40ss%2Fw%3Ard@db.example:5432",
        "mysql://us%20er:@[::1]:3306",
    ],
)
def test_a_login_is_its_url(url: str) -> None:
    login = Login.parse(url, 1)
    assert login.url() == url
    assert Login.parse(login.url("a/b"), 1) == login
    assert login.url("a/b") == url + "/a%2Fb"


def test_a_login_decodes_and_has_a_default_port() -> None:
    login = Login.parse("mysql://me:p%40ss@host", 3306)
    assert (login.user, login.password, login.host, login.port) == ("me", "p@ss", "host", 3306)


def test_a_url_without_user_is_refused_and_its_password_not_shown() -> None:
    with pytest.raises(servers.ServerError, match="scheme://user@host:port") as caught:
        Login.parse("mysql://:secret@host", 3306)
    assert "secret" not in str(caught.value)


def test_unique_names_are_unique_and_short() -> None:
    names = {unique_name("a_very_long_prefix_of_a_test") for _ in range(100)}
    assert len(names) == 100
    assert max(map(len, names)) <= 40


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(servers.ServerError, match="no server kind 'oracle'; there are mariadb, mysql"):
        servers.start("oracle")


def test_every_kind_has_its_own_variable() -> None:
    variables = [kind.environment for kind in servers.KINDS.values()]
    assert len(set(variables)) == len(variables)
    assert all(variable.startswith("TAILRACE_TEST_") for variable in variables)


@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_202"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("command not found", 0),
    ],
)
def test_java_version(shown: str, version: int) -> None:
    assert java_version(shown) == version


def test_pom_has_each_coordinate() -> None:
    text = pom("a.b:c:1", "d:e:2")
    assert "<groupId>a.b</groupId><artifactId>c</artifactId><version>1</version>" in text
    assert text.count("<dependency>") == 2
