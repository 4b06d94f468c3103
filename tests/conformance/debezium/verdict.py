"""What a recording says of each case."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from tests.conformance.debezium.case import Case
from tests.conformance.debezium.comparison import Found, compare
from tests.conformance.debezium.declared import Place
from tests.conformance.debezium.differences import name_of
from tests.conformance.debezium.recording import Recording


@dataclass
class Verdict:
    """Of one case.

    Attributes:
        places: the differences on purpose that occurred, and where.
        complaints: what is wrong, a line each; empty where nothing is.
    """

    case: str
    events: int = 0
    places: set[Place] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """`failed`, `differs` (on purpose) or `equal`."""
        return "failed" if self.complaints else "differs" if self.places else "equal"


def judge(cases: Sequence[Case], recording: Recording, declared: Collection[Place]) -> list[Verdict]:
    """A verdict for each case.

    Args:
        declared: what must occur, and nothing else.
    """
    owner = {table: _owner(table, cases) for table in _tables(recording)}
    verdicts = [_judge(case, recording, declared, owner) for case in cases]
    strangers = sorted(table for table, case in owner.items() if not case)
    if strangers and verdicts:
        verdicts[0].complaints.append(f"there are events of tables that no case has: {', '.join(strangers)}")
    return verdicts


def _tables(recording: Recording) -> set[str]:
    return {event.table for event in (*recording.ours, *recording.theirs)} | set(recording.suspended)


def _owner(table: str, cases: Sequence[Case]) -> str:
    """The case whose table it is: the one with the longest name."""
    return max((case.name for case in cases if case.owns(table)), key=len, default="")


def _judge(case: Case, recording: Recording, declared: Collection[Place], owner: dict[str, str]) -> Verdict:
    verdict = Verdict(case.name)
    if case.name in recording.broken:
        verdict.complaints.append(f"the server refuses {recording.broken[case.name]}")
        return verdict
    ours, theirs = (
        [event for event in side if owner[event.table] == case.name] for side in (recording.ours, recording.theirs)
    )
    verdict.events = len(ours)
    verdict.complaints += [
        f"tailrace does not follow {table}: {reason}"
        for table, reason in recording.suspended.items()
        if owner[table] == case.name
    ]
    if not ours and not theirs:
        verdict.complaints.append("there are no events at all")
    unknown: list[Found] = []
    for found in compare(ours, theirs, recording.types):
        name = name_of(found)
        if name:
            verdict.places.add((name, f"{case.name}/{found.where}"))
        else:
            unknown.append(found)
    verdict.complaints += [f"differs: {found}" for found in unknown]
    expected = {(name, place) for name, place in declared if place.partition("/")[0] == case.name}
    verdict.complaints += [f"undeclared: {name} at {place}" for name, place in sorted(verdict.places - expected)]
    verdict.complaints += [
        f"declared, but does not occur: {name} at {place}" for name, place in sorted(expected - verdict.places)
    ]
    return verdict
