"""What a soak has shown, as a table and as a line of JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.checking.anomalies import Anomalies


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault.

    Attributes:
        told: seconds from the fault until status said it; None: it never did.
        recovered: seconds from its end until a row that was written then was in every target; None: not in time.
        well: seconds from its end until status called everything well.
    """

    fault: str
    victim: str
    told: float | None
    recovered: float | None
    well: float | None

    @property
    def survived(self) -> bool:
        return self.recovered is not None and self.well is not None

    def line(self) -> str:
        parts = (
            "status never said so" if self.told is None else f"said after {self.told:.1f} s",
            "not recovered" if self.recovered is None else f"recovered in {self.recovered:.1f} s",
            "not well again" if self.well is None else f"well in {self.well:.1f} s",
        )
        return f"{self.fault} ({self.victim}): {', '.join(parts)}"


@dataclass
class Scorecard:
    """
    Attributes:
        looks: into targets, in one snapshot each.
        failures: what went wrong besides.
    """

    seed: int
    trials: list[Trial] = field(default_factory=list)
    anomalies: Anomalies = field(default_factory=Anomalies)
    events: int = 0
    looks: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, anomalies: Anomalies) -> None:
        self.anomalies.counts.update(anomalies.counts)
        for kind, examples in anomalies.examples.items():
            self.anomalies.examples.setdefault(kind, []).extend(examples)

    def to_json(self) -> dict[str, Any]:
        counts = self.anomalies.counts
        told = [trial.told for trial in self.trials if trial.told is not None]
        recovered = [trial.recovered for trial in self.trials if trial.recovered is not None]
        well = [trial.well for trial in self.trials if trial.well is not None]
        return {
            "tried": len(self.trials),
            "survived": sum(trial.survived for trial in self.trials),
            "lost": counts["lost"] + counts["unseen"],
            "wrong": counts["wrong"] + counts["nonmonotonic"],
            "duplicates": counts["duplicate"],
            "recovery_p50_s": percentile(recovered, 50),
            "recovery_p95_s": percentile(recovered, 95),
            "status_p50_s": percentile(told, 50),
            "status_p95_s": percentile(told, 95),
            "status_untold": len(self.trials) - len(told),
            "well_p95_s": percentile(well, 95),
            "looks": self.looks,
            "failures": len(self.failures),
            "seed": self.seed,
        }

    @property
    def good(self) -> bool:
        """Nothing was lost, wrong or twice, everything was survived, and status told the truth."""
        untold = any(trial.told is None for trial in self.trials)
        survived = all(trial.survived for trial in self.trials)
        return survived and not untold and not self.anomalies.counts and not self.failures

    def text(self) -> str:
        """For a person: each fault's numbers, then what was found."""
        lines = [f"{'fault':24}{'tried':>6}{'survived':>10}{'said, s':>12}{'recovered, s':>14}{'well, s':>10}"]
        for fault in sorted({trial.fault for trial in self.trials}):
            trials = [trial for trial in self.trials if trial.fault == fault]
            survived = sum(trial.survived for trial in trials)
            worst = (_worst(getattr(trial, name) for trial in trials) for name in ("told", "recovered", "well"))
            said, recovered, well = worst
            lines.append(f"{fault:24}{len(trials):6}{survived:10}{said:>12}{recovered:>14}{well:>10}")
        lines += [f"{kind}: {example}" for kind, examples in self.anomalies.examples.items() for example in examples]
        return "\n".join([*lines, *self.failures])


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The nearest rank, to a tenth; None of nothing."""
    ordered = sorted(values)
    return round(ordered[math.ceil(percent / 100 * len(ordered)) - 1], 1) if ordered else None


def _worst(values: Iterable[float | None]) -> str:
    found = list(values)
    return "never" if None in found else f"{max(value for value in found if value is not None):.1f}"
