"""What `status` must say of a fault, if it tells the truth (I8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.soak.line import Status

WELL = ("loading", "streaming")
#: A report is a second old at most, and the load has a change in every half second: so much less may be said.
SLACK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one pipeline says while a fault lasts, or after it.

    Attributes:
        before: what it said before the fault.
        seconds: since the fault.
        workers: whom it has met.
    """

    before: Status
    now: Status
    seconds: float
    workers: tuple[str, ...]


Says = Callable[[Told], bool]


def gone(told: Told) -> bool:
    """There is no daemon any more."""
    return str(told.now["state"]) == "stopped"


def silent(told: Told) -> bool:
    """There is one that does not answer."""
    return str(told.now["state"]) == "silent"


def restarted(told: Told) -> bool:
    """The workers are being started again, or were."""
    before, now = _workers(told.before), _workers(told.now)
    return all(
        name in now and (now[name]["restarts"] > before[name]["restarts"] or now[name]["state"] == "restarting")
        for name in told.workers
    )


def retrying(told: Told) -> bool:
    """The pipeline is not well, because the workers cannot reach their systems."""
    now = _workers(told.now)
    ill = all(name in now and now[name]["state"] not in WELL and now[name]["error"] for name in told.workers)
    return ill and told.now["state"] == "stuck"


def anything(told: Told) -> bool:
    """It answers: what the fault leaves may be quick enough for all that there is to do."""
    return told.now["state"] not in ("stopped", "silent")


def behind(told: Told) -> bool:
    """How far the workers are behind is unknown, or at least as long as the fault lasts; or that they cannot go on.

    Not asked before an answer could be wrong.
    """
    now = _workers(told.now)
    return told.seconds > 2 * SLACK_SECONDS and all(
        name in now
        and (
            now[name]["state"] not in WELL
            or now[name]["lag_seconds"] is None
            or now[name]["lag_seconds"] >= told.seconds - SLACK_SECONDS
        )
        for name in told.workers
    )


def _workers(status: Status) -> Mapping[str, Mapping[str, Any]]:
    return {worker["name"]: worker for worker in status["workers"]}
