"""results.json: a head, and a record for each path, work and contender with a list entry for each run."""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Run
from tests import servers
from tests.servers import debezium

FILE = Path(__file__).parent / "results.json"
LISTS = ("rows", "seconds", "cpu_seconds", "peak_rss_mb", "latency_ms")

Record = dict[str, Any]


def record(path: str, work: str, contender: str, runs: Iterable[Run]) -> Record:
    """Everything that was measured of one contender."""
    taken = list(runs)
    made: Record = {"path": path, "work": work, "contender": contender}
    made |= {name: [getattr(run, name) for run in taken] for name in LISTS}
    further = dict.fromkeys(name for run in taken for name in run.more)
    return made | {name: [run.more.get(name) for run in taken] for name in further}


def identity(entry: Record) -> tuple[str, str, str]:
    """What tells a record from others."""
    return entry["path"], entry["work"], entry["contender"]


class Results:
    """The file's content. A record replaces the one of the same path, work and contender; others stay.

    Records of one `Results` have the same `run`: only those were measured by turns and may be compared.
    """

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._run = datetime.datetime.now(datetime.UTC).isoformat()
        self.head: dict[str, Any] = {}
        self.records: list[Record] = []
        if file.exists():
            content = json.loads(file.read_text())
            self.head, self.records = content["head"], content["records"]

    def put(self, entry: Record, command: str) -> None:
        """Adds a record and writes the file; the head then tells of this machine, today and `command`."""
        self.head = head(command)
        entry = entry | {"run": self._run, "command": command}
        known = [identity(other) for other in self.records]
        if identity(entry) in known:
            self.records[known.index(identity(entry))] = entry
        else:
            self.records.append(entry)
        self._file.write_text(json.dumps({"head": self.head, "records": self.records}, indent=1) + "\n")

    def pair(self, path: str, work: str, one: str, other: str) -> tuple[Record, Record] | None:
        """The records of two contenders, if one run has both."""
        ours, theirs = self.find(path, work, one), self.find(path, work, other)
        return (ours, theirs) if ours and theirs and ours["run"] == theirs["run"] else None

    def find(self, path: str, work: str, contender: str) -> Record | None:
        """The record, if it was ever measured."""
        wanted = (path, work, contender)
        return next((entry for entry in self.records if identity(entry) == wanted), None)


def head(command: str) -> dict[str, Any]:
    """Machine, versions, date and command."""
    packages = ("tailrace", "confluent-kafka", "psycopg2-binary", "mysql-replication", "PyMySQL", "orjson")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": command,
        "machine": {"cpu": _cpu(), "cores": len(_lines("/proc/cpuinfo", "processor")), "memory": _memory()},
        "versions": {
            "kernel": platform.release(),
            "python": platform.python_version(),
            **{package: version(package) for package in packages},
            **{kind: server.version for kind, server in servers.KINDS.items()},
            **{f"debezium-{connector}": number for connector, number in debezium.VERSIONS.items()},
        },
    }


def _lines(file: str, name: str) -> list[str]:
    return [line.partition(":")[2].strip() for line in Path(file).read_text().splitlines() if line.startswith(name)]


def _cpu() -> str:
    return next(iter(_lines("/proc/cpuinfo", "model name")), platform.machine())


def _memory() -> str:
    return f"{int(_lines('/proc/meminfo', 'MemTotal')[0].split()[0]) / (1 << 20):.0f} GiB"
