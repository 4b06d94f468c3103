"""`tailrace status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from tailrace.cli.output import bytes_text, console, number, print_json, seconds_text
from tailrace.config import load
from tailrace.errors import NotRunningError, StuckError
from tailrace.http.client import ask
from tailrace.supervisor import folder
from tailrace.supervisor.status import SUSPENDED, never_ran


def status(file: str, as_json: bool) -> int:
    """0 well; 3 not running; 4 running but stuck, or a table suspended.

    Raises:
        RefusedError: this user may not ask, or the state folder is another pipeline's.
        StuckError: the supervisor is there and does not answer.
    """
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    code = 0
    try:
        answer: dict[str, Any] = ask(pipeline.state_dir, pipeline.name, "/status")
    except NotRunningError as error:
        code = error.exit_code
        answer = folder.stored_status(pipeline.state_dir) or never_ran(pipeline.name)
        answer = {**answer, "state": "stopped", "problems": []}
        for worker in answer["workers"]:  # what it was doing when it was last heard of
            worker.update(state="stopped", pid=None, events_per_second=0.0, bytes_per_second=0.0)
        for entry in _with_lag(answer):  # nobody measures it now
            entry.update(lag_seconds=None, lag_bytes=None)
    else:
        if answer["state"] == "stuck" or any(table["state"] == SUSPENDED for table in answer["tables"]):
            code = StuckError.exit_code
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    return code


def _with_lag(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from answer["workers"]
    for table in answer["tables"]:
        yield table
        yield from table.get("workers", {}).values()


def _show(answer: dict[str, Any]) -> None:
    out = console()
    heard = "" if answer["state"] != "stopped" or not answer["workers"] else f", last heard of {answer['time']}"
    out.print(f"pipeline {answer['name']} is {answer['state']}{heard}", highlight=False)
    for problem in answer["problems"]:
        out.print(f"  {problem}", style="red", highlight=False, markup=False, soft_wrap=True)
    if answer["workers"]:
        out.print(_workers(answer["workers"]))
    for worker in answer["workers"]:
        if worker["error"]:
            line = f"{worker['name']}: {worker['error']}"
            out.print(line, style="red", highlight=False, markup=False, soft_wrap=True)
    if answer["tables"]:
        out.print(_tables(answer["tables"]))
    for table in answer["tables"]:
        if table["state"] == SUSPENDED:
            line = f"{table['name']} is suspended: {table['reason']}"
            out.print(line, style="red", highlight=False, markup=False, soft_wrap=True)


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
