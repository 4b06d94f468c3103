"""From commit to the consumer and to the target's row, at several rates.

The pipeline runs and is warm: the first third of the transactions does not count. Each contender has servers of its own
for each rate and round, so that none reads what another's run left in the log.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import consumer
from benchmarks.asked import Asked, Report
from benchmarks.contenders.checks import verify_target
from benchmarks.contenders.debezium import LATENCY, Debezium
from benchmarks.contenders.sinks import SqlTarget
from benchmarks.contenders.tailrace import STOP, kafka_stream, pipeline, running, until_caught_up
from benchmarks.figures import Run, percentiles
from benchmarks.pace import Paced
from benchmarks.processes import ContenderError, Program, Watch, cpu_seconds, python, server_cpu
from benchmarks.rounds import line
from benchmarks.stage import KafkaStage, kafka_stage
from tests import servers
from tests.servers import debezium
from tests.servers.process import wait_until

CONTENDERS = ("tailrace", "tailrace-at-least-once", "debezium", "tailrace-to-target")
_WARM = 3  # the first of so many parts only warms up
_PREFIX = "lat"


def measure(asked: Asked, report: Report) -> None:
    """Each source at each rate."""
    for source in asked.sources:
        for rate in asked.rates:
            with asked.part(f"{source}, latency at {rate}"):
                _measure(source, rate, asked, report)


def _measure(source: str, rate: int, asked: Asked, report: Report) -> None:
    work = f"latency-{rate}"
    taking_part = [name for name in CONTENDERS if asked.wants(name)]
    runs: dict[str, list[Run]] = {name: [] for name in taking_part}
    for _ in range(asked.rounds):
        for name in taking_part:
            taken = _run(source, rate, asked.seconds, name)
            runs[name].append(taken)
            print(line(f"{source} -> kafka", work, name, taken), flush=True)
    for name, every in runs.items():
        if name == "tailrace-to-target":
            report(f"{source} -> kafka -> postgres18", work, "tailrace", every)
        else:
            report(f"{source} -> kafka", work, name, every)


def _run(source: str, rate: int, seconds: int, name: str) -> Run:
    work = Paced(rate * seconds * _WARM // (_WARM - 1))
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(kafka_stage(source, work))
        topic = f"{_PREFIX}.{made.schema}.bench_01"
        target = None
        if name == "tailrace-to-target":
            server = stack.enter_context(servers.start("postgres18", {"track_commit_timestamp": "on"}))
            target = SqlTarget(server, stack)
        consumer.create_topics(made.kafka, [topic])
        pid = stack.enter_context(_debezium(made) if name == "debezium" else _tailrace(made, name, target))
        watch = stack.enter_context(Watch(pid))
        arrivals = made.folder / "arrivals.json"
        module = ("benchmarks.arrivals", made.kafka.bootstrap, topic, work.rows, arrivals)
        with Program(python(*module)) as notes, server_cpu(**made.servers) as spent:
            used, began = cpu_seconds(pid), time.monotonic()
            work.write(made.source, rate)
            wrote = time.monotonic() - began
            notes.finish()
            if target is not None:
                wait_until(lambda: target.content(0)[0] >= work.rows, 60, "the target has all rows", 0.2)
            took, used = time.monotonic() - began, cpu_seconds(pid) - used
        found: list[tuple[int, int, int]] = json.loads(arrivals.read_text())
        if sorted(number for number, _, _ in found) != list(range(1, work.rows + 1)):
            raise ContenderError(f"{name}: {len(found)} of {work.rows} rows arrived, or some twice")
        if sum(at for _, at, _ in found) != made.source.value("SELECT SUM(at_us) FROM bench_01"):
            raise ContenderError(f"{name}: the rows that arrived are not those of the source")
        if target is not None:
            verify_target(name, made, *target.content(0))
            found = committed(target)
        counted = [(now - at) / 1000 for number, at, now in found if number > work.rows // _WARM]
        return Run(
            rows=work.rows,
            seconds=took,
            cpu_seconds=used,
            peak_rss_mb=watch.total_mb,
            latency_ms=percentiles(counted),
            more={"reached_per_second": work.rows / wrote, **spent},
        )


def committed(target: SqlTarget) -> list[tuple[int, int, int]]:
    """As the consumer notes them: id, time in the row, and when the target's transaction was committed."""
    rows = target.database(0).query(
        "SELECT id, at_us, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM bench_01"
    )
    return [(int(number), int(at), int(now)) for number, at, now in rows]


@contextmanager
def _tailrace(made: KafkaStage, name: str, target: SqlTarget | None) -> Iterator[int]:
    stream = kafka_stream(made.kafka.bootstrap, transactional=name != "tailrace-at-least-once")
    sinks = f'[[sinks]]\nname = "sink"\n{target.sink(0)}' if target is not None else ""
    path = pipeline(made.folder, _PREFIX, made.source, f"{made.schema}.*", stream, sinks=sinks)
    marks = f"{_PREFIX}.{made.schema}.marker"
    consumer.create_topics(made.kafka, [marks])
    until_caught_up(path)
    with running(path) as program:

        def alive() -> None:
            if not program.alive():
                program.finish()

        _await_mark(made, marks, alive)
        yield program.pid
        program.finish(STOP)


@contextmanager
def _debezium(made: KafkaStage) -> Iterator[int]:
    marks = f"{_PREFIX}.{made.schema}.marker"
    consumer.create_topics(made.kafka, [marks])
    contender = Debezium(made, LATENCY, _PREFIX)
    with debezium.Engine(contender.settings("")) as engine:
        _await_mark(made, marks, engine.check)
        yield engine.pid


def _await_mark(made: KafkaStage, topic: str, alive: Callable[[], None]) -> None:
    """Returns when the contender delivers."""

    def mark() -> None:
        alive()
        made.source.execute("INSERT INTO marker VALUES (%s)", (time.time_ns(),))

    consumer.await_records(made.kafka, [topic], 1, mark, 120)
