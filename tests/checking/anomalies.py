"""What can be wrong with a stream or a target, counted by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: In the words of Jepsen's Kafka workload, and `wrong`, which that workload does not tell apart.
KINDS = ("lost", "duplicate", "unseen", "nonmonotonic", "wrong")
EXAMPLES = 5


@dataclass
class Anomalies:
    """Of one check.

    * lost: a change is not there, though a later one of its row is;
    * duplicate: an event is there for another time;
    * unseen: a change is not there, nor a later one of its row: the stream has not come so far;
    * nonmonotonic: an event of a row comes behind a later one, or in another partition;
    * wrong: an event or row says what the source never held, or rolled back.

    Attributes:
        examples: the first few of each kind, for a person.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, what: str) -> None:
        assert kind in KINDS
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(what)

    def require_none(self) -> None:
        """Raises AssertionError with the counts and the examples."""
        assert not self.counts, f"{dict(self.counts)}: {self.examples}"
