"""`tailrace check`: every prerequisite, each with its fix; changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.table import Table
from rich.text import Text

from tailrace import connectors
from tailrace.capture import pressure
from tailrace.cli.output import console, print_json
from tailrace.config import Pipeline, load
from tailrace.conversion.making.held import noted
from tailrace.errors import ConfigError, RefusedError, TailraceError
from tailrace.schema import TableName
from tailrace.shaping.rules import rules_for
from tailrace.sink import Sink
from tailrace.source import Finding, Source
from tailrace.stream import Stream
from tailrace.supervisor import folder
from tailrace.tables import matches

_MARKS = {True: Text("ok", "green"), False: Text("fails", "bold red"), None: Text("warning", "yellow")}


@dataclass(frozen=True, slots=True)
class PartFinding:
    """A finding and whose it is: "file", "state folder", "source", "stream" or "sink NAME"."""

    part: str
    finding: Finding


def check(file: str, as_json: bool) -> int:
    """0 all hold; 1 something fails, an unreachable system included.

    Raises:
        ConfigError: the file is wrong, or a driver or a secret is missing.
    """
    pipeline = load(file)
    pipeline.resolve_secrets()
    findings = list(findings_of(pipeline))
    ok = all(entry.finding.ok is not False for entry in findings)
    if as_json:
        print_json({"ok": ok, "findings": [{"part": entry.part, **asdict(entry.finding)} for entry in findings]})
    else:
        _show(pipeline.name, findings, ok)
        if hint := _schema_hint(pipeline):
            console().print(hint, highlight=False, markup=False, soft_wrap=True)
    return 0 if ok else 1


def findings_of(pipeline: Pipeline) -> Iterator[PartFinding]:
    """What source, stream and sinks find, and ourselves."""
    yield PartFinding("file", Finding("valid", True, pipeline.file))
    yield PartFinding("state folder", state_folder(pipeline.state_dir, pipeline.name))
    parts: list[tuple[str, Callable[[], Source | Stream | Sink]]] = [
        ("source", pipeline.create_source),
        ("stream", pipeline.create_stream),
        *((f"sink {settings.name}", partial(pipeline.create_sink, settings.name)) for settings in pipeline.sinks),
    ]
    for part, create in parts:
        try:
            yield from (PartFinding(part, finding) for finding in create().check())
        except ConfigError:
            raise
        except TailraceError as error:
            detail = f"{error.where}: {error.what}" if error.where else error.what
            yield PartFinding(part, Finding("connection", False, detail, error.fix))
    yield from (PartFinding("source", finding) for finding in _load(pipeline))
    yield from _met(pipeline)


def _load(pipeline: Pipeline) -> Iterator[Finding]:
    """Whether the full load's limits can be asked for, and its order names tables."""
    if pipeline.mode == "cdc":
        return
    source = pipeline.create_source()
    yield from pressure.findings(source, pipeline.load)
    if not pipeline.load.order:
        return
    try:
        names = [table.name for table in source.tables()]
    except TailraceError:
        return  # which the source's own findings say
    for glob in pipeline.load.order:
        if not any(matches((glob,), name) for name in names):
            yield Finding("load order", None, f"{glob} names no table that is captured", "correct it, or remove it")


def _met(pipeline: Pipeline) -> Iterator[PartFinding]:
    """Tables that get one name in a sink because `[[tables]]` renames them."""
    if not any(table.model_fields_set & {"rename", "case"} for table in pipeline.tables):
        return
    try:
        names = [table.name for table in pipeline.create_source().tables()]
    except TailraceError:
        return  # which the source's own findings say
    context = pipeline.context()
    for settings in pipeline.sinks:
        met: dict[str, list[TableName]] = {}
        for name in names:
            if pipeline.takes(settings, name):
                rules = rules_for(context, name)
                met.setdefault(rules.target(name) if rules is not None else name.table, []).append(name)
        for target, sources in met.items():
            if len(sources) > 1:
                what = f"{' and '.join(map(str, sources))} would both go to the table {target}"
                yield PartFinding(f"sink {settings.name}", Finding("[[tables]]", False, what, "choose other names"))


def state_folder(path: Path, name: str) -> Finding:
    """Whether it is this pipeline's and this user could write it; `run` makes it where it is missing."""
    try:
        folder.refuse_another_s(path, name)
    except RefusedError as error:
        return Finding("pipeline", False, error.what, error.fix)
    there = path
    while not _exists(there) and there != there.parent:
        there = there.parent
    fix = "make it writable for this user, or set state_dir"
    if not there.is_dir():
        return Finding("writable", False, f"{there} is no folder", "set state_dir to a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding("writable", False, f"no permission to write {there}", fix)
    return Finding("writable", True, str(path) + ("" if there == path else " (will be made)"))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False


def _schema_hint(pipeline: Pipeline) -> str:
    """Before a first start, where a sink's system has schema conversion and it was not applied."""
    sinks = [s.name for s in pipeline.sinks if connectors.find_sink(s.connector).schema is not None]
    if not sinks or noted(pipeline) or pipeline.context().begun():
        return ""
    return (
        f"the sinks make tables with columns and keys; `tailrace schema {pipeline.file}` shows what the source has"
        " besides, and makes it with --apply, best before the first start"
    )


def _show(name: str, findings: list[PartFinding], ok: bool) -> None:
    view = Table("part", "what", "", "found", "what to do", box=None, header_style="bold", pad_edge=False)
    for entry in findings:
        finding = entry.finding
        view.add_row(Text(entry.part), Text(finding.name), _MARKS[finding.ok], Text(finding.detail), Text(finding.fix))
    out = console()
    out.print(view)
    failed = sum(entry.finding.ok is False for entry in findings)
    verdict = "everything holds" if ok else f"{failed} of {len(findings)} fail"
    out.print(f"\npipeline {name}: {verdict}", style="green" if ok else "bold red", highlight=False)
