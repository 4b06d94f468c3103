"""A pipeline whose workers do what a test says: for the supervisor's tests, which need no database.

The worker processes are real ones, started and spoken to as `tailrace run` does; only what they do inside is ours.
Each worker has a list of behaviours, one for each of its starts, the last one for all further starts.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tailrace import worker
from tailrace.errors import ConfigError, DataLossError, RefusedError, StuckError, TailraceError, UnreachableError
from tailrace.report import Control, Reporter, TableReport, WorkerReport

if TYPE_CHECKING:  # workers that import nothing else start in half the time
    from tailrace.config import Pipeline

#: How a supervisor starts these workers.
COMMAND = (sys.executable, "-m", "tests.doubles.pipeline")

ERRORS: dict[str, TailraceError] = {
    "refused": RefusedError("password authentication failed", where="db.example", fix="correct it"),
    "config": ConfigError("there is no such key", where="shop.toml", fix="remove it"),
    "data loss": DataLossError("the log is gone", where="db.example", fix="load anew"),
    "stuck": StuckError("a value cannot be carried", where="shop.users", fix="change the column"),
    "unreachable": UnreachableError("no answer", where="db.example", fix="start it"),
}


@dataclass(frozen=True)
class Named:
    connector: str = "double"
    name: str = ""


@dataclass(frozen=True)
class Http:
    address: tuple[str, int] | None = None


@dataclass(frozen=True)
class DoublePipeline:
    """As much of a `Pipeline` as the supervisor and `tailrace.worker` look at."""

    state_dir: Path
    behaviours: dict[str, list[str]]
    name: str = "shop"
    mode: str = "full-load-and-cdc"
    listen: tuple[str, int] | None = None
    file: str = "shop.toml"
    source: Named = Named()
    stream: Named = Named()
    sinks: tuple[Named, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sinks", tuple(Named(name=name) for name in self.behaviours if name != "capture"))

    @property
    def http(self) -> Http:
        return Http(self.listen)

    @property
    def text(self) -> str:
        return orjson.dumps({"state_dir": str(self.state_dir), "behaviours": self.behaviours}).decode()

    def starts(self, name: str) -> list[dict[str, Any]]:
        """What each start of a worker noted: its process id and its order."""
        journal = self.state_dir / f"{name}.starts"
        return [orjson.loads(line) for line in journal.read_bytes().splitlines()] if journal.exists() else []


def pipeline(state_dir: Path, behaviours: dict[str, Sequence[str]], **more: Any) -> Any:
    """A double; typed as anything, because it stands for a `Pipeline`."""
    return DoublePipeline(state_dir, {name: list(steps) for name, steps in behaviours.items()}, **more)


def _load(order: worker.Order) -> Pipeline:
    raw = orjson.loads(order.text)
    loaded: Any = DoublePipeline(Path(raw["state_dir"]), raw["behaviours"])
    return loaded  # type: ignore[no-any-return]


def _run(loaded: Any, order: worker.Order, control: Control, reporter: Reporter) -> None:
    number = len(loaded.starts(order.name))
    with open(loaded.state_dir / f"{order.name}.starts", "ab") as journal:
        entry = asdict(order) | {"pid": os.getpid(), "environment": sorted(os.environ)}
        journal.write(orjson.dumps(entry) + b"\n")
    steps = loaded.behaviours[order.name]
    _behave(steps[min(number, len(steps) - 1)], order.name, control, reporter)


def _behave(behaviour: str, name: str, control: Control, reporter: Reporter) -> None:
    report = WorkerReport(name, position="binlog.000003:4", lag_seconds=0.25, lag_bytes=17)
    verb, _, argument = behaviour.partition(":")
    if verb in ERRORS:
        raise ERRORS[verb]
    if verb == "bug":
        raise KeyError("a secret of row 17")
    if verb == "signal":
        os.kill(os.getpid(), signal.Signals[argument])
    if verb == "retrying":
        report.state, report.error = "retrying", str(ERRORS["unreachable"])
        _until(control, reporter, report, advance=False)
    elif verb == "says stuck":
        report.state, report.error = "stuck", str(ERRORS["stuck"])
        _until(control, reporter, report, advance=False)
    elif verb == "loading":
        rows, total = map(int, argument.split("/"))
        report.state, report.tables = "loading", [TableReport("shop.users", "loading", rows=rows, total=total)]
        _until(control, reporter, report)
    elif verb == "silent":
        report.state = "streaming"
        _until(control, reporter, report, advance=False)
    elif verb in ("paused", "caught up"):
        report.state = "paused" if verb == "paused" else "streaming"
        report.lag_bytes = 0 if verb == "caught up" else 17
        _until(control, reporter, report, advance=verb != "paused")
    elif verb in ("away", "connects", "back"):  # its system goes away after a while; what then follows
        report.state = "streaming"
        _until(control, reporter, report, seconds=0.2, leaves=False)
        error = str(ERRORS["unreachable"])
        while verb != "back" and not control.stop.is_set():
            report.state, report.error = "retrying", error
            _until(control, reporter, report, advance=False, seconds=0.05)
            if verb == "connects":
                report.state, report.error = "streaming", ""
                _until(control, reporter, report, advance=False, seconds=0.05)
        if verb == "back":
            report.state, report.error = "retrying", error
            _until(control, reporter, report, advance=False, seconds=float(argument))
            report.state, report.error = "streaming", ""
            _until(control, reporter, report)
    elif verb == "busy":  # looks all the time whether it is to leave
        report.state = "streaming"
        reporter.send(report)
        while not control.stop.wait(0):
            pass
    elif verb == "suspended":
        report.tables = [TableReport("shop.users", "suspended", reason="no key")]
        report.state = "streaming"
        _until(control, reporter, report)
    elif verb == "deaf":  # to SIGTERM
        report.state = "streaming"
        reporter.send(report)
        control.stop.wait()
        time.sleep(float(argument))
    else:
        report.state = "streaming"
        report.tables = [TableReport("shop.users", "streaming", rows=3, total=3)]
        if verb == "die":  # as by the kernel's OOM killer
            threading.Timer(float(argument or 0.2), os.kill, (os.getpid(), signal.SIGKILL)).start()
        if verb == "fails later":
            reporter.send(report)
            control.stop.wait(0.2)
            raise ERRORS[argument]
        if verb == "ends":
            reporter.send(report)
            return
        _until(control, reporter, report)


def _until(
    control: Control,
    reporter: Reporter,
    report: WorkerReport,
    advance: bool = True,
    seconds: float = math.inf,
    leaves: bool = True,
) -> None:
    """Reports every 20 ms, for `seconds` or until asked to stop or, where it advances and `leaves`, to finish."""
    end = time.monotonic() + seconds
    while not control.stop.is_set() and time.monotonic() < end:
        if advance:
            report.progress += 1
            report.events += 2
            report.bytes += 1600
        reporter.send(report)
        if advance and leaves and control.finish.is_set():
            return
        control.stop.wait(0.02)


if __name__ == "__main__":
    worker.leave(worker.main(_load, _run))
