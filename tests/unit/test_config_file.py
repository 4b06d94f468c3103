"""What is wrong with a pipeline file is said in one line each: file, key, fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.config import ConfigErrors, load, parse
from tailrace.errors import ConfigError

SOURCE = 'name = "shop"\n[source]\nconnector = "mysql"\nurl = "mysql://repl@127.0.0.1/shop"\n'
POSTGRES = 'name = "shop"\n[source]\nconnector = "postgres"\nurl = "postgresql://repl@127.0.0.1/shop"\n'
KAFKA = '[stream]\nconnector = "kafka"\n[stream.kafka]\n"bootstrap.servers" = "127.0.0.1:9092"\n'


def sink(name: str = "warehouse", more: str = "") -> str:
    return f'[[sinks]]\nname = "{name}"\nconnector = "postgres"\nurl = "postgresql://app@127.0.0.1/warehouse"\n{more}'


def lines(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "shop.toml")
    assert caught.value.exit_code == 2
    return str(caught.value).split("\n")


def test_defaults() -> None:
    pipeline = parse(SOURCE, "shop.toml")
    assert pipeline.name == "shop"
    assert pipeline.mode == "full-load-and-cdc"
    assert pipeline.source.heartbeat == 10.0
    assert pipeline.stream.connector == "embedded"
    assert pipeline.stream.retain == 86400.0
    assert pipeline.stream.retain_bytes == 10 << 30
    assert pipeline.sinks == ()
    assert pipeline.http.address is None
    assert pipeline.limits.memory == 256 << 20


def test_every_key() -> None:
    pipeline = parse(
        'name = "shop"\nmode = "cdc"\nstate_dir = "/srv/state"\n'
        '[source]\nconnector = "postgres"\nurl = "postgresql://repl@127.0.0.1/shop"\ntables = ["public.*"]\n'
        'exclude = ["public.tmp_*"]\nstart = "now"\nheartbeat = "500ms"\nslot = "s"\npublication = "P"\n'
        'tls = { mode = "verify-full", ca = "/ca", cert = "/cert", key = "/key" }\n'
        '[stream]\nconnector = "kafka"\ntopic = "{schema}.{table}"\npartitions = 4\nreplication_factor = 3\n'
        'transactional = false\n[stream.kafka]\n"bootstrap.servers" = "a:1"\n"linger.ms" = 5\n"x" = 0.5\n"y" = true\n'
        + sink(more='schema = "shop"\ntables = ["public.users"]\ntls = { mode = "require" }\n')
        + '[http]\nlisten = "[::1]:9464"\n[limits]\nmemory = "64MiB"\n'
        '[[tables]]\nmatch = "public.log"\ninserts_only = true\n',
        "shop.toml",
    )
    assert pipeline.state_dir == Path("/srv/state")
    assert pipeline.source.tls.mode == "verify-full"
    assert pipeline.source.heartbeat == 0.5
    assert pipeline.stream.properties() == {"bootstrap.servers": "a:1", "linger.ms": "5", "x": "0.5", "y": "true"}
    assert pipeline.sinks[0].target_schema == "shop"
    assert pipeline.http.address == ("::1", 9464)
    assert pipeline.limits.memory == 64 << 20
    assert pipeline.tables[0].inserts_only


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            SOURCE + 'tabels = ["shop.*"]\n',
            "shop.toml: source.tabels: unknown key; did you mean 'tables'?",
            id="unknown key with a near one",
        ),
        pytest.param(
            SOURCE + "[http]\nport = 1\n",
            "shop.toml: http.port: unknown key; choose one of: listen",
            id="unknown key without a near one",
        ),
        pytest.param(
            SOURCE + 'mode = "cdc"\n',
            "shop.toml: source.mode: unknown key; mode belongs to the top of the file, before the first [table]",
            id="a key of the top below a table's header",
        ),
        pytest.param(
            SOURCE + 'slot = "x"\n',
            "shop.toml: source.slot: unknown key; choose one of: "
            "budget, connector, exclude, heartbeat, server_id, start, tables, tls, url",
            id="another connector's key",
        ),
        pytest.param(
            SOURCE + 'tls = { mode = "require", caa = "x" }\n',
            "shop.toml: source.tls.caa: unknown key; did you mean 'ca'?",
            id="unknown key in an inline table",
        ),
        pytest.param(
            SOURCE + "[[sinks]]\n",
            'shop.toml: sinks[0].connector: this key is missing; add connector = "dynamodb" or "mysql" or "postgres" '
            'or "sqlite"',
            id="no connector",
        ),
        pytest.param(
            SOURCE.replace('"mysql"', '"mysqll"'),
            "shop.toml: source.connector: there is no connector 'mysqll'; did you mean 'mysql'?",
            id="unknown connector",
        ),
        pytest.param(
            SOURCE.replace('"mysql"', "3"),
            "shop.toml: source.connector: must be a string, not an integer; choose one of: mysql, postgres",
            id="connector of another type",
        ),
        pytest.param(
            SOURCE.replace('url = "mysql://repl@127.0.0.1/shop"\n', ""),
            'shop.toml: source.url: this key is missing; add url = "mysql://repl:${PASSWORD}@127.0.0.1:3306/shop"',
            id="missing key",
        ),
        pytest.param(
            'name = "shop"\n',
            "shop.toml: source: this key is missing; add it as [source]",
            id="missing table",
        ),
        pytest.param(
            SOURCE + '[sinks]\nname = "x"\n',
            "shop.toml: sinks: must be an array, not a table; write it as [[sinks]]",
            id="a table for an array of tables",
        ),
        pytest.param(
            'name = "shop"\n[[source]]\nconnector = "mysql"\n',
            "shop.toml: source: must be a table, not an array; write it as [source]",
            id="an array of tables for a table",
        ),
        pytest.param(
            SOURCE + 'tables = "shop.*"\n',
            'shop.toml: source.tables: must be an array, not a string; write tables = ["shop.*"]',
            id="a string for an array",
        ),
        pytest.param(
            SOURCE + 'tables = ["shop.*", 7]\n',
            'shop.toml: source.tables[1]: must be a string, not an integer; write tables = ["shop.*"]',
            id="an array's element of another type",
        ),
        pytest.param(
            SOURCE + 'tables = ["users"]\n',
            'shop.toml: source.tables[0]: \'users\' has no dot; write "schema.table", "schema.*" or "*"',
            id="a glob without a schema",
        ),
        pytest.param(
            SOURCE + 'server_id = "4711"\n',
            "shop.toml: source.server_id: must be an integer, not a string; write server_id = 4711",
            id="a string for an integer",
        ),
        pytest.param(
            SOURCE + "server_id = true\n",
            "shop.toml: source.server_id: must be an integer, not a boolean; write server_id = 4711",
            id="a boolean for an integer",
        ),
        pytest.param(
            SOURCE + "server_id = 0\n",
            "shop.toml: source.server_id: should be greater than or equal to 1; write server_id = 4711",
            id="out of range",
        ),
        pytest.param(
            SOURCE + "heartbeat = 10\n",
            "shop.toml: source.heartbeat: must be a duration with its unit, in quotes, not an integer; "
            'write for example "10s"; units are ms, s, m, h, d',
            id="a number for a duration",
        ),
        pytest.param(
            SOURCE + '[limits]\nmemory = "256 megs"\n',
            "shop.toml: limits.memory: '256 megs' is no size; "
            'write for example "256MiB"; units are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB',
            id="no size",
        ),
        pytest.param(
            SOURCE + '[limits]\nmemory = "1kB"\n',
            'shop.toml: limits.memory: is too little for a worker; give it at least "1MiB"',
            id="too small",
        ),
        pytest.param(
            SOURCE.replace('"shop"', '"Shop"', 1),
            "shop.toml: name: must begin with a lower-case letter and hold only lower-case letters, digits, _ and -; "
            "choose another name",
            id="name",
        ),
        pytest.param(
            SOURCE.replace('"shop"', f'"{"s" * 64}"', 1),
            "shop.toml: name: is longer than 63 characters; choose a shorter name",
            id="long name",
        ),
        pytest.param(
            'mode = "cdc-only"\n' + SOURCE,
            'shop.toml: mode: must be one of "full-load", "cdc", "full-load-and-cdc"; write mode = "full-load-and-cdc"',
            id="mode",
        ),
        pytest.param(
            'mode = "full_load_and_cdc"\n' + SOURCE,
            'shop.toml: mode: must be one of "full-load", "cdc", "full-load-and-cdc"; '
            "did you mean 'full-load-and-cdc'?",
            id="mode, nearly",
        ),
        pytest.param(
            'mode = "cdc"\n' + SOURCE + 'start = "yesterday"\n',
            'shop.toml: source.start: must be "now" or "position:…" or "timestamp:…"; '
            'write for example start = "timestamp:2026-11-26T12:00:00Z"',
            id="start",
        ),
        pytest.param(
            'mode = "cdc"\n' + SOURCE + 'start = "timestamp:2026-11-26 12:00"\n',
            "shop.toml: source.start: '2026-11-26 12:00' is no time with date and zone (RFC 3339); "
            'write for example start = "timestamp:2026-11-26T12:00:00Z"',
            id="start at a time without a zone",
        ),
        pytest.param(
            'mode = "cdc"\n' + SOURCE + 'start = "timestamp:2026-02-30T12:00:00Z"\n',
            "shop.toml: source.start: there is no time '2026-02-30T12:00:00Z'; "
            'write for example start = "timestamp:2026-11-26T12:00:00Z"',
            id="start at no day",
        ),
        pytest.param(
            'mode = "full-load"\n' + SOURCE + 'start = "now"\n',
            "shop.toml: source.start: has no meaning in mode full-load, which reads no log; "
            'remove it, or set mode = "cdc"',
            id="start without a log",
        ),
        pytest.param(
            SOURCE + 'start = "now"\n',
            "shop.toml: source.start: has no meaning in mode full-load-and-cdc, which begins with a full load; "
            'remove it, or set mode = "cdc"',
            id="start in another mode",
        ),
        pytest.param(
            SOURCE + '[http]\nlisten = "9464"\n',
            'shop.toml: http.listen: must be host:port; write for example "127.0.0.1:9464" or "[::1]:9464"',
            id="listen",
        ),
        pytest.param(
            SOURCE + '[http]\nlisten = "localhost:65536"\n',
            'shop.toml: http.listen: must be host:port; write for example "127.0.0.1:9464" or "[::1]:9464"',
            id="port",
        ),
        pytest.param(
            SOURCE + "[stream]\npartitions = 2\n",
            "shop.toml: stream.partitions: the embedded stream is one log, with one partition; "
            'remove it, or use connector = "kafka"',
            id="partitions of the embedded stream",
        ),
        pytest.param(
            SOURCE + '[stream]\nconnector = "kafka"\n',
            'shop.toml: stream.kafka: this key is missing; add kafka = { "bootstrap.servers" = "localhost:9092" }',
            id="kafka without properties",
        ),
        pytest.param(
            SOURCE + KAFKA.replace("bootstrap.servers", "client.id"),
            'shop.toml: stream.kafka: "bootstrap.servers" is missing; add "bootstrap.servers" = "localhost:9092"',
            id="kafka without servers",
        ),
        pytest.param(
            SOURCE + KAFKA.replace('"bootstrap.servers"', "bootstrap.servers"),
            "shop.toml: stream.kafka.bootstrap: is a table: a dot in a TOML key makes one; "
            'put the whole key into quotes, as in "bootstrap.servers" = "localhost:9092"',
            id="kafka property without quotes",
        ),
        pytest.param(
            SOURCE + KAFKA + '"transactional.id" = "x"\n',
            'shop.toml: stream.kafka."transactional.id": tailrace sets it itself; remove it',
            id="kafka property of ours",
        ),
        pytest.param(
            SOURCE + KAFKA + '"message.max.bytes" = "1MB"\n',
            'shop.toml: stream.kafka."message.max.bytes": must be a whole number of bytes; '
            'write it out, as in "message.max.bytes" = 1000000',
            id="kafka property in another unit",
        ),
        pytest.param(
            SOURCE + KAFKA + '"x.y" = ["x"]\n',
            'shop.toml: stream.kafka."x.y": must be a string, a number or a boolean, not an array; '
            "see librdkafka's CONFIGURATION.md",
            id="kafka property of another type",
        ),
        pytest.param(
            SOURCE + KAFKA.replace('"kafka"', '"kafka"\ntopic = "{name}.{table}"', 1),
            "shop.toml: stream.topic: must hold {schema} and {table} once each, with a dot between them; "
            'write for example "{name}.{schema}.{table}"',
            id="topic template",
        ),
        pytest.param(
            SOURCE + sink("capture"),
            "shop.toml: sinks[0].name: 'capture' is the source's worker; choose another name",
            id="a sink named capture",
        ),
        pytest.param(
            SOURCE + sink() + sink("b") + sink(),
            "shop.toml: sinks[2].name: sinks[0] has this name already; choose another name",
            id="two sinks of one name",
        ),
        pytest.param(
            SOURCE + '[[tables]]\nmatch = "shop.log"\ninserts_only = true\n',
            "shop.toml: tables[0].inserts_only: the mysql source has no use for it; remove it",
            id="a table's option that the source has no use for",
        ),
        pytest.param(
            SOURCE + "[[tables]]\ninserts_only = true\n",
            'shop.toml: tables[0].match: this key is missing; add match = "shop.users"',
            id="a table's entry without match",
        ),
        pytest.param(
            SOURCE.replace("mysql://", "postgres://"),
            "shop.toml: source.url: the url begins with postgres://; begin it with mysql:// or mariadb://",
            id="another connector's url",
        ),
        pytest.param(
            SOURCE.replace("/shop", ""),
            "shop.toml: source.url: neither the url names a database, nor does tables name any; "
            'add the database to the url, or tables = ["shop.*"]',
            id="mysql: nothing selected",
        ),
        pytest.param(
            SOURCE.replace("/shop", "/shop?useSSL=false"),
            "shop.toml: source.url: the url has an option 'useSSL'; "
            "remove it; only socket stands there, and TLS has its own key tls",
            id="mysql: url options",
        ),
        pytest.param(
            POSTGRES.replace("1/shop", "1"),
            "shop.toml: source.url: the url names no database; add it: postgresql://user@host/database",
            id="postgres: no database",
        ),
        pytest.param(
            POSTGRES.replace("1/shop", "1/shop?sslmode=disable"),
            "shop.toml: source.url: the url has an option 'sslmode'; write tls = { mode = \"verify-full\" } instead",
            id="postgres: TLS in the url",
        ),
        pytest.param(
            POSTGRES + 'slot = "My-Slot"\n',
            "shop.toml: source.slot: should match pattern '^[a-z0-9_]{1,63}$'; write slot = \"tailrace_shop\"",
            id="slot",
        ),
        pytest.param(
            SOURCE + '[[sinks]]\nname = "m"\nconnector = "sqlite"\nurl = "sqlite:///mirror.db"\n',
            "shop.toml: sinks[0].url: the url names no absolute path; write sqlite:////path/file.db, with four slashes",
            id="sqlite: relative path",
        ),
        pytest.param(
            SOURCE + '[[sinks]]\nname = "kv"\nconnector = "dynamodb"\nendpoint_url = "127.0.0.1:8000"\n',
            'shop.toml: sinks[0].endpoint_url: this is no http or https url; write for example "http://127.0.0.1:8000"',
            id="dynamodb: endpoint",
        ),
        pytest.param(
            SOURCE + 'tls = { mode = "verify-ca" }\n',
            "shop.toml: source.tls.ca: verify-ca needs a certificate authority of your own; add ca",
            id="verify-ca without ca",
        ),
        pytest.param(
            SOURCE + 'tls = { mode = "require", key = "/key" }\n',
            "shop.toml: source.tls.key: there is a key but no certificate; add cert, or remove key",
            id="key without certificate",
        ),
        pytest.param(
            SOURCE.replace("repl@", "${PASSWORD@"),
            "shop.toml: source.url: '${' is not closed by '}'; write $${ where the characters ${ are meant",
            id="placeholder not closed",
        ),
        pytest.param(
            SOURCE.replace("repl@", "${vault:x}@"),
            "shop.toml: source.url: a ${…} is none of the known forms; "
            "write ${VAR}, ${file:/path} or ${credential:NAME}, and $${ for the characters ${",
            id="placeholder of no known form",
        ),
        pytest.param(
            SOURCE.replace('"mysql://repl@127.0.0.1/shop"', "2024-01-01"),
            "shop.toml: source.url: must be a string, not a date or time; put it into quotes",
            id="a date for a url",
        ),
        pytest.param(
            SOURCE + '[load]\nthrottle_replica_lag = "10s"\n',
            "shop.toml: load.throttle_replica_lag: the mysql source does not know how far its replicas are behind; "
            'name them: throttle_replicas = ["…"]',
            id="replicas that nobody names",
        ),
        pytest.param(
            POSTGRES + '[load]\nthrottle_replicas = ["postgresql://m@b/x"]\n',
            "shop.toml: load.throttle_replicas: has no meaning without throttle_replica_lag; "
            'add throttle_replica_lag = "10s", or remove it',
            id="replicas without a limit",
        ),
    ],
)
def test_one_error(text: str, expected: str) -> None:
    assert lines(text) == [expected]


def test_several_errors_at_once() -> None:
    text = (
        'name = "Shop"\n[source]\nconnector = "mysql"\nurl = "http://x/"\nheartbeat = 1\n'
        '[stream]\nconnector = "cassette"\n[[sinks]]\nname = "a"\nconnector = "postgres"\n[http]\nport = 1\n'
    )
    with pytest.raises(ConfigErrors) as caught:
        parse(text, "shop.toml")
    places = [error.where for error in caught.value.errors]
    assert places == [
        "shop.toml: name",
        "shop.toml: http.port",
        "shop.toml: source.heartbeat",
        "shop.toml: stream.connector",
        "shop.toml: sinks[0].url",
    ]
    assert str(caught.value).split("\n") == [str(error) for error in caught.value.errors]
    assert all(error.fix for error in caught.value.errors)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name = \n", "shop.toml: line 1, column 8: not valid TOML: invalid value; see https://toml.io for the syntax"),
        (
            'name = "shop',
            "shop.toml: end of document: not valid TOML: unterminated string; see https://toml.io for the syntax",
        ),
        (
            "[source]\n[source]\n",
            "shop.toml: line 2, column 8: not valid TOML: cannot declare ('source',) twice; "
            "see https://toml.io for the syntax",
        ),
    ],
)
def test_syntax_errors_name_the_line(text: str, expected: str) -> None:
    assert lines(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        SOURCE.replace("repl@", "repl:hunter2@").replace("mysql://", "mssql://"),
        SOURCE.replace("repl@", "repl:hunter2/@"),
        SOURCE.replace("repl@", "repl:hunter2@").replace("1/shop", "1/shop?password=hunter2"),
        SOURCE.replace('"mysql://repl@127.0.0.1/shop"', '["hunter2"]'),
        SOURCE + KAFKA + '"sasl.password" = ["hunter2"]\n',
        SOURCE + KAFKA + '"sasl.password" = "${hunter2-}"\n',
    ],
)
def test_no_error_shows_a_password(text: str) -> None:
    assert "hunter2" not in "\n".join(lines(text))


def test_no_repr_shows_a_password() -> None:
    text = (
        SOURCE.replace("repl@", "repl:hunter2@")
        + KAFKA
        + '"sasl.password" = "hunter2"\n'
        + sink(more="").replace("app@", "app:hunter2@")
    )
    pipeline = parse(text, "shop.toml")
    assert "hunter2" not in repr(pipeline)
    assert "hunter2" not in str(pipeline.source.model_dump())


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match=r"missing\.toml: there is no such file; check the path"):
        load(missing)
    with pytest.raises(ConfigError, match="this is a folder; name the pipeline file in it"):
        load(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        load(tmp_path / "file" / "shop.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "shop"\n# Gr\xf6\xdfe\n')
    with pytest.raises(ConfigError, match=r"latin\.toml: line 2: is not UTF-8; save it as UTF-8"):
        load(latin)


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    # root may read everything, so a file's mode alone would prove nothing where the tests run as root.
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"shop\.toml: no permission to read it; run as a user who may"):
        load("shop.toml")


def test_loading_reads_no_secret() -> None:
    pipeline = parse(
        SOURCE.replace("repl@", "repl:${NO_SUCH_VARIABLE}@") + sink().replace("app@", "app:${file:/no/such}@"),
        "shop.toml",
    )
    assert pipeline.source.where("server_id") == "shop.toml: source.server_id"
