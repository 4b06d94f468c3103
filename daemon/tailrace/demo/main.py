"""The demo's course: start servers, load, change while watching, kill workers on the way, verify, show."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from tailrace.demo import view, workload
from tailrace.demo.pipelines import DemoPipeline, build
from tailrace.errors import StuckError

#: Servers that are taken where they are installed, and can be insisted on.
SERVERS = ("mysql", "kafka")
#: A slow or busy machine may take this long; an idle one of two cores takes a quarter of it.
LOAD_SECONDS = 240.0
#: Of a log file or a pipe, which has no width of its own.
PLAIN_WIDTH = 110


def main(wanted: Collection[str], seconds: float, rows: int) -> int:
    """Runs the demo; 0 only if every target equals its source.

    Args:
        wanted: of `SERVERS`, those to insist on; the others are taken where they are installed.
        seconds: how long the live changes go on.
        rows: of the large table before the changes.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tailrace-demo-")))
        pipelines = build(folder, stack, wanted, rows, lambda text: console.print(f"· {text}", style="dim"))
        loaded_in, changes = _live(console, pipelines, seconds, rows)
        verified = []
        for pipeline in pipelines:
            console.print(f"· {pipeline.name}: catching up, then comparing every row", style="dim")
            pipeline.catch_up()
            verified.append((pipeline, pipeline.verify()))
    console.print(view.result(verified))
    killed = ", ".join(f"{pipeline.name}'s {worker}" for pipeline in pipelines for worker in pipeline.killed)
    console.print(
        f"loaded {rows + workload.PRODUCTS:,} rows a source into all its targets in {loaded_in:.1f} s; then"
        f" {sum(c.transactions for c in changes):,} transactions changed {sum(c.rows for c in changes):,} rows"
        f" while {killed} were killed (SIGKILL). {time.monotonic() - started:.0f} s in all.",
        highlight=False,
    )
    equal = all(result["equal"] for _, result in verified)
    console.print("every target equals its source" if equal else "a target differs", style="green" if equal else "red")
    return 0 if equal else 1


def _live(
    console: Console, pipelines: list[DemoPipeline], seconds: float, orders: int
) -> tuple[float, list[workload.LiveChanges]]:
    """Runs all pipelines under a live view; returns how long the load took, and what was changed."""
    with contextlib.ExitStack() as stack:
        for pipeline in pipelines:
            stack.enter_context(pipeline.running())
        live = stack.enter_context(Live(console=console, refresh_per_second=4, transient=not console.is_terminal))
        started = time.monotonic()

        def watch(heading: str, over: Callable[[list[dict[str, Any]]], bool], deadline: float) -> None:
            while True:
                statuses = [(pipeline, pipeline.status()) for pipeline in pipelines]
                live.update(view.live(heading, statuses))
                if over([status for _, status in statuses]):
                    return
                if time.monotonic() > deadline:
                    raise StuckError(f"not within its time: {heading}", where="demo", fix=_problems(statuses))
                time.sleep(0.25)

        watch("full load", _loaded, started + LOAD_SECONDS)
        loaded_in = time.monotonic() - started
        changes = [workload.LiveChanges(pipeline.connect, orders) for pipeline in pipelines]
        for change in changes:
            change.start()
        first = pipelines[0]
        victims = [(seconds * 0.3, next(iter(first.titles))), (seconds * 0.6, "capture")]
        begun = time.monotonic()
        for after, victim in victims:
            watch("live changes", lambda _, end=begun + after: time.monotonic() > end, begun + seconds + 30)  # type: ignore[misc]
            first.kill(victim)
            live.console.print(f"· killed {first.name}'s {victim}", style="yellow")
        watch("live changes", lambda _: time.monotonic() > begun + seconds, begun + seconds + 30)
        for change in changes:
            change.end()
        return loaded_in, changes


def _loaded(statuses: list[dict[str, Any]]) -> bool:
    """Every table is loaded at the source's side, and every sink has taken all of it."""
    return all(
        status.get("tables")
        and all(table["state"] == "streaming" for table in status["tables"])
        and all(worker["state"] == "streaming" and worker["lag_seconds"] == 0 for worker in status["workers"])
        for status in statuses
    )


def _problems(statuses: list[tuple[DemoPipeline, dict[str, Any]]]) -> str:
    errors = [
        f"{pipeline.name} {worker['name']}: {worker['error'] or worker['state']}"
        for pipeline, status in statuses
        for worker in status.get("workers", [])
    ]
    return "; ".join(errors)
