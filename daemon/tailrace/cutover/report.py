"""What cut-over found and did, per sink and table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tailrace.structure import FAILED, FOREIGN_KEY, INDEX, MADE, NOTE, NUMBERING, OBJECT, TO_MAKE, Outcome
from tailrace.verify import Verification

#: How the kinds of outcomes are called in JSON.
_MEMBERS = {INDEX: "indexes", FOREIGN_KEY: "foreign_keys", NUMBERING: "sequences", OBJECT: "objects"}


@dataclass(slots=True)
class Report:
    """
    Attributes:
        dry_run: nothing was waited for, verified or changed.
        position: the source's, up to which the targets were caught up with when they were compared; "" unknown.
        writes: events that capture has handed on while the tables were compared; None unknown.
        verification: None with `dry_run`.
        outcomes: by sink.
    """

    dry_run: bool = False
    position: str = ""
    writes: int | None = None
    verification: Verification | None = None
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        return self.verification is None or self.verification.equal

    def count(self, state: str) -> int:
        return sum(outcome.state == state for sink in self.outcomes.values() for outcome in sink)

    @property
    def done(self) -> bool:
        """Nothing stands in the way of the switch."""
        return self.equal and not self.count(FAILED)

    def to_dict(self) -> dict[str, Any]:
        verified = self.verification
        return {
            "done": self.done and not self.dry_run,
            "dry_run": self.dry_run,
            "position": self.position,
            "writes": self.writes,
            "verification": verified.to_dict() if verified is not None else None,
            "made": self.count(MADE),
            "to_make": self.count(TO_MAKE),
            "failed": self.count(FAILED),
            "sinks": [self._sink(name, outcomes) for name, outcomes in self.outcomes.items()],
        }

    def _sink(self, name: str, outcomes: list[Outcome]) -> dict[str, Any]:
        comparisons = {c.table: c for c in self.verification.tables if c.sink == name} if self.verification else {}
        tables: dict[str, dict[str, Any]] = {
            table: {"table": table, "rows": found.target_rows, "verified": found.equal, **_empty()}
            for table, found in comparisons.items()
        }
        for outcome in outcomes:
            if outcome.kind == NOTE:
                continue
            table = tables.setdefault(
                outcome.table, {"table": outcome.table, "rows": None, "verified": None, **_empty()}
            )
            entry = outcome.to_dict()
            table[_MEMBERS[outcome.kind]].append({key: entry[key] for key in ("name", "state", "detail", "statement")})
        notes = [outcome.detail for outcome in outcomes if outcome.kind == NOTE]
        return {"name": name, "tables": [tables[key] for key in sorted(tables)], "notes": notes}


def _empty() -> dict[str, list[Any]]:
    return {member: [] for member in _MEMBERS.values()}
