"""What is in the way of a translation."""

from __future__ import annotations

from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.translation import Remark


class RefusalError(Exception):
    """There is no translation that surely means the same. Caught where a translation is given back.

    Args:
        code: stable, of short words with dashes.
        reason: what is in the way, naming the piece of SQL.
        proposal: what a person can do.
    """

    def __init__(self, code: str, reason: str, proposal: str = "", complexity: Complexity = Complexity.SIMPLE) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.proposal = proposal or "write it for the target by hand, or leave it out"
        self.complexity = complexity

    @property
    def remark(self) -> Remark:
        return Remark(self.code, Grade.BY_HAND, self.reason, self.proposal, self.complexity)
