"""What a run of the matrix has done, in a file: a later run goes on behind it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Engine:
    """Of one engine.

    Attributes:
        rounds: that were done, failed ones included.
        ways: how often each way of ending processes was taken.
        events: of the streams, tombstones and control events not counted.
        sums: looks at a target in the midst of the load whose balances had their sum.
        anomalies: by kind; the examples of each are in `failures`.
        failures: what was found in which round; the round is not taken again.
    """

    rounds: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    events: int = 0
    sums: int = 0
    seconds: float = 0.0
    anomalies: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


class Progress:
    """Of all engines; stored after each round.

    Args:
        plan: what the runs must agree in: to go on with another one would be no run at all.
    """

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self._path = path
        self._plan = dict(plan)
        self.engines: dict[str, Engine] = {}
        if not path.exists():
            return
        stored = json.loads(path.read_text())
        if stored["plan"] != self._plan:
            raise SystemExit(f"{path} is of another plan ({stored['plan']}): remove it, or name another file")
        for name, fields in stored["engines"].items():
            fields |= {key: Counter(fields[key]) for key in ("ways", "anomalies")}
            self.engines[name] = Engine(**fields)

    def of(self, engine: str) -> Engine:
        return self.engines.setdefault(engine, Engine())

    def store(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self.summary(), indent=1))
        os.replace(new, self._path)

    def summary(self) -> dict[str, Any]:
        return {"plan": self._plan, "engines": {name: vars(engine) for name, engine in self.engines.items()}}
