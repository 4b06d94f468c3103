"""tailrace as a user runs it: a pipeline file and `tailrace run`."""

from __future__ import annotations

import signal
from pathlib import Path

from benchmarks import consumer
from benchmarks.contenders.checks import verified
from benchmarks.figures import Run, second_half_rate
from benchmarks.processes import Finished, Program, python, run, server_cpu
from benchmarks.stage import KafkaStage
from benchmarks.works import is_mysql
from tests.servers import Database


def pipeline(
    folder: Path, name: str, source: Database, tables: str, stream: str = "", mode: str = "cdc", sinks: str = ""
) -> Path:
    """A pipeline file; `stream` and `sinks` are TOML."""
    connector = "mysql" if is_mysql(source) else "postgres"
    path = folder / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\nmode = "{mode}"\nstate_dir = "{folder / name}"\n'
        f'[source]\nconnector = "{connector}"\nurl = "{source.url}"\ntables = ["{tables}"]\n{stream}{sinks}'
    )
    return path


def kafka_stream(bootstrap: str, transactional: bool = True) -> str:
    """`[stream]` of a pipeline file."""
    return (
        f'[stream]\nconnector = "kafka"\ntransactional = {str(transactional).lower()}\n'
        f'[stream.kafka]\n"bootstrap.servers" = "{bootstrap}"\n'
    )


def until_caught_up(path: Path) -> Finished:
    """`tailrace run FILE --until-caught-up`, start and stop included."""
    return run(python("tailrace.cli", "run", path, "--until-caught-up"))


def running(path: Path) -> Program:
    """`tailrace run FILE`, for a `with` block; end it with `finish(STOP)`."""
    return Program(python("tailrace.cli", "run", path))


STOP = signal.SIGTERM


class Tailrace:
    """A backlog into Kafka, with `--until-caught-up`."""

    rounds = None

    def __init__(self, stage: KafkaStage) -> None:
        self.name = "tailrace"
        self._stage = stage
        self._idle: Finished | None = None

    def _pipeline(self, number: int) -> Path:
        stage = self._stage
        stream = kafka_stream(stage.kafka.bootstrap)
        return pipeline(stage.folder, f"tr{number}", stage.source, f"{stage.schema}.bench_*", stream)

    def prepare(self, number: int) -> None:
        """A first run on an empty log stores the position; a second one shows what starting and stopping takes."""
        consumer.create_topics(self._stage.kafka, self._stage.topics(f"tr{number}"))
        until_caught_up(self._pipeline(number))
        if self._idle is None:
            self._idle = until_caught_up(self._pipeline(number))

    def run(self, number: int) -> Run:
        """The backlog; `seconds` ends with the last record's arrival at the broker."""
        stage = self._stage
        assert self._idle is not None
        with server_cpu(**stage.servers) as servers:
            done = until_caught_up(self._pipeline(number))
        topics = stage.topics(f"tr{number}")
        arrived = verified(self.name, stage, topics)
        consumer.delete_topics(stage.kafka, topics)
        return Run(
            rows=arrived.fold.events,
            seconds=max(arrived.times) - done.started,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={
                "warm_rows_per_second": second_half_rate(arrived.times) or 0.0,
                "capture_peak_rss_mb": done.workers_mb.get("capture", 0.0),
                "process_seconds": done.seconds,
                "idle_seconds": self._idle.seconds,
                "idle_cpu_seconds": self._idle.cpu_seconds,
                **servers,
            },
        )
