"""The soak itself: the load, a fault, what becomes of it, the next fault, and the check at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from tests.soak.faults import Deck, Fault, Rig, Victim
from tests.soak.line import Line, Status
from tests.soak.scorecard import Scorecard, Trial
from tests.soak.telling import Told

#: How long what lasts lasts at least, and until status says it, at most.
OUTAGE_SECONDS, UNTOLD_SECONDS = 5.0, 30.0
RECOVERY_SECONDS = 120.0
POLL_SECONDS = 0.1


class Soak:
    """
    Args:
        seconds: how long faults come.
        every: so often at most; one waits until the one before is over.
        say: takes a line for a person.
    """

    def __init__(
        self,
        rig: Rig,
        deck: Deck,
        seed: int,
        seconds: float,
        every: float,
        outage: float = OUTAGE_SECONDS,
        say: Callable[[str], None] = print,
    ) -> None:
        self._rig = rig
        self._deck = deck
        self._seconds = seconds
        self._every = every
        self._outage = outage
        self._say = say
        self.scorecard = Scorecard(seed)

    def run(self) -> Scorecard:
        card = self.scorecard
        with contextlib.ExitStack() as stack:
            for line in self._rig.lines:
                stack.callback(line.kill_all)
            with contextlib.ExitStack() as load:
                for line in self._rig.lines:
                    load.enter_context(line.working())
                end = time.monotonic() + self._seconds
                while time.monotonic() < end:
                    next_ = time.monotonic() + self._every
                    trial = self._try(*self._deck.draw())
                    card.trials.append(trial)
                    self._say(trial.line())
                    time.sleep(max(0.0, min(next_, end) - time.monotonic()))
            for line in self._rig.lines:
                self._check(line)
        return card

    def _check(self, line: Line) -> None:
        try:
            line.check()
        except AssertionError as error:
            self.scorecard.failures.append(f"{line.name}: {error}")
        self.scorecard.add(line.anomalies)
        self.scorecard.looks += line.looks

    # ---- one fault

    def _try(self, fault: Fault, victim: Victim) -> Trial:
        before = {line.name: line.status() for line in victim.lines}
        begun = time.monotonic()
        told: float | None = None
        with fault.make(victim):
            while fault.lasting:
                if told is None and self._told(fault, victim, before, begun):
                    told = time.monotonic() - begun
                if time.monotonic() - begun >= (self._outage if told is not None else UNTOLD_SECONDS):
                    break
                time.sleep(POLL_SECONDS)
        over = time.monotonic() if fault.lasting else begun
        markers: dict[str, int] = {}
        recovered: float | None = None
        well: float | None = None
        while time.monotonic() - over < RECOVERY_SECONDS and well is None:
            if not fault.lasting and told is None and self._told(fault, victim, before, begun):
                told = time.monotonic() - begun
            for line in self._rig.lines:
                if line.name not in markers:
                    with contextlib.suppress(Exception):  # the source is not back yet
                        markers[line.name] = line.markers.write()
            if recovered is None and self._arrived(markers):
                recovered = time.monotonic() - over
            if recovered is not None and all(line.well for line in self._rig.lines):
                well = time.monotonic() - over
            else:
                time.sleep(POLL_SECONDS)
        if well is None:
            self._mend(f"{fault.name} ({victim.name})")
        return Trial(fault.name, victim.name, told, recovered, well)

    def _arrived(self, markers: dict[str, int]) -> bool:
        lines = self._rig.lines
        return len(markers) == len(lines) and not any(line.missing(markers[line.name]) for line in lines)

    def _told(self, fault: Fault, victim: Victim, before: dict[str, Status], begun: float) -> bool:
        return all(
            fault.says(Told(before[line.name], line.status(), time.monotonic() - begun, victim.workers))
            for line in victim.lines
        )

    def _mend(self, what: str) -> None:
        """Nothing goes on by itself: what is said of it is kept, and a daemon that has ended is started again."""
        for line in self._rig.lines:
            status = line.status()
            problems = status.get("problems", [])
            self.scorecard.failures.append(
                f"{what}: {line.name} is {status['state']}: {problems}; {line.said()[-1500:]}"
            )
            if line.process is not None and line.process.poll() is not None:
                line.start()
