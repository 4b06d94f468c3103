"""What a read could see: `pg_current_snapshot()` against the transactions of the log.

PostgreSQL manual, "Transaction ID and Snapshot Information Functions".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace_postgres.connection import Connection


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot's text, ``xmin:xmax:xip,…``, read. Transaction ids have 64 bits here, 32 in the log.

    Attributes:
        xmin: everything below is over.
        xmax: everything from here on had not begun, or is not visible in any case.
        running: those between that were not over.
    """

    xmin: int
    xmax: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(xid) for xid in running.split(",") if xid))

    @classmethod
    def now(cls, connection: Connection) -> Snapshot:
        """What a query sees now, or the open REPEATABLE READ transaction, whose first query this may be.

        A standby does not print which transactions were running: there only what is below `xmin` is known to be seen.
        It is asked first, by a statement that takes no snapshot, because it may be promoted meanwhile.
        """
        standby = connection.value("SHOW in_hot_standby") == "on"
        snapshot = cls.parse(connection.value("SELECT pg_current_snapshot()::text"))
        return replace(snapshot, xmax=snapshot.xmin) if standby else snapshot

    def sees(self, transaction: str) -> bool:
        """Whether a committed transaction of the log was visible; `transaction` is its 32-bit id."""
        return self.sees_xid(self.widened(int(transaction)))

    def sees_xid(self, xid: int) -> bool:
        return xid < self.xmin or (xid < self.xmax and xid not in self.running)

    def widened(self, xid: int) -> int:
        """The 64-bit id nearest to the snapshot: transactions of the log are never two billion old."""
        wide = self.xmax & ~0xFFFFFFFF | xid
        if wide - self.xmax > 0x80000000:
            return wide - 0x100000000
        if self.xmax - wide > 0x80000000:
            return wide + 0x100000000
        return wide

    def covers(self, other: Snapshot) -> bool:
        """Whether everything that `other` sees is seen here, too."""
        if any(other.sees_xid(xid) for xid in self.running):
            return False
        return not any(other.sees_xid(xid) for xid in range(self.xmax, other.xmax))
