"""`tailrace reload`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tailrace import renewal
from tailrace.cli.output import console
from tailrace.cli.status import loading_text
from tailrace.config import Pipeline, load
from tailrace.errors import ConfigError, NotRunningError, StuckError
from tailrace.http.client import ask
from tailrace.supervisor import folder

#: Capture begins between two transactions of the source, of which one may be long.
BEGIN_SECONDS = 120.0
_POLL_SECONDS = 0.2


def reload(file: str, tables: Sequence[str], every: bool, where: str, resync: bool, wait: bool) -> int:
    """0: the load has begun (with `wait`: has ended) of all tables asked for, or will begin with a stopped pipeline's
    next run; 1: some cannot be loaded again.

    Raises:
        ConfigError: no table was named, or a condition for all of them, or together with `resync`.
        NotRunningError: the pipeline is not running, and not all of it was asked for, with `resync`.
        StuckError: it does not begin.
    """
    if every == bool(tables):
        raise ConfigError("which tables?", fix="name each with --table, or all of them with --all")
    if where and every:
        raise ConfigError("a condition holds for one table", fix="give --where with one --table")
    if where and resync:
        raise ConfigError(
            "targets cannot tell which of their rows meet the condition", fix="leave out --where, or --resync"
        )
    pipeline = load(file)
    if resync and not pipeline.sinks and not every:
        raise ConfigError("the pipeline has no target to remove rows from", fix="leave out --resync")
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    asked = {"tables": ["*"] if every else list(tables), "where": where, "resync": resync}
    out = console()
    try:
        answer: dict[str, Any] = ask(pipeline.state_dir, pipeline.name, "/reload", asked)
    except NotRunningError:
        if not (every and resync) or wait or pipeline.mode == "full-load":
            raise
        for line in _left(pipeline):
            out.print(line, highlight=False, markup=False, soft_wrap=True)
        return 0
    for problem in answer["problems"]:
        out.print(problem, style="red", highlight=False, markup=False, soft_wrap=True)
    before: dict[str, list[int]] = answer["tables"]  # how often each was loaded again, and how often that was refused
    refused: dict[str, str] = {}

    def reports() -> list[dict[str, Any]]:
        status: dict[str, Any] = ask(pipeline.state_dir, pipeline.name, "/status")
        return [table for table in status["tables"] if table["name"] in before]

    deadline = time.monotonic() + BEGIN_SECONDS

    def answered(table: dict[str, Any]) -> bool:
        loads, refusals = before[table["name"]]
        if table["refusals"] > refusals:
            refused[table["name"]] = table["refusal"]
        return bool(table["loads"] > loads or table["refusals"] > refusals)

    while not all(answered(table) for table in reports()):
        if time.monotonic() > deadline:
            raise StuckError("capture does not begin to load", where=pipeline.name, fix="see tailrace status")
        time.sleep(_POLL_SECONDS)
    if wait and before:
        with out.status("loading") as shown:
            while loading := [table for table in reports() if table["state"] == "loading"]:
                first = loading[0]
                shown.update(f"{first['name']}: {first['rows']:,} rows{loading_text(first)}")
                time.sleep(_POLL_SECONDS)
        for table in reports():  # a condition may have failed for a row
            answered(table)
    word = "were loaded" if wait else "are being loaded"
    for name in before:
        if name in refused:
            line = f"{name} is not loaded again: {refused[name]}"
            out.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
        else:
            out.print(f"{name}: rows {word} again", highlight=False, markup=False)
    return 1 if answer["problems"] or refused else 0


def _left(pipeline: Pipeline) -> list[str]:
    """Leaves the request for the next run of a stopped pipeline; what is to be said of it.

    Raises:
        NotRunningError: it never ran, so that its first run loads everything anyway.
        RefusedError: it is running after all, or is starting.
    """
    path, name = pipeline.state_dir, pipeline.name
    if not folder.exists(path):
        raise NotRunningError(f"pipeline {name} never ran", fix="start it with tailrace run: it loads its tables")
    with folder.exclusive(path, name):
        request = renewal.ask(path)
    lines = [f"pipeline {name} is stopped: its next run loads all tables again and removes what the source has no more"]
    if request.gone:
        lines.append(f"it begins at the log's present end, in a new epoch, because: {request.gone}")
    else:
        lines.append(
            "it goes on from where it stands in the source's log; were that gone, it would begin at the log's end"
        )
    return lines
