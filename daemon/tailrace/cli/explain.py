"""`tailrace explain`: what each selected table becomes in the stream and in every target; changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from rich.table import Table
from rich.text import Text

from tailrace.apply.targets import target_of
from tailrace.cli.output import console, print_json
from tailrace.config import Pipeline, load
from tailrace.errors import StuckError
from tailrace.schema import Column, TableSchema
from tailrace.shaping.building import ShapeError
from tailrace.shaping.shape import Shape
from tailrace.shaping.shapes import Shapes
from tailrace.sink import Sink, TargetTable
from tailrace.source import SourceTable
from tailrace.tables import table_entry


@dataclass(slots=True)
class ColumnPlan:
    """A column on its way.

    Attributes:
        source: its name and type at the source, "" where it is added.
        stream: its name and type in the stream, "" where it is dropped.
        key: its place in the events' key, 0 outside.
        change: for a person; "" where it is carried as it is.
    """

    source: str
    source_type: str
    stream: str
    stream_type: str
    key: int = 0
    change: str = ""


@dataclass(slots=True)
class TargetPlan:
    """A table in a target; `refused` says why there can be none."""

    sink: str
    table: str = ""
    columns: list[dict[str, str]] = field(default_factory=list)
    refused: str = ""


@dataclass(slots=True)
class TablePlan:
    """A selected table.

    Attributes:
        where: the filter as the file has it; "" without one.
        problems: why the table is not captured, or not so.
    """

    table: str
    topic: str
    where: str = ""
    key: list[str] = field(default_factory=list)
    columns: list[ColumnPlan] = field(default_factory=list)
    targets: list[TargetPlan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return bool(self.problems) or any(target.refused for target in self.targets)


def explain(file: str, as_json: bool) -> int:
    """0; 1 where something is refused.

    Raises:
        ConfigError: the file is wrong, or a driver or a secret is missing.
        UnreachableError, RefusedError: a system does not answer, or refuses us.
    """
    pipeline = load(file)
    pipeline.resolve_secrets(stream=False)
    plans = plans_of(pipeline)
    if as_json:
        print_json({"tables": [asdict(plan) for plan in plans]})
    else:
        for plan in plans:
            _show(plan)
        if not plans:
            console().print("the globs select no table")
    return 1 if any(plan.refused for plan in plans) else 0


def plans_of(pipeline: Pipeline) -> list[TablePlan]:
    """Every selected table, by name."""
    context = pipeline.context()
    shapes = Shapes(context)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(contextlib.closing(pipeline.create_source()))
        schemas = {schema.topic: schema for schema in source.schemas()}
        sinks = [
            (settings, stack.enter_context(contextlib.closing(pipeline.create_sink(settings.name))))
            for settings in pipeline.sinks
        ]
        plans: list[TablePlan] = []
        met: dict[tuple[str, str], str] = {}
        for table in source.tables():
            plan = TablePlan(str(table.name), table.topic)
            plans.append(plan)
            if table.state != "streaming":
                plan.problems.append(table.reason)
            entry = table_entry(context, table.name, "condition")
            plan.where = entry.condition if entry is not None else ""
            entry = table_entry(context, table.name, "columns")
            added = list(entry.columns.add.values()) if entry is not None else []
            schema = schemas.get(table.topic)
            if schema is None:
                continue
            stream = _stream(plan, shapes, schema, added)
            if stream is None:
                continue
            taking = [(settings.name, sink) for settings, sink in sinks if pipeline.takes(settings, table.name)]
            plan.targets = [_target(name, sink, stream, table, met) for name, sink in taking]
    return plans


def _stream(plan: TablePlan, shapes: Shapes, schema: TableSchema, added: list[str]) -> TableSchema | None:
    """The stream's version; None where there is none, which is said.

    Args:
        added: what the file says of added columns, in order.
    """
    try:
        shape = shapes.of(schema)
    except ShapeError as error:
        plan.problems += [str(problem) for problem in error.problems]
        plan.columns = [ColumnPlan(c.name, c.type.name, c.name, c.type.name, c.key) for c in schema.columns]
        return None
    stream = schema if shape is None else shape.schema
    plan.key = [column.name for column in stream.key]
    plan.columns = list(_columns(schema, stream, shape, added))
    return stream


def _columns(schema: TableSchema, stream: TableSchema, shape: Shape | None, added: list[str]) -> Iterable[ColumnPlan]:
    carried = {column.id: column for column in stream.columns}
    for index, column in enumerate(schema.columns):
        becomes = carried.get(column.id)
        note = shape.columns[index].note if shape is not None else ""
        yield _column(column, becomes, note)
    own = {column.id for column in schema.columns}
    for column, written in zip((c for c in stream.columns if c.id not in own), added, strict=bool(shape)):
        yield ColumnPlan("", "", column.name, column.type.name, column.key, f"added: {written}")


def _column(column: Column, becomes: Column | None, note: str) -> ColumnPlan:
    if becomes is None:
        return ColumnPlan(column.name, column.type.name, "", "", 0, note)
    return ColumnPlan(column.name, column.type.name, becomes.name, becomes.type.name, becomes.key, note)


def _target(
    name: str, sink: Sink, stream: TableSchema, table: SourceTable, met: dict[tuple[str, str], str]
) -> TargetPlan:
    target: TargetTable = target_of([stream])
    try:
        preview = sink.preview(target)
    except StuckError as error:
        return TargetPlan(name, target.name, refused=f"{error.what}; {error.fix}")
    plan = TargetPlan(name, preview.table, [{"name": column, "type": type_} for column, type_ in preview.columns])
    other = met.setdefault((name, preview.table), str(table.name))
    if other != str(table.name):
        plan.refused = f"{other} goes to a table of this name too; give one another `rename`, or a sink of its own"
    return plan


def _show(plan: TablePlan) -> None:
    out = console()
    out.print(Text(plan.table, "bold"), Text(f"→ topic {plan.topic}"), Text(_summary(plan)))
    names = [target.sink for target in plan.targets if not target.refused]
    view = Table("column", "type", "becomes", "as", box=None, header_style="bold", pad_edge=False)
    for name in names:
        view.add_column(name)
    by_sink = {target.sink: {c["name"]: c["type"] for c in target.columns} for target in plan.targets}
    for column in plan.columns:
        stream = Text(column.stream if column.stream else "—", "" if column.stream else "dim")
        types = [Text(by_sink[name].get(column.stream, "")) for name in names]
        view.add_row(Text(column.source or "—"), Text(column.source_type), stream, Text(column.change), *types)
    out.print(view)
    for target in plan.targets:
        if target.refused:
            out.print(Text(f"  sink {target.sink}: refused: {target.refused}", "bold red"), soft_wrap=True)
        else:
            out.print(Text(f"  sink {target.sink}: table {target.table}"))
    for problem in plan.problems:
        out.print(Text(f"  refused: {problem}", "bold red"), soft_wrap=True)
    out.print()


def _summary(plan: TablePlan) -> str:
    parts = [f"key {', '.join(plan.key)}" if plan.key else "no key"]
    if plan.where:
        parts.append(f"where {plan.where}")
    return "(" + "; ".join(parts) + ")"
