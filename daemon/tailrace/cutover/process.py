"""The steps of cut-over: caught up, equal, complete."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tailrace.config import Pipeline
from tailrace.cutover.holding import held
from tailrace.cutover.report import Report
from tailrace.cutover.schema import HeldBack
from tailrace.cutover.waiting import Waiting
from tailrace.errors import NotRunningError, StuckError
from tailrace.http.client import ask
from tailrace.position import POSITION_KEY, Position
from tailrace.schema import TableSchema
from tailrace.sink import Sink, TargetTable
from tailrace.source import Source
from tailrace.stream import StreamReader
from tailrace.structure import LEFT_OUT, NOTE, TO_MAKE, Outcome, TableStructure
from tailrace.supervisor.role import Role
from tailrace.verify import verify
from tailrace.verify.comparison import target_table

#: A table of one target, with what the source's has now.
Tables = list[tuple[TargetTable, TableStructure]]


def cutover(pipeline: Pipeline, dry_run: bool, timeout: float, tell: Callable[[str], None]) -> Report:
    """Waits for the pipeline to catch up, compares, and makes what the targets lack where they are equal.

    Args:
        timeout: seconds to wait for the pipeline.
        tell: what is being done, for a person.

    Raises:
        NotRunningError: the pipeline is not running; one of mode `full-load` need not be.
        StuckError: it does not catch up.
    """
    report = Report(dry_run)
    if not dry_run:
        _require_one_daemon(pipeline)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
        stream = stack.enter_context(contextlib.closing(pipeline.create_stream().reader("")))
        if not dry_run:
            _verify(pipeline, source, stream, report, timeout, tell)
            if not report.equal:
                return report
        structures = _structures(pipeline, source, stream)
        schema = HeldBack(pipeline, dry_run, not report.writes)
        for settings in pipeline.sinks:
            tell(f"making {settings.name} complete")
            sink = stack.enter_context(contextlib.closing(pipeline.create_sink(settings.name)))
            tables = structures[settings.name]
            outcomes = _complete(pipeline, settings.name, sink, tables, dry_run)
            held_back = schema.outcomes(settings.name, partial(_resting, pipeline, settings.name))
            report.outcomes[settings.name] = [*_unordered(stream, tables), *outcomes, *held_back]
    return report


def _require_one_daemon(pipeline: Pipeline) -> None:
    """Workers elsewhere can be neither asked how far they are nor held.

    Raises:
        StuckError: capture and the sinks are run by several daemons.
    """
    for asked in (Role.BOTH, Role.APPLY):
        try:
            status = ask(pipeline.state_dir, pipeline.name, "/status", None, asked)
        except NotRunningError:
            continue  # that nobody is there is said later, where it matters
        if status["role"] != Role.BOTH:
            raise StuckError(
                "the pipeline is run by several daemons, and cut-over must hold the sinks",
                where=pipeline.name,
                fix="stop them all, start one without --role, and cut over on its machine",
            )


def _verify(
    pipeline: Pipeline,
    source: Source,
    stream: StreamReader,
    report: Report,
    timeout: float,
    tell: Callable[[str], None],
) -> None:
    logged = pipeline.mode != "full-load"
    try:
        waiting = Waiting(lambda: _ask(pipeline, "/status"), source.log_end if logged else None, stream, timeout, tell)
        position = waiting.caught_up()
        before = _events(pipeline)
    except NotRunningError:
        if logged:
            raise
        position, before = None, None  # nothing more comes of a load that is over
    if position is not None and logged:
        report.position = source.position_text(position)
    tell("comparing source and targets")
    report.verification = verify(pipeline)
    if before is not None:
        counted = max(_events(pipeline) - before, 0)
        # Counts are reported a moment later; which event is the stream's last is known.
        if position is not None:
            counted = max(counted, 1) if _delivered(stream) != position.delivered else 0
        report.writes = counted


def _delivered(stream: StreamReader) -> str:
    record = stream.state().get(POSITION_KEY)
    return "" if record is None else Position.from_json(record).delivered


def _events(pipeline: Pipeline) -> int:
    return int(_ask(pipeline, "/status")["workers"][0]["events"])


def _structures(pipeline: Pipeline, source: Source, stream: StreamReader) -> dict[str, Tables]:
    """By sink."""
    schemas = [TableSchema.from_json(record) for record in stream.schemas()]
    found: dict[str, Tables] = {settings.name: [] for settings in pipeline.sinks}
    tables = source.tables()
    with contextlib.closing(source.snapshot()) as reader:
        for table in tables:
            target = target_table(schemas, table)
            if target is None or table.state != "streaming":
                continue
            structure = reader.structure(table.topic)
            for settings in pipeline.sinks:
                if pipeline.takes(settings, table.name):
                    found[settings.name].append((target, structure))
    return found


def _unordered(stream: StreamReader, tables: Tables) -> list[Outcome]:
    """What is to be said of unique indexes whose table's changes are read from several partitions."""
    partitions = [] if stream.total_order else [partition.topic for partition in stream.partitions()]
    names = [
        str(table.source)
        for table, structure in tables
        if partitions.count(table.topic) > 1 and any(index.unique and not index.primary for index in structure.indexes)
    ]
    if not names:
        return []
    detail = (
        f"changes of {', '.join(names)} come from several partitions: two rows that exchange a unique value may stop"
        " the sink; stop the pipeline once the application has moved"
    )
    return [Outcome("", NOTE, "unique indexes", LEFT_OUT, detail)]


def _complete(pipeline: Pipeline, name: str, sink: Sink, tables: Tables, dry_run: bool) -> list[Outcome]:
    """A sink that lacks nothing is not disturbed."""
    outcomes = list(sink.complete(tables, True))
    if dry_run or not any(outcome.state == TO_MAKE for outcome in outcomes):
        return outcomes
    with _resting(pipeline, name):
        return list(sink.complete(tables, False))


@contextlib.contextmanager
def _resting(pipeline: Pipeline, name: str) -> Iterator[None]:
    """The sink leaves its target alone. One whose load is over need not run."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(lambda path, given: _ask(pipeline, path, given), name))
        except NotRunningError:
            if pipeline.mode != "full-load":
                raise
        yield


def _ask(pipeline: Pipeline, path: str, given: Any = None) -> Any:
    return ask(pipeline.state_dir, pipeline.name, path, given)
