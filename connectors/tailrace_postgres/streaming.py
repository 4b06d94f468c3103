"""Reads the replication stream in batches and keeps the session alive."""

from __future__ import annotations

import time
from collections.abc import Callable

from tailrace import failpoints
from tailrace.batch import Batch
from tailrace.emitter import Emitter
from tailrace.errors import UnreachableError
from tailrace.sequence import lsn_mark
from tailrace_postgres.lsn import lsn_text
from tailrace_postgres.pgoutput import Decoder
from tailrace_postgres.replication import ReplicationStream

#: Status updates go out at least this often; the server ends a session that is silent for wal_sender_timeout.
REPORT_SECONDS = 1.0
#: One `read` gathers no longer than this, however much keeps coming: what it has is to be published.
GATHER_SECONDS = 0.5
#: The time is looked at after about so many bytes of the log.
FEED_BYTES = 64 << 10
#: A server that sends a change so long after its commit has a backlog, and a wait of some milliseconds does not count.
BEHIND_US = 100_000
#: One that sent less than this meanwhile is not waited for again: what has gathered is to be published.
FEW_BYTES = 8 << 10
#: Silence for so many heartbeats makes us ask for the session's health.
SILENT_HEARTBEATS = 3
#: Looking at what is captured by takes a part of the time, at most: one of so many.
INSPECTION_SHARE = 20


class Streaming:
    """The stream of one session, from opening on.

    Args:
        flushed: what the stored position has reached, which is all that the server is ever told (I1).
        heartbeat: seconds; after so long without a message the server is asked for a sign of life.
        alive: whether the server, asked over another connection, still runs our session. It may be busy for long with
            a transaction of which nothing is for us.
        inspect: called every heartbeat, or less often where it takes long (thousands of tables); True if it has
            recorded something that is to be stored.
    """

    def __init__(
        self,
        stream: ReplicationStream,
        decoder: Decoder,
        emitter: Emitter,
        flushed: int,
        heartbeat: float,
        alive: Callable[[], bool],
        inspect: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._decoder = decoder
        self._emitter = emitter
        self._flushed = flushed
        self._heartbeat = heartbeat
        self._alive = alive
        self._inspect = inspect
        self._inspected_at = time.monotonic()
        self._inspect_seconds = heartbeat
        self._returned_mark = emitter.mark
        self._awaited_mark = ""
        self._urgent = False
        self._recorded = False
        self._stream.report(self._decoder.received, self._flushed, ask=False)

    def read(self, timeout: float, limit_bytes: int) -> Batch | None:
        """See `tailrace.source.Source.read`.

        A position that moved without events is returned when the time is up, or at once when somebody waits for it:
        the load, a command, or a server that shuts down.
        """
        deadline = time.monotonic() + timeout
        emitter = self._emitter
        while True:
            self._drain(limit_bytes)
            self._keep_alive()
            if emitter.size or emitter.touched or self._recorded:
                return self._take()
            moved = emitter.mark > self._returned_mark
            left = deadline - time.monotonic()
            if moved and (left <= 0 or self._urgent or emitter.mark >= self._awaited_mark > ""):
                return self._take()
            if left <= 0:
                return None
            if not self._decoder.replaying:
                self._stream.wait(min(left, REPORT_SECONDS))

    def await_mark(self, mark: str) -> None:
        """Somebody waits until `read` has reached this mark."""
        self._awaited_mark = max(self._awaited_mark, mark)

    def acknowledge(self, lsn: int) -> None:
        """Everything before is stored. Told to the server about once a second, or at once if it asked."""
        self._flushed = max(self._flushed, lsn)
        if self._urgent or time.monotonic() - self._stream.reported_at >= REPORT_SECONDS:
            self._report(ask=False)
        if self._flushed >= self._decoder.idle:
            self._urgent = False

    def close(self) -> None:
        self._stream.close()

    # ---- inside

    def _drain(self, limit_bytes: int) -> None:
        """Decodes what has arrived, within bounds; more of a backlog is waited for."""
        emitter, decoder, stream = self._emitter, self._decoder, self._stream
        until = time.monotonic() + GATHER_SECONDS
        waited = False
        while emitter.size < limit_bytes:
            if decoder.replaying:
                decoder.replay(limit_bytes, FEED_BYTES)
                stream.heard_at = time.monotonic()  # nothing is listened to meanwhile
                if stream.heard_at > until:
                    break
                continue
            fed = stream.feed(decoder, emitter, limit_bytes, FEED_BYTES)
            if fed:
                failpoints.reached("read.received")
            if not fed or stream.heard_at > until:
                break
            if decoder.in_block:
                if emitter.size:
                    break  # what comes is for later; what has gathered is to be published
                if fed < FEED_BYTES:
                    stream.wait_for_many()
            elif decoder.replaying:
                continue
            elif fed < FEED_BYTES and emitter.size < limit_bytes:  # nothing more is here
                if decoder.behind_us < BEHIND_US or (waited and fed < FEW_BYTES):
                    break
                stream.wait_for_many()
                waited = True
        if decoder.idle and not decoder.in_transaction:
            emitter.idle(lsn_text(decoder.idle), lsn_mark(decoder.idle))

    def _take(self) -> Batch:
        batch = self._emitter.take()
        self._recorded = False
        self._returned_mark = batch.mark
        if self._awaited_mark and batch.mark >= self._awaited_mark:
            self._awaited_mark = ""
        return batch

    def _keep_alive(self) -> None:
        now = time.monotonic()
        silent = now - self._stream.heard_at
        if self._decoder.reply_requested:
            # A server that shuts down waits until all it has sent is acknowledged.
            self._decoder.reply_requested = False
            self._urgent = True
            self._report(ask=False)
        elif now - self._stream.reported_at >= REPORT_SECONDS:
            self._report(ask=silent >= self._heartbeat)
        if silent >= self._heartbeat * SILENT_HEARTBEATS:
            if not self._alive():
                raise UnreachableError(f"the replication connection has been silent for {silent:.0f} s")
            self._stream.heard_at = now
        if silent < self._heartbeat and now - self._inspected_at >= self._inspect_seconds:
            self._recorded |= self._inspect()
            self._inspected_at = time.monotonic()
            self._inspect_seconds = max(self._heartbeat, INSPECTION_SHARE * (self._inspected_at - now))

    def _report(self, ask: bool) -> None:
        self._stream.report(self._decoder.received, self._flushed, ask)
