"""What `tailrace status`, /status and status.json show: DESIGN §5's object, with rates and times besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tailrace.report import TableReport, now_text
from tailrace.supervisor.health import WorkerHealth
from tailrace.supervisor.role import Role

SUSPENDED = "suspended"


def suspended_tables(workers: Sequence[WorkerHealth]) -> list[str]:
    """Tables that are not carried on, each with its reason."""
    return [
        f"table {table['name']} is suspended{': ' if table['reason'] else ''}{table['reason']}"
        for table in tables(workers)
        if table["state"] == SUSPENDED
    ]


def parked_events(workers: Sequence[WorkerHealth]) -> list[str]:
    """Tables of which targets hold events that they refused."""
    return [
        f"sink {worker.name}: events of table {table.name} are parked ({table.parked}); see tailrace dead-letters list"
        for worker in workers
        for table in worker.report.tables
        if table.parked
    ]


def tables(workers: Sequence[WorkerHealth]) -> list[dict[str, Any]]:
    """As capture sees them; a table that a sink has suspended is suspended, with the sink's name before its reason.

    A table is as far behind as the worker that is furthest behind with it, and how far is unknown while it is of one.
    Bytes are those of the sinks that know, parked and skipped events those of all.
    """
    found: dict[str, dict[str, Any]] = {}
    for worker in workers:
        for table in worker.report.tables:
            lag = worker.table_lag_seconds(table)
            size = worker.table_lag_bytes(table)
            entry = found.get(table.name)
            if entry is None:
                entry = found[table.name] = {
                    "name": table.name,
                    "state": table.state,
                    "rows": table.rows,
                    "total": table.total,
                    "percent": percent(table),
                    "loaded_bytes": table.loaded_bytes,
                    "rows_per_second": rounded(table.rows_per_second),
                    "seconds_left": rounded(table.seconds_left),
                    "loads": table.loads,
                    "refusals": table.refusals,
                    "refusal": table.refusal,
                    "since": table.since,
                    "reason": table.reason,
                    "events": table.events,
                    "bytes": table.bytes,
                    "lag_seconds": lag,
                    "lag_bytes": size,
                    "parked": 0,
                    "skipped": 0,
                    "workers": {},
                }
            else:
                if table.state == SUSPENDED and entry["state"] != SUSPENDED:
                    reason = f"{worker.name}: {table.reason}"
                    entry.update(state=SUSPENDED, since=table.since, reason=reason)
                known = entry["lag_seconds"]
                entry["lag_seconds"] = None if lag is None or known is None else max(known, lag)
                if size is not None:
                    entry["lag_bytes"] = max(entry["lag_bytes"] or 0, size)
            entry["parked"] += table.parked
            entry["skipped"] += table.skipped
            entry["workers"][worker.name] = {
                "events": table.events,
                "bytes": table.bytes,
                "lag_seconds": lag,
                "lag_bytes": size,
                "parked": table.parked,
            }
    return sorted(found.values(), key=lambda entry: str(entry["name"]))


def percent(table: TableReport) -> float | None:
    """How much of the table is loaded, None unknown. Statistics may be wrong: 100 is not said before the load's end."""
    if table.state in ("streaming", "loaded"):
        return 100.0
    if not table.total:
        return None
    return min(99.9, round(100 * table.rows / table.total, 1))


def rounded(value: float | None) -> float | None:
    """To a tenth."""
    return None if value is None else round(value, 1)


def worker_status(worker: WorkerHealth) -> dict[str, Any]:
    report = worker.report
    events_rate, bytes_rate = worker.rates()
    return {
        "name": worker.name,
        "state": worker.state,
        "position": report.position,
        "lag_seconds": worker.lag_seconds(),
        "lag_bytes": worker.lag_bytes(),
        "restarts": worker.restarts,
        "error": worker.last_error(),
        "events": report.events,
        "bytes": report.bytes,
        "events_per_second": round(events_rate, 1),
        "bytes_per_second": round(bytes_rate, 1),
        "pid": worker.pid or None,
        **({} if (retained := worker.retained()) is None else {"retained": asdict(retained)}),
    }


def pipeline_status(
    name: str, state: str, workers: Sequence[WorkerHealth], problems: Sequence[str], role: Role = Role.BOTH
) -> dict[str, Any]:
    """The whole object.

    Args:
        state: starting, running, stuck, stopping or stopped.
        problems: why the pipeline is not well.
    """
    return {
        "name": name,
        "role": role.value,
        "state": state,
        "problems": list(problems),
        "time": now_text(),
        "workers": [worker_status(worker) for worker in workers],
        "tables": tables(workers),
    }


#: Of two daemons of one pipeline, what is said of both of them together.
_WORST_FIRST = ("stuck", "stopping", "starting", "running", "stopped")


def merged(capture: dict[str, Any], sinks: dict[str, Any]) -> dict[str, Any]:
    """The status of a pipeline whose capture and sinks are run by two daemons in one state folder."""
    tables = {entry["name"]: entry for entry in capture["tables"]}
    for other in sinks["tables"]:
        entry = tables.setdefault(other["name"], other)
        if entry is other:
            continue
        if other["state"] == SUSPENDED and entry["state"] != SUSPENDED:
            entry = {**entry, "state": SUSPENDED, "since": other["since"], "reason": other["reason"]}
        known, lag = entry["lag_seconds"], other["lag_seconds"]
        sizes = [size for size in (entry["lag_bytes"], other["lag_bytes"]) if size is not None]
        tables[other["name"]] = {
            **entry,
            "lag_seconds": None if known is None or lag is None else max(known, lag),
            "lag_bytes": max(sizes, default=None),
            "workers": {**entry["workers"], **other["workers"]},
        }
    return {
        **capture,
        "role": f"{Role.CAPTURE.value}+{Role.APPLY.value}",
        "state": min(capture["state"], sinks["state"], key=_WORST_FIRST.index),
        "problems": [*capture["problems"], *sinks["problems"]],
        "workers": [*capture["workers"], *sinks["workers"]],
        "tables": sorted(tables.values(), key=lambda entry: str(entry["name"])),
    }


def never_ran(name: str) -> dict[str, Any]:
    return pipeline_status(name, "stopped", [], [])


def one_line(name: str, state: str, workers: Sequence[WorkerHealth], problems: Sequence[str]) -> str:
    """systemd's STATUS=."""
    if problems:
        return f"{name} is {state}: {problems[0]}"
    parts = []
    for worker in workers:
        lag = worker.lag_seconds()
        parts.append(f"{worker.name} {worker.state}" + ("" if lag is None else f", lag {lag:.1f} s"))
    return f"{name} is {state}: {'; '.join(parts)}"
