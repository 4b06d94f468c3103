"""START_REPLICATION: the stream of CopyData messages, and our status updates to the server.

PostgreSQL manual, "Streaming Replication Protocol".
"""

from __future__ import annotations

import select
import time
from struct import Struct

from tailrace.errors import UnreachableError
from tailrace_postgres.connection import STATEMENT_SECONDS, Connection, identifier, literal
from tailrace_postgres.libpq import Copy, CopyEndedError
from tailrace_postgres.lsn import lsn_text

_STATUS = Struct("!cQQQqB")
_EPOCH_US = 946_684_800_000_000


class ReplicationStream:
    """One walsender's output.

    Attributes:
        heard_at: monotonic time of the last message.
        reported_at: monotonic time of the last status update.
    """

    def __init__(self, connection: Connection, slot: str, start: int, publications: list[str]) -> None:
        """Begins to stream at a transaction's boundary.

        Raises:
            UnreachableError, RefusedError: among them: somebody else uses the slot.
        """
        self._connection = connection
        self._copy = Copy(connection.raw, connection.where)
        self._poller = select.poll()
        self._poller.register(connection.fileno(), select.POLLIN)
        self.heard_at = self.reported_at = time.monotonic()
        # A list of identifiers within a literal: quoted twice.
        names = literal(",".join(identifier(name) for name in publications))
        self._copy.send(
            f"START_REPLICATION SLOT {identifier(slot)} LOGICAL {lsn_text(start)}"
            f" (proto_version '1', publication_names {names})"
        )
        deadline = time.monotonic() + STATEMENT_SECONDS
        while not self._copy.started():
            if time.monotonic() > deadline:
                raise UnreachableError("no answer to START_REPLICATION", where=connection.where)
            self.wait(0.5)

    def next(self) -> bytes | None:
        """The next message that is here already; None when there is none.

        Raises:
            UnreachableError: the server ended the stream, or the link broke.
        """
        try:
            message = self._copy.fetch()
        except CopyEndedError:
            raise UnreachableError("the server ended the replication", where=self._connection.where) from None
        if message is not None:
            self.heard_at = time.monotonic()
        return message

    def wait(self, seconds: float) -> None:
        """Until something arrives, or the time is up."""
        if seconds > 0:
            self._poller.poll(seconds * 1000)

    def report(self, received: int, flushed: int, ask: bool) -> None:
        """Sends a status update.

        Args:
            received: end of the log that has arrived.
            flushed: what the server may forget (I1).
            ask: wants a sign of life back.
        """
        clock = time.time_ns() // 1000 - _EPOCH_US
        self._copy.put(_STATUS.pack(b"r", received, flushed, flushed, clock, int(ask)))
        self.reported_at = time.monotonic()
