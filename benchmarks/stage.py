"""What the contenders of a path share: a source, a broker, the work, a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.figures import Run
from benchmarks.works import Work, is_mysql
from tests.servers import Database, Kafka


@dataclass
class Stage:
    """One source database and one broker, both alone in their servers."""

    source: Database
    kafka: Kafka
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
        return {"source": self.source.server.pid, "broker": self.kafka.pid}


class Contender(Protocol):
    """Takes part in rounds: `prepare` for each before the work is done, then `run` for each in turn with the others."""

    name: str
    rounds: int | None
    """None: all of them."""

    def prepare(self, number: int) -> None:
        """Fixes where the run of this round will begin to read."""

    def run(self, number: int) -> Run:
        """One run; what arrived was compared with the source. Raises ContenderError."""
