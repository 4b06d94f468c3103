"""A captured table, as the history of the log knows it at the place that is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from tailrace.emitter import Emitter
from tailrace.schema import TableName, TableSchema
from tailrace_mysql import system_time
from tailrace_mysql.binlog.binding import Version
from tailrace_mysql.definition import Period, TableDefinition


@dataclass(slots=True)
class Table:
    """One captured table.

    Attributes:
        versions: all that are known, by id.
        version: the one in hand; None while it is not known.
        charsets: of text columns whose definition names none: from which place in the log on (`TableSchema.since`), and
            which.
        periods: of system-versioned rows: from which place in the log on, and which; None: without.
        suspended: why; "" while it streams.
        dropped: the name has no table now.
    """

    name: TableName
    topic: str
    versions: dict[int, TableSchema] = field(default_factory=dict)
    version: Version | None = None
    charsets: dict[str, str] = field(default_factory=dict)
    periods: dict[str, Period | None] = field(default_factory=dict)
    suspended: str = ""
    dropped: bool = False

    @property
    def charset(self) -> str:
        return self.charsets[max(self.charsets)] if self.charsets else "utf8mb4"

    @property
    def period(self) -> Period | None:
        return self.periods[max(self.periods)] if self.periods else None

    @property
    def charset_key(self) -> str:
        """State entry: `charsets`."""
        return f"charset:{self.topic}"

    @property
    def period_key(self) -> str:
        """State entry: `periods`."""
        return f"period:{self.topic}"

    @property
    def dropped_key(self) -> str:
        """State entry: `dropped`."""
        return f"dropped:{self.topic}"

    def recall(self, state: Mapping[str, bytes], place: str) -> None:
        """Takes over what earlier runs stored, but for the versions; `place` is where the log will be read from."""
        charsets: dict[str, str] = orjson.loads(state.get(self.charset_key, b"{}"))
        # A statement that begins just where we read on is still to come.
        self.charsets = {since: charset for since, charset in charsets.items() if since < place}
        # A period may have been taken from the catalogue just there; a statement says it again in full.
        periods = orjson.loads(state.get(self.period_key, b"{}"))
        self.periods = {since: system_time.from_record(it) for since, it in periods.items() if since <= place}
        self.dropped = state.get(self.dropped_key) == b"1"

    def set_dropped(self, dropped: bool, emitter: Emitter) -> None:
        if self.dropped != dropped:
            self.dropped = dropped
            emitter.record_state(self.dropped_key, b"1" if dropped else b"0")

    def set_charset(self, charset: str, since: str, emitter: Emitter) -> None:
        """From a place on; it is stored with the place, since the catalogue only knows what holds at the log's end."""
        if charset and (charset != self.charset or not self.charsets):
            self.charsets[since] = charset
            emitter.record_state(self.charset_key, orjson.dumps(self.charsets))

    def set_period(self, period: Period | None, since: str, emitter: Emitter) -> None:
        """From a place on, stored as the character set is."""
        if period != self.period:
            self.periods[since] = period
            records = {place: system_time.to_record(it) for place, it in self.periods.items()}
            emitter.record_state(self.period_key, orjson.dumps(records))

    def set_places(self, places: tuple[int, int], emitter: Emitter) -> None:
        """The log has told where the hidden columns of the period stand."""
        period = self.period
        if period is not None and period.places is None:
            self.set_period(replace(period, places=places), max(self.periods), emitter)

    def has_period(self, period: Period | None) -> bool:
        """Whether it is the one in hand, wherever hidden columns stand."""
        known = self.period
        if known is None or period is None:
            return known is period
        return replace(known, places=None) == replace(period, places=None)

    def period_at(self, place: str) -> Period | None:
        """The one that held at a place."""
        past = [since for since in self.periods if since <= place]
        return self.periods[max(past)] if past else None

    def at(self, place: str) -> TableSchema | None:
        """The version that held at a place (as `TableSchema.since` says it)."""
        past = [schema for schema in self.versions.values() if schema.since <= place]
        return max(past, key=lambda schema: (schema.since, schema.id), default=None)

    def ambiguous(self, definition: TableDefinition) -> bool:
        """Columns both went and came: a rename cannot be told from that."""
        if self.version is None:
            return False
        old = {column.name for column in self.version.table.schema.columns}
        new = {column.name for column in definition.columns}
        return bool(old - new) and bool(new - old)

    def reordered(self, definition: TableDefinition) -> bool:
        """The columns that stayed stand in another order: one may have been dropped, and another of its name added."""
        if self.version is None:
            return False
        old = [column.name for column in self.version.table.schema.columns]
        new = [column.name for column in definition.columns]
        return [name for name in old if name in new] != [name for name in new if name in old]
