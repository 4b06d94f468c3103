"""Whether the server that answers now goes on where the stored position left off.

A server is known by its system identifier, database and timeline. The timeline changes when a standby is promoted: what
the old primary wrote after the switch is not in the new one's log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tailrace.errors import AGAIN, LogGoneError
from tailrace.position import Position
from tailrace.sequence import lsn_mark, mark_lsn
from tailrace_postgres.connection import Connection
from tailrace_postgres.lsn import lsn_text, parse_lsn


@dataclass(frozen=True, slots=True)
class Identity:
    """Which log this is; stored as ``7711483827900355833/shop/1``."""

    system: str
    database: str
    timeline: int

    @classmethod
    def of(cls, connection: Connection) -> Identity:
        """Asks on a replication connection."""
        system, timeline, _, database = connection.query("IDENTIFY_SYSTEM")[0]
        return cls(str(system), str(database), int(timeline))

    @classmethod
    def parse(cls, text: str) -> Identity:
        system, rest = text.split("/", 1)
        database, timeline = rest.rsplit("/", 1)
        return cls(system, database, int(timeline))

    def same_database(self, other: Identity) -> bool:
        """Whatever became of its log."""
        return (self.system, self.database) == (other.system, other.database)

    def __str__(self) -> str:
        return f"{self.system}/{self.database}/{self.timeline}"


def switch_points(history: str) -> dict[int, int]:
    """Where each earlier timeline was left, from a timeline history file."""
    points = {}
    for line in history.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) >= 2:
            points[int(words[0])] = parse_lsn(words[1])
    return points


def timeline_history(connection: Connection, timeline: int) -> str:
    """The history file, on a replication connection."""
    content = connection.query(f"TIMELINE_HISTORY {timeline}")[0][1]
    return bytes(content).decode() if not isinstance(content, str) else content


def continued(position: Position, now: Identity, connection: Connection) -> Position:
    """The position in the log of the server that answers.

    Returns:
        The position itself on the same timeline. After a promotion: with the new timeline; and where only an idle
        position lies beyond the switch (nothing of it was an event), back at the switch in a new epoch, because the
        marks there are given out a second time.

    Raises:
        LogGoneError: another server or database, or events were captured that the promoted server does not have.
    """
    before = Identity.parse(position.identity)
    if not now.same_database(before):
        raise LogGoneError(
            f"this is another server or database than captured so far (system {now.system}, database {now.database};"
            f" it was system {before.system}, database {before.database})",
            where=connection.where,
            fix=f"mend the url; else {AGAIN}",
        )
    if before.timeline == now.timeline:
        return position
    history = switch_points(timeline_history(connection, now.timeline)) if now.timeline > before.timeline else {}
    return promoted(position, now, history.get(before.timeline), connection.where)


def promoted(position: Position, now: Identity, switch: int | None, where: str) -> Position:
    """As `continued`, with the place where the position's timeline was left; None: it is no ancestor."""
    if switch is None:
        raise LogGoneError(f"timeline {now.timeline} does not descend from the one captured so far", where=where)
    epoch, _, rest = position.delivered.partition("-")
    # What an earlier epoch delivered was judged when that epoch ended. A transaction that was delivered in part may lie
    # beyond the position's mark; its own mark is where its commit begins.
    delivered = mark_lsn(rest.split("-")[0]) if rest and int(epoch, 16) == position.epoch else 0
    if delivered >= switch:
        raise LogGoneError(
            f"a standby was promoted at {lsn_text(switch)} and lacks changes that were captured already"
            f" (up to {lsn_text(delivered)})",
            where=where,
        )
    if mark_lsn(position.mark) <= switch:
        return replace(position, identity=str(now))
    return replace(
        position, epoch=position.epoch + 1, identity=str(now), restart=lsn_text(switch), mark=lsn_mark(switch)
    )
