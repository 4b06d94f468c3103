"""Debezium's embedded engine (from Maven Central): a database's changes into Kafka or into a file.

    with Engine(properties(database, "shop", folder, ["orders"]) | to_kafka(kafka.bootstrap)):
        …

The engine's offsets and schema history lie in `folder`: a later engine on the same folder goes on from there.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from .cache import entry
from .maven import jars, java_program
from .process import Process, ServerError, program, run, temporary_folder
from .sql import Database

VERSIONS = {"mariadb": "3.5.0.Final", "mysql": "3.6.1.Final", "postgres": "3.6.1.Final"}
"""The newest of each connector that Maven Central has whole."""

_RUNNER = Path(__file__).with_name("DebeziumRunner.java")
_CONNECTORS = {"MariaDbConnector": "mariadb", "MySqlConnector": "mysql", "PostgresConnector": "postgres"}


def fetch(connector: str) -> list[Path]:
    """The class path for one of `VERSIONS`, in the cache: the compiled runner, and the jars. Needs a JDK (`javac`)."""
    version = VERSIONS[connector]
    parts = (f"connector-{connector}", "embedded", "storage-file")
    libraries = jars(*(f"io.debezium:debezium-{part}:{version}" for part in parts))

    def build(folder: Path) -> None:
        compiler = program("javac", package="openjdk-17-jdk-headless")
        run([compiler, "-cp", f"{libraries}/*", "-d", folder, _RUNNER], cwd=folder)

    digest = hashlib.sha256(_RUNNER.read_bytes()).hexdigest()[:12]
    return [entry(f"debezium-runner-{version}-{digest}", build), libraries / "*"]


def properties(database: Database, prefix: str, folder: Path, tables: Sequence[str]) -> dict[str, str]:
    """A connector that reads changes from now on, or from where the engine before it in `folder` stopped.

    Args:
        database: on MySQL, MariaDB (each with its own connector) or PostgreSQL (pgoutput; the slot is named `prefix`).
        prefix: the topics are `{prefix}.{schema}.{table}`.
        tables: names, in the database itself or its schema `public`.
    """
    login = database.server.login
    settings = {
        "name": prefix,
        "topic.prefix": prefix,
        "offset.storage": "org.apache.kafka.connect.storage.FileOffsetBackingStore",
        "offset.storage.file.filename": str(folder / "offsets.dat"),
        # After each batch: what was delivered is not delivered again.
        "offset.flush.interval.ms": "0",
        "database.hostname": login.host,
        "database.port": str(login.port),
        "database.user": login.user,
        "database.password": login.password or "",
        "snapshot.mode": "no_data",
        "converter.schemas.enable": "false",
        "decimal.handling.mode": "string",
    }
    if login.scheme == "postgresql":
        return settings | {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.dbname": database.name,
            "plugin.name": "pgoutput",
            "slot.name": prefix,
            "publication.name": prefix,
            "publication.autocreate.mode": "filtered",
            # What others write with pg_logical_emit_message() would go to a topic of its own.
            "message.prefix.exclude.list": ".*",
            "table.include.list": ",".join(f"public.{table}" for table in tables),
        }
    family = "mariadb.MariaDb" if database.server.kind == "mariadb" else "mysql.MySql"
    return settings | {
        "connector.class": f"io.debezium.connector.{family}Connector",
        "database.include.list": database.name,
        "table.include.list": ",".join(f"{database.name}.{table}" for table in tables),
        "database.server.id": str(1000 + sum(prefix.encode()) % 30000),
        "database.ssl.mode": "disable" if database.server.kind == "mariadb" else "preferred",
        "include.schema.changes": "false",
        "schema.history.internal": "io.debezium.storage.file.history.FileSchemaHistory",
        "schema.history.internal.file.filename": str(folder / "history.dat"),
        "schema.history.internal.store.only.captured.tables.ddl": "true",
    }


def to_kafka(bootstrap: str, **producer: str) -> dict[str, str]:
    """Events go to topics that must exist; `producer` has more properties of kafka-clients, `_` for `.`."""
    more = {name.replace("_", "."): value for name, value in producer.items()}
    return {f"producer.{name}": value for name, value in {"bootstrap.servers": bootstrap, **more}.items()}


def to_file(path: Path) -> dict[str, str]:
    """Events are appended to a file: a line `{"topic", "key", "value"}` each."""
    return {"output.file": str(path)}


class Engine:
    """A running engine; as a context manager it is stopped at the end."""

    def __init__(self, settings: Mapping[str, str], heap: str = "1g") -> None:
        """Starts at once; whether the connector is streaming is told by what it delivers."""
        connector = _CONNECTORS[settings["connector.class"].rpartition(".")[2]]
        classes = ":".join(map(str, fetch(connector)))
        self._folder = temporary_folder("debezium")
        file = self._folder / "engine.properties"
        file.write_text("".join(f"{name}={_escaped(value)}\n" for name, value in settings.items()))
        self._process = Process(
            [
                java_program(),
                f"-Xmx{heap}",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                *("-cp", classes),
                "DebeziumRunner",
                file,
            ],
            folder=self._folder,
            log=self._folder / "engine.log",
            stop_signal=signal.SIGTERM,
        )

    @property
    def pid(self) -> int:
        """The Java process."""
        return self._process.pid

    def check(self) -> None:
        """Raises `ServerError` with the end of its log if it has ended."""
        code = self._process.exit_code()
        if code is not None:
            raise ServerError(f"Debezium ended with code {code}; its log:\n{self._process.log_tail(60)}")

    def log(self) -> str:
        """All that it has logged."""
        return self._process.log.read_text(errors="replace")

    def stop(self, seconds: float = 30) -> None:
        """Ends it with its offsets stored; kills it after `seconds`. May be called again."""
        if self._folder.exists():
            if self._process.exit_code() is None:
                self._process.signal(signal.SIGTERM)
                self._process.exit_code(seconds)
            self._process.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.stop()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
