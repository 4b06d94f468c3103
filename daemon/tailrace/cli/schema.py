"""`tailrace schema`: a source's schema in the words of its targets, assessed, made there, or compared."""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from tailrace.cli import schema_view as view
from tailrace.cli import stdout
from tailrace.cli.output import print_json
from tailrace.cli.schema_view import Done
from tailrace.config import Pipeline, load
from tailrace.conversion import job, report
from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.conversion.job import KINDS as KINDS
from tailrace.conversion.job import Job
from tailrace.conversion.making import application
from tailrace.conversion.making.ddl_file import script
from tailrace.conversion.making.difference import Difference, State, differences
from tailrace.conversion.making.held import note
from tailrace.conversion.measuring import Measuring
from tailrace.conversion.report.files import cannot_write
from tailrace.conversion.rules import Rules
from tailrace.conversion.target import Stage
from tailrace.errors import ConfigError
from tailrace.supervisor import folder


class Stages(StrEnum):
    """`--stage`: without it all that may run beside a pipeline."""

    TABLES = "tables"
    ALL = "all"


#: `--dialect`.
DIALECTS = {
    "mysql": Dialect.MYSQL,
    "postgres": Dialect.POSTGRESQL,
    "oracle": Dialect.ORACLE,
    "tsql": Dialect.TSQL,
}
_STAGES = {
    None: application.BESIDE,
    Stages.TABLES: frozenset({Stage.TABLES}),
    Stages.ALL: frozenset(Stage),
}


@dataclass(slots=True)
class Asked:
    """The options. Paths are as they were given."""

    file: str | None = None
    script: Path | None = None
    dialect: str | None = None
    sinks: Sequence[str] = ()
    targets: Sequence[str] = ()
    reports: Sequence[Path] = ()
    out: Path | None = None
    keys: Path | None = None
    rate_seconds: float = 0.0
    rules: Sequence[Path] = ()
    apply: bool = False
    stage: Stages | None = None
    complete: bool = False
    diff: bool = False
    json: bool = False


def schema(asked: Asked) -> int:
    """0; 1 something needs a person, or differs.

    Raises:
        ConfigError: the file, a script, a rule or the usage is wrong.
        UnreachableError, RefusedError: a system does not answer, or refuses us.
    """
    _refuse(asked)
    pipeline = load(asked.file) if asked.file else None
    rules = job.rules_of(pipeline, asked.rules)
    with contextlib.ExitStack() as stack:
        source = _source(asked, pipeline)
        jobs = list(_jobs(asked, pipeline, source, rules, stack))
        assessment = report.assess([entry.conversion for entry in jobs], rules.hours, rules.again)
        for path in asked.reports:
            report.write(assessment, path)
        _write_keys(asked, jobs)
        if asked.out:
            _write_scripts(asked.out, jobs)
        done = [_done(asked, pipeline, entry) for entry in jobs]
    if asked.json:
        print_json({"assessment": report.record(assessment), "targets": [view.record(entry) for entry in done]})
    else:
        _tell(asked, assessment, done)
    person = not asked.diff and any(entry.conversion.needs_person for entry in jobs)
    return 1 if person or any(entry.differs for entry in done) else 0


def _refuse(asked: Asked) -> None:
    """What cannot be meant.

    Raises:
        ConfigError.
    """
    needs: list[tuple[bool, str, str]] = [
        (
            not (asked.file or (asked.script and asked.targets)),
            "there is nothing to convert",
            "name a pipeline file, or a script with --from-sql and a system with --target",
        ),
        (
            bool(asked.script) != bool(asked.dialect),
            "--from-sql and --dialect belong together",
            "give both, or none of them",
        ),
        (bool(asked.sinks) and not asked.file, "--sink names a sink of a pipeline file", "name the file too"),
        (asked.apply and asked.diff, "--apply and --diff exclude each other", "give one of them"),
        (asked.stage is not None and not asked.apply, "--stage says what --apply makes", "add --apply"),
        (asked.complete and not asked.apply, "--complete says what --apply makes", "add --apply"),
        (
            (asked.apply or asked.diff) and not (asked.file and (asked.sinks or not asked.targets)),
            "--apply and --diff need a target's server, which --target does not name",
            "leave --target out, and name sinks of a pipeline file",
        ),
        ((asked.apply or asked.diff) and bool(asked.targets), "--target names no server", "leave it out"),
    ]
    for wrong, what, fix in needs:
        if wrong:
            raise ConfigError(what, fix=fix)
    for path in asked.reports:
        report.refuse_form(path)


