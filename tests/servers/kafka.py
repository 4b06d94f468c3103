"""Apache Kafka 4 in KRaft mode: one broker that is its own controller."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .cache import copy_folder, entry
from .maven import jars, java
from .process import free_port, run, wait_until
from .server import Option, Server

RELEASE = "org.apache.kafka:kafka_2.13:4.3.1"


class Kafka(Server):
    """One broker without authentication. Transactions work with it alone; topics must be created by name."""

    kind = "kafka"
    version = "4.3.1 (KRaft, one broker)"
    environment = "TAILRACE_TEST_KAFKA"
    defaults: ClassVar[dict[str, Option]] = {
        "num.partitions": 1,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        "num.network.threads": 2,
        "num.io.threads": 4,
        # How long a restarted broker waits for its killed predecessor to be given up; 9 s by default.
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1000,
        # An idle controller would else write, twice a second, that it is there.
        "metadata.max.idle.interval.ms": 0,
        # The cleaner takes this from the heap at once; 128 MiB by default.
        "log.cleaner.dedupe.buffer.size": 16 << 20,
    }

    _bootstrap = ""
    _controller_port = 0
    _admin: Any = None

    @classmethod
    def fetch(cls) -> None:
        """The jars from Maven Central."""
        jars(RELEASE)

    @property
    def bootstrap(self) -> str:
        """For `bootstrap.servers`."""
        return self._bootstrap

    @property
    def address(self) -> str:
        """Same as `bootstrap`."""
        return self._bootstrap

    def use_external(self) -> None:
        """Takes the bootstrap list."""
        self._bootstrap = self.external or ""

    def properties(self, logs: Path) -> str:
        """The text of server.properties with its logs in this folder."""
        # A port of its own for the controller, kept over restarts as the broker's is.
        self._controller_port = self._controller_port or free_port()
        broker, controller = f"127.0.0.1:{self.port}", f"127.0.0.1:{self._controller_port}"
        settings: dict[str, Option] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "log.dirs": str(logs),
            **self.defaults,
            **self.options,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items() if value is not None)

    def prepare(self) -> None:
        """A formatted log folder."""

        def build(folder: Path) -> None:
            properties = folder.parent / "server.properties"
            properties.write_text(self.properties(folder))
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            # The tool takes an id beginning with a dash for an option.
            cluster = "t" + cluster[1:]
            format_ = ("format", "--cluster-id", cluster, "--config", properties)
            run(java(jars(RELEASE), "kafka.tools.StorageTool", *format_, flags=["-Xmx128m"]), cwd=folder)

        # New ports at each attempt to start.
        self.port, self._controller_port = 0, 0
        template = entry(f"kafka-data-{RELEASE.rpartition(':')[2]}", build, "tests.servers: formatting Kafka's logs")
        copy_folder(template, self.folder / "data")

    def command(self) -> list[str | Path]:
        """The broker with a properties file of its own."""
        self._bootstrap = f"127.0.0.1:{self.port}"
        properties = self.folder / "server.properties"
        properties.write_text(self.properties(self.folder / "data"))
        flags = ["-Xmx512m", "-Xms128m", "-Dorg.slf4j.simpleLogger.showDateTime=true"]
        return java(jars(RELEASE), "kafka.Kafka", properties, flags=flags)

    def admin(self) -> Any:
        """A `confluent_kafka.admin.AdminClient`; one for all callers."""
        if self._admin is None:
            from confluent_kafka.admin import AdminClient

            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def disconnect(self) -> None:
        """Lets go of the admin client."""
        self._admin = None

    def probe(self) -> bool:
        """True once the broker has registered and tells its topics."""
        return bool(self.admin().list_topics(timeout=2).brokers)

    def topics(self) -> set[str]:
        """The names of all topics."""
        return set(self.admin().list_topics(timeout=10).topics)

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
        """Creates a topic and waits until it is there."""
        from confluent_kafka.cimpl import NewTopic

        [created] = self.admin().create_topics([NewTopic(name, partitions, 1, config=dict(config or {}))]).values()
        created.result(30)
        wait_until(lambda: name in self.topics(), 30, f"topic {name} is there")
