"""`tailrace status`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tailrace.cli.output import bytes_text, console, number, print_json, seconds_text
from tailrace.config import Pipeline, load
from tailrace.errors import ConfigError, NotRunningError, StuckError
from tailrace.http.client import ask
from tailrace.supervisor import folder
from tailrace.supervisor.role import Role
from tailrace.supervisor.status import SUSPENDED, merged, never_ran

WATCH_SECONDS = 1.0


def status(file: str, as_json: bool, watched: bool = False) -> int:
    """0 well; 3 not running; 4 running but stuck, a table suspended, or events parked.

    Args:
        watched: asked again each second, until Ctrl-C; the exit code is that of the last answer.

    Raises:
        ConfigError: there is no terminal to watch it at.
        RefusedError: this user may not ask, or the state folder is another pipeline's.
        StuckError: the supervisor is there and does not answer.
    """
    if watched and (as_json or not sys.stdout.isatty()):
        raise ConfigError("--watch needs a terminal to show it at", fix="ask again and again, with --json")
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    code, answer = _asked(pipeline)
    if watched:
        with Live(Group(*_parts(answer)), console=console(), auto_refresh=False) as live:
            try:
                while True:
                    time.sleep(WATCH_SECONDS)
                    code, answer = _asked(pipeline)
                    live.update(Group(*_parts(answer)), refresh=True)
            except KeyboardInterrupt:
                return code
    if as_json:
        print_json(answer)
    else:
        out = console()
        for part in _parts(answer):
            out.print(part, soft_wrap=isinstance(part, Text))
    return code


def _asked(pipeline: Pipeline) -> tuple[int, dict[str, Any]]:
    """The exit code, and what the running pipeline says, or the stopped one has left."""
    code = 0
    running = _running(pipeline)
    if not running:
        code = NotRunningError.exit_code
        stored = [folder.stored_status(pipeline.state_dir, role) for role in (Role.BOTH, Role.APPLY)]
        answer = _one([status for status in stored if status is not None]) or never_ran(pipeline.name)
        answer = {**answer, "state": "stopped", "problems": []}
        for worker in answer["workers"]:  # what it was doing when it was last heard of
            worker.update(state="stopped", pid=None, events_per_second=0.0, bytes_per_second=0.0)
            worker.pop("retained", None)
        for entry in _with_lag(answer):  # nobody measures it now
            entry.update(lag_seconds=None, lag_bytes=None)
    else:
        answer = _one(running)
        tables = answer["tables"]
        if answer["state"] == "stuck" or any(t["state"] == SUSPENDED or t.get("parked") for t in tables):
            code = StuckError.exit_code
    return code, answer


def _running(pipeline: Pipeline) -> list[dict[str, Any]]:
    """What the pipeline's daemons say that run here: one, or one that captures and one that applies."""
    answers: list[dict[str, Any]] = []
    for role in (Role.BOTH, Role.APPLY):
        if not answers or answers[0].get("role") == Role.CAPTURE:
            with suppress(NotRunningError):
                answers.append(ask(pipeline.state_dir, pipeline.name, "/status", None, role))
    return answers


def _one(statuses: list[dict[str, Any]]) -> dict[str, Any]:
    """Of one daemon, or of two, of which one captures and the other applies; {} of none."""
    return merged(*statuses) if len(statuses) == 2 else dict(*statuses)


def _with_lag(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from answer["workers"]
    for table in answer["tables"]:
        yield table
        yield from table.get("workers", {}).values()


def _parts(answer: dict[str, Any]) -> list[RenderableType]:
    heard = "" if answer["state"] != "stopped" or not answer["workers"] else f", last heard of {answer['time']}"
    only = {"capture": ", capture alone", "apply": ", the sinks alone"}.get(answer.get("role", ""), "")
    parts: list[RenderableType] = [Text(f"pipeline {answer['name']} is {answer['state']}{only}{heard}")]
    parts += [_red(f"  {problem}") for problem in answer["problems"]]
    if answer["workers"]:
        parts.append(_workers(answer["workers"]))
    parts += [_red(f"{worker['name']}: {worker['error']}") for worker in answer["workers"] if worker["error"]]
    parts += [Text(line) for worker in answer["workers"] if (line := _retained(worker.get("retained")))]
    if answer["tables"]:
        parts.append(_tables(answer["tables"]))
    for table in answer["tables"]:
        if table["state"] == SUSPENDED:
            parts.append(_red(f"{table['name']} is suspended: {table['reason']}"))
        if parked := table.get("parked"):
            parts.append(_red(f"{table['name']}: parked events: {number(parked)}; see tailrace dead-letters list"))
    return parts


def _retained(held: dict[str, Any] | None) -> str:
    """What the source keeps of its log for the pipeline, and how much it may; "" unknown."""
    if held is None or held["bytes"] is None:
        return ""
    of = []
    if held["budget_bytes"]:
        of.append(f"budget {bytes_text(held['budget_bytes'])}")
    if held["budget_seconds"]:
        of.append(f"budget {seconds_text(held['budget_seconds'])}")
    if held["limit_bytes"]:
        of.append(f"the server gives up at {bytes_text(held['limit_bytes'])}")
    if held["limit_seconds"]:
        of.append(f"the server keeps {seconds_text(held['limit_seconds'])}")
    line = f"the source keeps {bytes_text(held['bytes'])} of log, the oldest of {seconds_text(held['seconds'])} ago"
    return line + (f" ({', '.join(of)})" if of else "") + (f"; {held['note']}" if held["note"] else "")


def _red(line: str) -> Text:
    return Text(line, "red")


def _workers(workers: list[dict[str, Any]]) -> Table:
    view = Table("worker", "state", "position", box=None, header_style="bold", pad_edge=False)
    for heading in ("lag", "behind", "events/s", "events", "restarts"):
        view.add_column(heading, justify="right")
    for worker in workers:
        view.add_row(
            worker["name"],
            worker["state"],
            worker["position"],
            seconds_text(worker["lag_seconds"]),
            bytes_text(worker["lag_bytes"]),
            number(round(worker["events_per_second"])),
            number(worker["events"]),
            number(worker["restarts"]),
        )
    return view


def _tables(tables: list[dict[str, Any]]) -> Table:
    view = Table("table", "state", box=None, header_style="bold", pad_edge=False)
    for heading in ("rows loaded", "events", "lag"):
        view.add_column(heading, justify="right")
    view.add_column("since")
    for table in tables:
        rows = number(table["rows"])
        if table["state"] == "loading":
            rows += loading_text(table)
        events, lag = number(table.get("events", 0)), seconds_text(table.get("lag_seconds"))
        view.add_row(table["name"], table["state"], rows, events, lag, table["since"])
    return view


def loading_text(table: dict[str, Any]) -> str:
    """What follows the rows of a table that is being loaded: of how many, how much that is, how long it will take."""
    text = ""
    if table["total"]:
        text = f" of about {number(table['total'])}"
        if table.get("percent") is not None:
            text += f" ({table['percent']:.0f} %)"
    if table.get("rows_per_second"):
        text += f", {number(round(table['rows_per_second']))}/s"
    if table.get("seconds_left") is not None:
        text += f", {seconds_text(table['seconds_left'])} left"
    return text