def _source(asked: Asked, pipeline: Pipeline | None) -> Catalog:
    if asked.script is not None:
        from tailrace.conversion.script import read

        return read(_text(asked.script), DIALECTS[asked.dialect or ""], str(asked.script))
    assert pipeline is not None
    pipeline.resolve_secrets(stream=False, sinks=False)
    return job.source_catalog(pipeline)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # Management Studio saves UTF-16, and says so in the first two bytes.
            utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        return path.read_text(encoding="utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("is neither UTF-8 nor UTF-16", where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        what = os.strerror(error.errno or 0).lower()
        raise ConfigError(f"cannot be read: {what}", where=str(path), fix="check the path") from None


def _jobs(
    asked: Asked, pipeline: Pipeline | None, source: Catalog, rules: Rules, stack: contextlib.ExitStack
) -> Iterator[Job]:
    chosen: list[Any] = []
    measuring = Measuring(pipeline if asked.script is None else None, asked.rate_seconds)
    if pipeline is not None and (asked.sinks or not asked.targets):
        chosen = [pipeline.sink(name) for name in dict.fromkeys(asked.sinks)] or list(pipeline.sinks)
        if not chosen:
            raise ConfigError(
                "the pipeline has no target", where=pipeline.file, fix="add a [[sinks]] table, or --target"
            )
        pipeline.resolve_secrets(source=False, stream=False, sinks=[settings.name for settings in chosen])
    for settings in chosen:
        assert pipeline is not None
        entry = job.of_sink(pipeline, settings, source, rules, asked.script is not None, measuring)
        stack.callback(entry.target.close)
        yield entry
    for kind in dict.fromkeys(asked.targets):
        yield job.of_kind(kind, source, rules, pipeline, measuring)


def _done(asked: Asked, pipeline: Pipeline | None, entry: Job) -> Done:
    target, meant = entry.target, entry.conversion.target
    if asked.diff:
        found = differences(target.canonical(meant), application.standing(target, meant))
        return Done(entry, found=[difference for difference in found if not _our_own(difference)])
    if not asked.apply:
        return Done(entry)
    assert pipeline is not None
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    plan = application.plan(target, meant, _STAGES[asked.stage], complete=asked.complete)
    unheld = application.run(target, plan)
    if asked.script is None:
        note(pipeline, entry.name, asked.rules)
    return Done(entry, plan, unheld, for_cutover=asked.script is None)


def _our_own(difference: Difference) -> bool:
    """Where sinks keep positions and what is parked."""
    return difference.state is State.EXTRA and difference.name.name.startswith("_tailrace_")


def _write_keys(asked: Asked, jobs: Sequence[Job]) -> None:
    if asked.keys is None:
        return
    designs = [design for entry in jobs if (design := view.key_design(entry)) is not None]
    if len(designs) != 1:
        what = "no target has a key design" if not designs else "several targets have a key design"
        raise ConfigError(what, where="--keys", fix="choose one DynamoDB target with --sink or --target")
    _write(asked.keys, designs[0])


def _write_scripts(out: Path, jobs: Sequence[Job]) -> None:
    """One file, or for several targets a folder with one each."""
    if len(jobs) == 1 and not out.is_dir():
        _write(out, script(jobs[0].conversion, jobs[0].statements()))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    for entry in jobs:
        _write(out / f"{entry.name}.sql", script(entry.conversion, entry.statements()))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise cannot_write(path, error) from error


def _tell(asked: Asked, assessment: report.Assessment, done: Sequence[Done]) -> None:
    """For a person; a script goes to stdout, and then what is said of it to stderr."""
    printing = not (asked.out or asked.apply or asked.diff)
    if printing:
        try:
            for entry in done:
                stdout.print_line(script(entry.job.conversion, entry.job.statements()).rstrip("\n").encode())
        except stdout.ReaderLeft:
            stdout.silence()
    view.show(assessment, done, printing)
