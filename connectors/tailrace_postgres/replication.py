"""START_REPLICATION: the stream of CopyData messages, and our status updates to the server.

PostgreSQL manual, "Streaming Replication Protocol".
"""

from __future__ import annotations

import os
import select
import socket
import time
from struct import Struct

from tailrace.emitter import Emitter
from tailrace.errors import UnreachableError
from tailrace_postgres.connection import STATEMENT_SECONDS, Connection, identifier, literal
from tailrace_postgres.libpq import Copy, CopyEndedError
from tailrace_postgres.lsn import lsn_text
from tailrace_postgres.pgoutput import Decoder

#: A server with a backlog is waited for until so much is here, but not longer than this.
MANY_BYTES = 64 << 10
MANY_SECONDS = 0.010
#: A local socket says nothing of how much is here, and holds the server up once it has a few hundred messages.
_LOCAL_SECONDS = 0.0005

#: pgoutput's protocol by the server's version, the newest first.
_PROTOCOLS = ((160000, 4), (150000, 3), (0, 2))

_STATUS = Struct("!cQQQqB")
_EPOCH_US = 946_684_800_000_000


class ReplicationStream:
    """One walsender's output.

    Attributes:
        heard_at: monotonic time of the last message.
        reported_at: monotonic time of the last status update.
    """

    def __init__(
        self, connection: Connection, slot: str, start: int, publications: list[str], in_progress: bool
    ) -> None:
        """Begins to stream at a transaction's boundary.

        Args:
            in_progress: large transactions come before their commit.

        Raises:
            UnreachableError, RefusedError: among them: somebody else uses the slot.
        """
        self._connection = connection
        self._copy = Copy(connection.raw, connection.where)
        self._poller = select.poll()
        self._poller.register(connection.fileno(), select.POLLIN)
        # A second handle of libpq's socket, to set its options by.
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._local = self._socket.family == socket.AF_UNIX
        self._awaited = 1
        self.heard_at = self.reported_at = time.monotonic()
        # A list of identifiers within a literal: quoted twice.
        protocol = next(protocol for version, protocol in _PROTOCOLS if connection.version >= version)
        names = literal(",".join(identifier(name) for name in publications))
        self._copy.send(
            f"START_REPLICATION SLOT {identifier(slot)} LOGICAL {lsn_text(start)}"
            f" (proto_version '{protocol}', publication_names {names}, streaming '{'on' if in_progress else 'off'}')"
        )
        deadline = time.monotonic() + STATEMENT_SECONDS
        while not self._copy.started():
            if time.monotonic() > deadline:
                raise UnreachableError("no answer to START_REPLICATION", where=connection.where)
            self.wait(0.5)

    def feed(self, decoder: Decoder, emitter: Emitter, size: int, limit: int) -> int:
        """Hands the decoder what is here already; see `libpq.Copy.feed`.

        Raises:
            UnreachableError: the server ended the stream, or the link broke.
        """
        try:
            fed = self._copy.feed(decoder, emitter, size, limit)
        except CopyEndedError:
            raise UnreachableError("the server ended the replication", where=self._connection.where) from None
        if fed:
            self.heard_at = time.monotonic()
        return fed

    def messages(self, limit: int) -> list[bytes]:
        """What is here already, about `limit` bytes at most; for whoever decodes it himself. Raises as `feed`."""
        try:
            taken = self._copy.take(limit)
        except CopyEndedError:
            raise UnreachableError("the server ended the replication", where=self._connection.where) from None
        if taken:
            self.heard_at = time.monotonic()
        return taken

    def wait(self, seconds: float) -> None:
        """Until something arrives, or the time is up."""
        if seconds > 0:
            self._await(1, seconds)

    def wait_for_many(self) -> None:
        """Until much has arrived, or a moment is over: for a server that has a backlog to send.

        The server sends every message by itself. A reader that wakes up for each of them takes the server's time too.
        """
        if self._local:
            time.sleep(_LOCAL_SECONDS)
        else:
            self._await(MANY_BYTES, MANY_SECONDS)

    def _await(self, size: int, seconds: float) -> None:
        if size != self._awaited:
            self._awaited = size
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        self._poller.poll(seconds * 1000)

    def close(self) -> None:
        """The connection stays open."""
        self._socket.close()

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
