"""Holds a stream's events against each other, and in the end against the source: nothing lost, twice, or out of order.

Each event of a row names what was there before it. So the events of one row are a chain: an update or delete whose
`before` is not what the event ahead of it has left shows that one between them is missing. The source must log whole
old rows for that (PostgreSQL: REPLICA IDENTITY FULL). What a writer has committed may be told besides (`Journal`): then
a chain that lacks its end, or has links that were rolled back, is seen as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tailrace.sequence import of_load
from tests.checking.anomalies import Anomalies
from tests.checking.consumer import Record

Row = Mapping[str, Any]
Key = tuple[Any, ...]
#: By table: each row's versions, as they were committed, "-" where it was deleted. Keys are never used again.
Journal = Mapping[str, Mapping[Key, list[Any]]]
DELETED = "-"


@dataclass(slots=True)
class _Chain:
    """The events of one key.

    Attributes:
        row: as the last one left it; None: it is not there.
        known: whether `row` is known: before a table's load has come to a row, changes of it may go by.
        last: sequence of the last event.
        tombstone: a delete is to be followed by one.
        versions: of a journalled table: what the events left.
    """

    partition: int
    row: Row | None = None
    known: bool = False
    last: str = ""
    tombstone: bool = False
    versions: list[Any] = field(default_factory=list)


class History:
    """What was read so far; give it every record once.

    Rows of a full load are told apart by key and sequence: tables are loaded once only.
    """

    def __init__(self, anomalies: Anomalies) -> None:
        self.anomalies = anomalies
        self.events = 0
        self._chains: dict[str, dict[bytes, _Chain]] = {}
        self._keyless: dict[str, Counter[tuple[tuple[str, Any], ...]]] = {}
        self._last: dict[tuple[str, int], str] = {}
        self._seen: set[int] = set()
        self._transactions: dict[str, tuple[str, str]] = {}  # the last event of each, and the one that ends it

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.value is None:
                self._tombstone(record)
                continue
            event = orjson.loads(record.value)
            if event["op"] == "s":
                continue
            self.events += 1
            self._note_transaction(event["source"])
            if event["op"] == "t":
                self._empty(record)
            elif record.key is None:
                self._take_keyless(record, event)
            else:
                self._take(record, record.key, event)

    def hold_against(self, rows: Mapping[str, Sequence[Row]], journal: Journal | None = None) -> None:
        """At rest: the stream has come to the source's end.

        Args:
            rows: of each table of the source. Values that are no number or text in JSON are not compared.
        """
        tables = {topic.rpartition(".")[2]: topic for topic in (*self._chains, *self._keyless)}
        for table, expected in rows.items():
            topic = tables.get(table, "")
            if topic in self._keyless:
                self._hold_keyless(topic, expected)
            else:
                self._hold(table, self._chains.get(topic, {}), expected)
        for table, keys in (journal or {}).items():
            self._hold_journal(table, self._chains.get(tables.get(table, ""), {}), keys)
        for last, end in self._transactions.values():
            if last != end:
                self.anomalies.add("lost", f"the end of a transaction, behind {last}")

    def _note_transaction(self, source: Mapping[str, Any]) -> None:
        seq: str = source["tailrace_seq"]
        if not of_load(seq):
            transaction = seq[: seq.rindex("-")]
            last, end = self._transactions.get(transaction, ("", ""))
            self._transactions[transaction] = max(last, seq), seq if source["tx_end"] else end

    # ---- rows with a key

    def _take(self, record: Record, key: bytes, event: Mapping[str, Any]) -> None:
        op, source = event["op"], event["source"]
        seq: str = source["tailrace_seq"]
        where = f"{record.topic}/{record.partition}@{record.offset} {key.decode()} {op} {seq}"
        chains = self._chains.setdefault(record.topic, {})
        chain = chains.get(key)
        if chain is None:
            chain = chains[key] = _Chain(record.partition)
        if chain.tombstone:
            self.anomalies.add("lost", f"{where}: the delete before it has no tombstone")
            chain.tombstone = False
        if not self._in_order(record, chain, key, seq, where):
            return
        before, after = event["before"], event["after"]
        if op in ("u", "d") and chain.known and not self._follows(chain.row, before):
            self.anomalies.add("lost", f"{where}: a change before it is missing")
        elif op == "c" and chain.known and chain.row is not None:
            self.anomalies.add("lost", f"{where}: the row's delete before it is missing")
        elif op == "r" and chain.known and not self._follows(chain.row, after):
            self.anomalies.add("wrong", f"{where}: the load brings another row than the log")
        row: dict[str, Any] = {} if op == "d" else dict(after)
        for name in source["unchanged"]:
            row[name] = (chain.row or {}).get(name)
        chain.known = op != "u" or chain.known or not source["unchanged"]
        chain.row = None if op == "d" else row
        chain.tombstone = op == "d"
        if op != "r" or not chain.versions or chain.versions[-1] != row.get("version"):
            chain.versions.append(DELETED if op == "d" else row.get("version"))

    def _in_order(self, record: Record, chain: _Chain, key: bytes, seq: str, where: str) -> bool:
        """Notes the event; False where it is a repetition."""
        if chain.partition != record.partition:
            self.anomalies.add("nonmonotonic", f"{where}: its row was in partition {chain.partition} before")
        event = hash((record.topic, key, seq))
        if event in self._seen:
            self.anomalies.add("duplicate", where)
            return False
        self._seen.add(event)
        if seq < chain.last:
            self.anomalies.add("nonmonotonic", f"{where}: behind {chain.last}")
        chain.last = max(chain.last, seq)
        return True

    @staticmethod
    def _follows(row: Row | None, before: Row | None) -> bool:
        """Whether this is the row of before, as far as both tell: columns come and go."""
        if row is None:
            return False
        return before is None or all(before[name] == row[name] for name in before.keys() & row.keys())

    def _tombstone(self, record: Record) -> None:
        chain = self._chains.get(record.topic, {}).get(record.key or b"")
        where = f"{record.topic}/{record.partition}@{record.offset}: a tombstone"
        if chain is None or not chain.tombstone:
            self.anomalies.add("duplicate", f"{where} without a delete before it")
        else:
            chain.tombstone = False

    def _empty(self, record: Record) -> None:
        """A truncate, which each partition gets."""
        for chain in self._chains.get(record.topic, {}).values():
            if chain.partition == record.partition:
                chain.row, chain.known = None, True
        self._keyless.pop(record.topic, None)

    def _hold(self, table: str, chains: Mapping[bytes, _Chain], expected: Sequence[Row]) -> None:
        found = {_key(key): chain for key, chain in chains.items() if chain.row is not None}
        names = tuple(orjson.loads(next(iter(chains)))) if chains else ()
        if not names:
            for row in expected:
                self.anomalies.add("unseen", f"{table}: no event of {row}")
            return
        for row in expected:
            key = tuple(row[name] for name in names)
            chain = found.pop(key, None)
            if chain is None or chain.row is None:
                self.anomalies.add("unseen", f"{table} {key}: the row is not in the stream")
            elif different := sorted(name for name in row if not _same(row, chain.row, name)):
                late = chain.row.get("version", 0) < row.get("version", 0)
                kind = "unseen" if late else "wrong"
                self.anomalies.add(kind, f"{table} {key}: {', '.join(different)} are other than the source's")
        for key in found:
            self.anomalies.add("unseen", f"{table} {key}: the source has no such row any more")
        for raw, chain in chains.items():
            if chain.tombstone:
                self.anomalies.add("unseen", f"{table} {raw.decode()}: its delete has no tombstone")

    def _hold_journal(self, table: str, chains: Mapping[bytes, _Chain], keys: Mapping[Key, list[Any]]) -> None:
        found = {_key(key): chain.versions for key, chain in chains.items()}
        for key, committed in keys.items():
            seen = found.get(key, [])
            if not seen:
                if committed[-1] != DELETED:  # else it had come and gone before the table was loaded
                    self.anomalies.add("unseen", f"{table} {key}: {committed}")
                continue
            begun = committed.index(seen[0]) if seen[0] in committed else 0
            missing = [version for version in committed[begun:] if version not in seen]
            for version in missing:
                late = committed.index(seen[-1]) if seen[-1] in committed else -1
                kind = "lost" if committed.index(version) < late else "unseen"
                self.anomalies.add(kind, f"{table} {key}: version {version} of {committed}, seen {seen}")
            for version in seen:
                if version not in committed:
                    self.anomalies.add("wrong", f"{table} {key}: version {version} was never committed")
        for key in found.keys() - keys.keys():
            self.anomalies.add("wrong", f"{table} {key}: was never committed")

    # ---- rows without one

    def _take_keyless(self, record: Record, event: Mapping[str, Any]) -> None:
        seq: str = event["source"]["tailrace_seq"]
        where = f"{record.topic}/{record.partition}@{record.offset} {event['op']} {seq}"
        last = self._last.get((record.topic, record.partition), "")
        if seq == last and not of_load(seq):
            self.anomalies.add("duplicate", where)
        elif seq < last:
            self.anomalies.add("nonmonotonic", f"{where}: behind {last}")
        self._last[record.topic, record.partition] = max(last, seq)
        rows = self._keyless.setdefault(record.topic, Counter())
        if event["op"] in ("u", "d"):
            before = _items(event["before"])
            if not rows[before]:
                self.anomalies.add("lost", f"{where}: the row that it changes")
            rows[before] -= 1
        if event["op"] != "d":
            rows[_items(event["after"])] += 1

    def _hold_keyless(self, topic: str, expected: Sequence[Row]) -> None:
        names = [name for name in (expected[0] if expected else {}) if all(_plain(row[name]) for row in expected)]
        wanted = Counter(tuple((name, _text(row[name])) for name in names) for row in expected)
        found: Counter[tuple[tuple[str, Any], ...]] = Counter()
        for items, count in self._keyless[topic].items():
            row = dict(items)
            found[tuple((name, _text(row.get(name))) for name in names)] += count
        for items, count in (wanted - found).items():
            self.anomalies.add("unseen", f"{topic}: {count} of {items}")
        for items, count in (found - wanted).items():
            self.anomalies.add("wrong", f"{topic}: {count} more of {items}")


def _items(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(row.items())


def _key(key: bytes) -> Key:
    return tuple(orjson.loads(key).values())


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, int | str)


def _text(value: Any) -> Any:
    """Blanks at the end of a CHAR are a matter of the driver."""
    return value.rstrip(" ") if isinstance(value, str) else value


def _same(row: Row, left: Row, name: str) -> bool:
    """Columns that came after the event are not in it."""
    return name not in left or not _plain(row[name]) or _text(row[name]) == _text(left[name])
