"""What the contenders of a path share: a source, a broker, the work, a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.figures import Run
from benchmarks.works import Work, is_mysql
from tests import servers
from tests.servers import Database, Kafka


@dataclass
class Stage:
    """One source database, alone in its server."""

    source: Database
    work: Work
    folder: Path

    @property
    def schema(self) -> str:
        """What stands before a table's name in topics and globs."""
        return self.source.name if is_mysql(self.source) else "public"

    def topics(self, prefix: str) -> list[str]:
        """The topics of the work's tables, as tailrace and Debezium name them alike."""
        return [f"{prefix}.{self.schema}.{table}" for table in self.work.tables]

    @property
    def servers(self) -> dict[str, int]:
        """Process ids by the name under which their CPU seconds are told."""
        return {"source": self.source.server.pid}


@dataclass
class KafkaStage(Stage):
    """With a broker of its own."""

    kafka: Kafka

    @property
    def servers(self) -> dict[str, int]:
        """The broker's too."""
        return {**super().servers, "broker": self.kafka.pid}


@contextmanager
def stage(source: str, work: Work) -> Iterator[Stage]:
    """A new server, with the work's tables."""
    with (
        servers.start(source) as server,
        server.database("bench") as database,
        tempfile.TemporaryDirectory(prefix="tailrace-bench-") as folder,
    ):
        work.create(database)
        yield Stage(database, work, Path(folder))


@contextmanager
def kafka_stage(source: str, work: Work) -> Iterator[KafkaStage]:
    """The same with a broker."""
    with stage(source, work) as made, servers.start("kafka", {"log.segment.delete.delay.ms": 1000}) as kafka:
        yield KafkaStage(made.source, work, made.folder, kafka)


class Contender(Protocol):
    """Takes part in rounds: `prepare` for each before the work is done, then `run` for each in turn with the others."""

    @property
    def name(self) -> str:
        """As results.json has it."""

    @property
    def rounds(self) -> int | None:
        """How many it takes part in; None: all of them."""

    def prepare(self, number: int) -> None:
        """Fixes where the run of this round will begin to read."""

    def run(self, number: int) -> Run:
        """One run; what arrived was compared with the source. Raises ContenderError."""
