"""`tailrace reload`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tailrace.cli.output import console
from tailrace.cli.status import loading_text
from tailrace.config import load
from tailrace.errors import ConfigError, StuckError
from tailrace.http.client import ask
from tailrace.supervisor import folder

#: Capture begins between two transactions of the source, of which one may be long.
BEGIN_SECONDS = 120.0
_POLL_SECONDS = 0.2


def reload(file: str, tables: Sequence[str], every: bool, where: str, resync: bool, wait: bool) -> int:
    """0: the load has begun (with `wait`: has ended) of all tables asked for; 1: some cannot be loaded again.

    Raises:
        ConfigError: no table was named, or a condition for all of them, or together with `resync`.
        NotRunningError: the pipeline is not running.
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
    if resync and not pipeline.sinks:
        raise ConfigError("the pipeline has no target to remove rows from", fix="leave out --resync")
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    asked = {"tables": ["*"] if every else list(tables), "where": where, "resync": resync}
    answer: dict[str, Any] = ask(pipeline.state_dir, pipeline.name, "/reload", asked)
    out = console()
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
