"""Transactions prepared by XA: their changes stand in the log long before their outcome does.

The stored position names where the earliest of them begins. After a restart the log is read from there, and what is
done is passed over.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tailrace.errors import AGAIN, LogGoneError
from tailrace.logs import logger
from tailrace_mysql.binlog.events import Gtid
from tailrace_mysql.binlog.held import Changes, Room
from tailrace_mysql.gtid import GtidState
from tailrace_mysql.restart import Restart

#: One that waits for so long is worth a word.
LONG_SECONDS = 60.0

log = logger()


@dataclass(slots=True)
class Waiting:
    """One prepared transaction.

    Attributes:
        since: where a re-read must begin to meet it.
        changes: of captured tables; None: it has none.
        prepared: seconds since 1970, by the server's clock.
        said: that it waits for long was logged.
    """

    since: Restart
    changes: Changes | None
    prepared: int
    said: bool = False


class Passed:
    """What is done, of what is read again.

    Args:
        restart: a position with something held; everything before it is done.
        gtids: the same by transaction ids.
    """

    def __init__(self, restart: Restart, gtids: GtidState) -> None:
        self.since = restart.begin
        self._end = restart.mark
        # On another server than the position's, places say nothing (see `resume`).
        self._gtids = gtids if restart.begin.mark == restart.mark else None

    def covers(self, transaction: Gtid, mark: str) -> bool:
        if self._gtids is not None:
            return self._gtids.has(transaction.source, transaction.number)
        return mark < self._end

    def ends_at(self, mark: str) -> bool:
        """Whether nothing is done from that place on. Another server may have another order: there it never ends."""
        return self._gtids is None and mark >= self._end


class Prepared:
    """All that wait, by the transaction's name."""

    def __init__(self, room: Room, blind: bool) -> None:
        self.room = room
        self.blind = blind
        self._waiting: dict[str, Waiting] = {}

    def park(self, name: str, waiting: Waiting) -> None:
        if name in self._waiting:
            log.warning(
                "a transaction prepared by XA was decided without a word in the log; its changes are left out",
                transaction=name,
                place=str(self._waiting[name].since),
            )
            self.drop(name)
        self._waiting[name] = waiting

    def find(self, name: str) -> Waiting | None:
        return self._waiting.get(name)

    def drop(self, name: str) -> None:
        """It is decided, and what that means is done."""
        waiting = self._waiting.pop(name, None)
        if waiting is not None and waiting.changes is not None:
            waiting.changes.close()

    def close(self) -> None:
        """Gives up what is held; a re-read meets it again."""
        for name in list(self._waiting):
            self.drop(name)

    def missed(self, name: str, place: str) -> None:
        """One was committed of which the log that was read knows nothing.

        Most often it has no captured table.

        Raises:
            LogGoneError: nobody can say so, because it was perhaps prepared before capture began.
        """
        if self.blind:
            raise LogGoneError(
                f"the transaction {name} was prepared by XA before capture began; what it changed is not known",
                where=place,
                fix="GRANT XA_RECOVER_ADMIN ON *.* TO the source's user (with `start`, tear down, then begin before it"
                f" was prepared); {AGAIN}",
            )

    @property
    def since(self) -> Restart | None:
        """Where the earliest begins."""
        return min((waiting.since for waiting in self._waiting.values()), key=lambda place: place.mark, default=None)

    def remind(self, now: float | None = None) -> None:
        """Logs, once for each, what waits for long.

        Args:
            now: seconds since 1970; None: all of them count, as found at start.
        """
        for name, waiting in self._waiting.items():
            if waiting.said or waiting.changes is None:
                continue
            if now is None or now - waiting.prepared >= LONG_SECONDS:
                waiting.said = True
                log.warning(
                    "a transaction prepared by XA waits for XA COMMIT or XA ROLLBACK; its changes are held",
                    transaction=name,
                    place=str(waiting.since),
                    seconds=max(0, round(time.time() - waiting.prepared)),
                )
