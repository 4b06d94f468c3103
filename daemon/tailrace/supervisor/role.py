"""Which workers of its pipeline a daemon runs; daemons of different roles get along in one state folder."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Of `tailrace run --role`."""

    BOTH = "both"
    CAPTURE = "capture"
    APPLY = "apply"

    @property
    def captures(self) -> bool:
        return self is not Role.APPLY

    @property
    def applies(self) -> bool:
        return self is not Role.CAPTURE

    @property
    def locks(self) -> tuple[str, ...]:
        """Names of the lock files that it holds: one for the source's side, one for the sinks'."""
        capture, apply = "lock", "apply.lock"
        return {Role.BOTH: (capture, apply), Role.CAPTURE: (capture,), Role.APPLY: (apply,)}[self]

    @property
    def socket(self) -> str:
        """Where it answers."""
        return "control.sock" if self.captures else "apply.sock"

    @property
    def status(self) -> str:
        """Where its last status is kept."""
        return "status.json" if self.captures else "apply-status.json"
