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

    def add(self, gtid: str) -> None:
        """One more transaction is complete."""
        ...

    @property
    def text(self) -> str: ...


class NoGtids:
    """A server without global transaction ids."""

    text = ""

    def add(self, gtid: str) -> None:
        """Nothing to keep."""


class GtidSet:
    """A set of MySQL's GTIDs: ``uuid[:tag]:interval…``, tags of MySQL 8.3 and later included.

    Text form: https://dev.mysql.com/doc/refman/9.7/en/replication-gtids-concepts.html
    """

    def __init__(self, text: str = "") -> None:
        """Raises ValueError for what is no set."""
        self._intervals: dict[_Source, list[tuple[int, int]]] = {}  # inclusive, ordered, never adjacent
        for source, low, high in _read(text):
            self._add(source, low, high)
        # The set's text around the number that the last addition moved.
        self._around: tuple[_Source, str, str] | None = None
        self._text: str | None = None

    def add(self, gtid: str) -> None:
        head, _, number_text = gtid.rpartition(":")
        server, _, tag = head.partition(":")
        source = (server, tag)
        number = int(number_text)
        intervals = self._intervals.get(source)
        if intervals and intervals[-1][1] == number - 1:
            low = intervals[-1][0]
            intervals[-1] = (low, number)
            around = self._around
            if around is not None and around[0] == source:
                self._text = f"{around[1]}{low}-{number}{around[2]}"
                return
        else:
            self._add(source, number, number)
        self._text = None
        self._around = None
        self._remember(source)

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = self._render()
        return self._text

    def __contains__(self, gtid: str) -> bool:
        return all(self._holds(source, low, high) for source, low, high in _read(gtid))

    def issuperset(self, other: GtidSet) -> bool:
        return all(
            self._holds(source, low, high) for source, intervals in other._intervals.items() for low, high in intervals
        )

    def encode(self) -> bytes:
        """As COM_BINLOG_DUMP_GTID wants it (``Gtid_set::encode``; with tags in the format of MySQL 8.3)."""
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

    def _remember(self, source: _Source) -> None:
        """Notes what stands before and behind the last interval of `source`, which most often grows next."""
        low, _ = self._intervals[source][-1]
        marker = f"{low}-\0"
        before, _, behind = self._render({source: marker}).partition(marker)
        self._around = (source, before, behind)

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
        self._text: str | None = None
        for part in "".join(text.split()).split(","):
            if part:
                self.add(part)

    def add(self, gtid: str) -> None:
        domain, server, number = gtid.split("-")
        self._last[int(domain)] = (int(server), int(number))
        self._text = None

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = ",".join(
                f"{domain}-{server}-{number}" for domain, (server, number) in sorted(self._last.items())
            )
        return self._text

    def reaches(self, other: DomainPosition) -> bool:
        """Whether every domain stands at least where it stands in `other`."""
        return all(
            domain in self._last and self._last[domain][1] >= number for domain, (_, number) in other._last.items()
        )
