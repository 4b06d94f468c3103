"""What the demo shows: a live table of workers, and the result."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tailrace.demo.pipelines import DemoPipeline


def live(heading: str, statuses: list[tuple[DemoPipeline, dict[str, Any]]]) -> RenderableType:
    """Workers with their rates and lag, tables with bars while they load."""
    workers = Table("pipeline", "worker", "state", box=None, header_style="bold", pad_edge=False)
    for name in ("events", "events/s", "lag", "restarts"):
        workers.add_column(name, justify="right")
    bars = Table.grid(padding=(0, 1))
    for pipeline, status in statuses:
        for worker in status.get("workers", []):
            lag = worker["lag_seconds"]
            workers.add_row(
                pipeline.name,
                worker["name"],
                Text(worker["state"], "red" if worker["state"] in ("stuck", "retrying", "restarting") else "green"),
                f"{worker['events']:,}",
                f"{worker['events_per_second']:,.0f}",
                "" if lag is None else f"{lag:.1f} s",
                str(worker["restarts"]),
            )
        for table in status.get("tables", []):
            total = max(table.get("total") or 0, table["rows"], 1)
            done = total if table["state"] == "streaming" else table["rows"]
            bars.add_row(f"{pipeline.name} {table['name']}", ProgressBar(total, done, width=40), table["state"])
    return Group(Text(heading, "bold"), workers, bars)


def result(rows: list[tuple[DemoPipeline, dict[str, Any]]]) -> Table:
    """One line per table and target, as one would show it to a colleague."""
    table = Table(title="every target against its source, row for row", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("source → stream → target", "table"):
        table.add_column(heading, no_wrap=True)
    for heading in ("source rows", "target rows", "differ"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for pipeline, verified in rows:
        way = f"{pipeline.source} → {pipeline.stream} → "
        for entry in verified["tables"]:
            differences = entry["missing"] + entry["extra"] + entry["different"]
            table.add_row(
                way + pipeline.titles[entry["sink"]],
                entry["table"],
                f"{entry['source_rows']:,}",
                f"{entry['target_rows']:,}",
                f"{differences:,}",
                Text("equal", "green") if differences == 0 else Text("DIFFERS", "bold red"),
            )
        for entry in verified.get("unverified", []):
            table.add_row(way, entry["table"], "", "", "", Text(f"not compared: {entry['reason']}", "bold red"))
    return table
