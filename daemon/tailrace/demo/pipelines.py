"""The demo's pipelines: which source goes through which stream into which targets, and their running daemons."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tailrace.demo import workload
from tailrace.demo.servers import CREDENTIALS, DynamoDB, Kafka, MariaDB, Postgres
from tailrace.errors import StuckError, TailraceError
from tailrace.http.client import ask


@dataclass
class DemoPipeline:
    """One pipeline of the demo.

    Attributes:
        titles: how the result names each sink's system.
        connect: a DB-API connection to the source.
    """

    name: str
    source: str
    stream: str
    titles: dict[str, str]
    file: Path
    state_dir: Path
    connect: Callable[[], Any]
    killed: list[str] = field(default_factory=list)

    def status(self) -> dict[str, Any]:
        """What the running daemon answers; {} while it does not."""
        with suppress(TailraceError):
            answer: dict[str, Any] = ask(self.state_dir, self.name, "/status")
            return answer
        return {}

    def kill(self, worker: str) -> None:
        """SIGKILLs a worker; the supervisor will start it again."""
        for entry in self.status().get("workers", []):
            if entry["name"] == worker and entry["pid"]:
                os.kill(entry["pid"], signal.SIGKILL)
                self.killed.append(worker)

    @contextmanager
    def running(self) -> Iterator[None]:
        with (self.file.with_suffix(".log")).open("ab") as log:
            process = subprocess.Popen(self._command("run"), stdout=log, stderr=log, env=_environment())
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def catch_up(self) -> None:
        """`tailrace run --until-caught-up`."""
        command = self._command("run", "--until-caught-up")
        done = subprocess.run(command, capture_output=True, env=_environment(), timeout=120, check=False)
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise StuckError(f"did not catch up: {lines[-1] if lines else done.returncode}", where=self.name)

    def verify(self) -> dict[str, Any]:
        """`tailrace verify --json`."""
        command = self._command("verify", "--json")
        done = subprocess.run(command, capture_output=True, env=_environment(), timeout=300, check=False)
        if done.returncode not in (0, 1):
            raise StuckError(done.stderr.decode(errors="replace").strip(), where=self.name)
        answer: dict[str, Any] = orjson.loads(done.stdout)
        return answer

    def _command(self, command: str, *options: str) -> list[str]:
        return [sys.executable, "-m", "tailrace.cli", "--log-format", "json", command, str(self.file), *options]


def _environment() -> dict[str, str]:
    return {**os.environ, **CREDENTIALS}


def build(
    folder: Path, servers: ExitStack, wanted: Collection[str], orders: int, say: Callable[[str], None]
) -> list[DemoPipeline]:
    """Starts the servers, fills the sources and writes the pipeline files.

    Args:
        servers: stops them at its end.
        wanted: "mysql" and "kafka": insisted on; otherwise taken where they are installed.
    """

    def started(kind: Callable[[], Any], title: str) -> Any:
        say(f"starting {title}")
        server = kind()
        servers.callback(server.stop)
        return server

    postgres = started(Postgres, Postgres.title)
    dynamodb = started(DynamoDB, "a DynamoDB endpoint")
    kafka = started(Kafka, "Kafka") if "kafka" in wanted or Kafka.home() else None
    mariadb = started(MariaDB, "MariaDB") if "mysql" in wanted or MariaDB.installed() else None

    say(f"creating {orders:,} orders and {workload.PRODUCTS:,} products")
    for database in ("shop", "warehouse", "second"):
        postgres.query(f"CREATE DATABASE {database}")
    for statement in workload.postgres_tables(orders):
        postgres.query(statement, "shop")
    kafka_stream = f'connector = "kafka"\n[stream.kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n' if kafka else ""
    warehouse = _sink("warehouse", "postgres", url=postgres.url("warehouse"))
    lite = _sink("lite", "sqlite", url=f"sqlite:///{folder}/shop.db")
    kv = _sink("kv", "dynamodb", endpoint_url=dynamodb.endpoint, region="eu-west-1", tables=["public.products"])
    titles = {"warehouse": postgres.title, "lite": "SQLite", "kv": dynamodb.title}
    pipelines = [
        _pipeline(folder, "shop", postgres.title, "embedded", titles, lambda: postgres.connect("shop"),
                  _source("postgres", postgres.url("shop")), 'connector = "embedded"\n', warehouse + lite + kv)
    ]  # fmt: skip
    second = _sink("second", "postgres", url=postgres.url("second"))
    if mariadb is not None:
        connection = mariadb.connect()
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute("USE shop")
            for statement in workload.mariadb_tables(orders):
                cursor.execute(statement)
        connection.close()
        pipelines.append(
            _pipeline(folder, "mshop", mariadb.title, "Kafka" if kafka else "embedded", {"second": postgres.title},
                      lambda: mariadb.connect("shop"), _source("mysql", mariadb.url("shop")),
                      kafka_stream or 'connector = "embedded"\n', second)
        )  # fmt: skip
    elif kafka is not None:
        pipelines.append(
            _pipeline(folder, "kshop", postgres.title, "Kafka", {"second": postgres.title},
                      lambda: postgres.connect("shop"), _source("postgres", postgres.url("shop")), kafka_stream, second)
        )  # fmt: skip
    return pipelines


def _source(connector: str, url: str) -> str:
    return f'[source]\nconnector = "{connector}"\nurl = "{url}"\nheartbeat = "2s"\n'


def _sink(name: str, connector: str, **keys: Any) -> str:
    lines = [f'[[sinks]]\nname = "{name}"\nconnector = "{connector}"']
    lines += [f"{key} = {orjson.dumps(value).decode()}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _pipeline(
    folder: Path,
    name: str,
    source: str,
    stream: str,
    titles: dict[str, str],
    connect: Callable[[], Any],
    source_text: str,
    stream_text: str,
    sinks_text: str,
) -> DemoPipeline:
    state_dir = folder / name
    file = folder / f"{name}.toml"
    file.write_text(f'name = "{name}"\nstate_dir = "{state_dir}"\n{source_text}[stream]\n{stream_text}{sinks_text}')
    return DemoPipeline(name, source, stream, titles, file, state_dir, connect)
