"""Which transactions are done, by global transaction id: MySQL's sets and MariaDB's positions.

Both know how to add one transaction, and cost next to nothing when it follows the last one.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from typing import Protocol

_Source = tuple[str, str]  # server UUID and tag


class GtidState(Protocol):
    """What has been read, as the server writes it."""

    def add(self, source: str, number: int) -> None:
        """One more transaction is complete.

        Args:
            source: what of the transaction's id stands before its number: MySQL's server and tag, MariaDB's domain and
                server.
        """
        ...

    def has(self, source: str, number: int) -> bool:
        """Whether this transaction is done."""
        ...

    @property
    def text(self) -> str: ...


class NoGtids:
    """A server without global transaction ids."""

    text = ""

    def add(self, source: str, number: int) -> None:
        """Nothing to keep."""

    def has(self, source: str, number: int) -> bool:
        """Nobody knows."""
        return False


class GtidSet:
    """A set of MySQL's GTIDs: ``uuid[:tag]:interval…``, tags of MySQL 8.3 and later included.

    Text form: https://dev.mysql.com/doc/refman/9.7/en/replication-gtids-concepts.html
    """

    def __init__(self, text: str = "") -> None:
        """Raises ValueError for what is no set."""
        self._intervals: dict[_Source, list[tuple[int, int]]] = {}  # inclusive, ordered, never adjacent
        for source, low, high in _read(text):
            self._add(source, low, high)
        # Transactions most often follow each other: `_grows` is the source whose last interval ends at `_high` by now.
        self._grows = ""
        self._high = self._low = 0
        self._around: tuple[str, str] | None = None  # the set's text before and behind `_high`

    def add(self, source: str, number: int) -> None:
        if number == self._high + 1 and source == self._grows:
            self._high = number
            return
        self._settle()
        server, _, tag = source.partition(":")
        self._add((server, tag), number, number)
        self._grows = source
        self._high = self._intervals[server, tag][-1][1]
        self._around = None

    def has(self, source: str, number: int) -> bool:
        self._settle()
        server, _, tag = source.partition(":")
        return self._holds((server, tag), number, number)

    @property
    def text(self) -> str:
        self._settle()
        if not self._grows:
            return self._render()
        if self._around is None:
            server, _, tag = self._grows.partition(":")
            low, _ = self._intervals[server, tag][-1]
            marker = f"{low}-\0"
            before, _, behind = self._render({(server, tag): marker}).partition(marker)
            self._around = (before + str(low), behind)
            self._low = low
        before, behind = self._around
        return f"{before}{behind}" if self._high == self._low else f"{before}-{self._high}{behind}"

    def __contains__(self, gtid: str) -> bool:
        self._settle()
        return all(self._holds(source, low, high) for source, low, high in _read(gtid))

    def issuperset(self, other: GtidSet) -> bool:
        self._settle()
        other._settle()
        return all(
            self._holds(source, low, high) for source, intervals in other._intervals.items() for low, high in intervals
        )

    def encode(self) -> bytes:
        """As COM_BINLOG_DUMP_GTID wants it (``Gtid_set::encode``; with tags in the format of MySQL 8.3)."""
        self._settle()
        tagged = any(tag for _, tag in self._intervals)
        count = len(self._intervals)
        parts = [struct.pack("<Q", count << 8 | 1 | 1 << 56) if tagged else struct.pack("<Q", count)]
        for (server, tag), intervals in sorted(self._intervals.items()):
            parts.append(uuid.UUID(server).bytes)
            if tagged:
                parts.append(bytes([len(tag) << 1]) + tag.encode())  # at most 32 characters: one byte of length
            parts.append(struct.pack("<Q", len(intervals)))
            parts += [struct.pack("<QQ", low, high + 1) for low, high in intervals]
        return b"".join(parts)

    def _holds(self, source: _Source, low: int, high: int) -> bool:
        return any(first <= low and high <= last for first, last in self._intervals.get(source, ()))

    def _add(self, source: _Source, low: int, high: int) -> None:
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self._intervals.get(source, ()), (low, high)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._intervals[source] = merged

    def _settle(self) -> None:
        """Notes how far the interval that grows has come."""
        if self._grows:
            server, _, tag = self._grows.partition(":")
            intervals = self._intervals[server, tag]
            intervals[-1] = (intervals[-1][0], self._high)

    def _render(self, last: dict[_Source, str] | None = None) -> str:
        """`last` stands in for the text of a source's last interval."""
        parts: list[str] = []
        server_before = ""
        for (server, tag), intervals in sorted(self._intervals.items()):
            texts = [str(low) if low == high else f"{low}-{high}" for low, high in intervals]
            if last and (server, tag) in last:
                texts[-1] = last[server, tag]
            body = ":".join(([tag] if tag else []) + texts)
            if server == server_before:
                parts[-1] += ":" + body
            else:
                parts.append(f"{server}:{body}")
            server_before = server
        return ",".join(parts)


def _read(text: str) -> Iterator[tuple[_Source, int, int]]:
    for part in "".join(text.split()).split(","):
        if not part:
            continue
        server, *rest = part.split(":")
        uuid.UUID(server)
        tag = ""
        for item in rest:
            if item[:1].isdigit():
                low, _, high = item.partition("-")
                yield (server.lower(), tag), int(low), int(high or low)
            else:
                tag = item.lower()


class DomainPosition:
    """A position of MariaDB: the last transaction of each domain, ``domain-server-number``."""

    def __init__(self, text: str = "") -> None:
        """Raises ValueError for what is no position."""
        self._last: dict[int, tuple[int, int]] = {}
        self._source = ""  # whose transaction was the last one; `_number` is its number
        self._number = 0
        for part in "".join(text.split()).split(","):
            if part:
                source, _, number = part.rpartition("-")
                self.add(source, int(number))
                self._settle()

    def add(self, source: str, number: int) -> None:
        if source != self._source:
            self._settle()
            self._source = source
        self._number = number

    def has(self, source: str, number: int) -> bool:
        self._settle()
        last = self._last.get(int(source.partition("-")[0]))
        return last is not None and number <= last[1]

    @property
    def text(self) -> str:
        self._settle()
        return ",".join(f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self._last.items()))

    def _settle(self) -> None:
        """Notes how far the domain that the last transactions belong to has come."""
        if self._source:
            domain, server = self._source.split("-")
            self._last[int(domain)] = (int(server), self._number)

    def reaches(self, other: DomainPosition) -> bool:
        """Whether every domain stands at least where it stands in `other`."""
        self._settle()
        other._settle()
        return all(
            domain in self._last and self._last[domain][1] >= number for domain, (_, number) in other._last.items()
        )
