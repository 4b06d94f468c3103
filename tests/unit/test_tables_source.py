"""A source without a log: its rows' fence, and what it does where a table changes under it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tailrace.config.table_settings import TableSettings
from tailrace.connectors import Context
from tailrace.errors import TableGoneError
from tailrace.position import NO_LOG, schema_key, table_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.sequence import lsn_mark, sequence
from tailrace.source import SourceTable
from tailrace.tables_source import TablesSource

NAME = TableName("app", "public", "users")
TOPIC = "shop.public.users"
ID = Column(1, "id", Type(Kind.INTEGER, "bigint", 64), nullable=False, key=1)
NOTE = Column(2, "note", Type(Kind.TEXT, "text"))


class Tables(TablesSource):
    def __init__(self, *entries: TableSettings, columns: tuple[Column, ...] = (ID,)) -> None:
        super().__init__(Context("shop", "full-load", Path("/state"), tables=entries), "postgresql")
        self._columns = columns

    def schemas(self) -> list[TableSchema]:
        return [TableSchema(1, NAME, TOPIC, self._columns)]

    def tables(self) -> list[SourceTable]:
        return [SourceTable(NAME, TOPIC)]


def test_rows_are_older_than_any_change_of_a_log_and_newer_than_rows_of_earlier_loads() -> None:
    first, second = Tables().open(None, {}).position, Tables().open(None, {}).position
    assert first.restart == NO_LOG
    fences = [sequence(one.epoch, one.mark, 0) for one in (first, second)]
    assert fences[0] < fences[1] < sequence(1, lsn_mark(0), 0)


def test_the_fence_is_that_of_the_first_start() -> None:
    opened = Tables().open(None, {})
    again = Tables().open(opened.position, {})
    assert again.emitter.mark == opened.position.mark


def test_what_is_loaded_again_is_newer_also_where_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Tables()
    opened = source.open(None, {})
    before = opened.emitter.mark
    hour_ago = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: hour_ago)
    source.advance()
    assert opened.emitter.mark > before


def test_a_table_has_one_version_over_restarts() -> None:
    source = Tables()
    opened = source.open(None, {})
    made = source.version(NAME, TOPIC, (ID,))
    state = opened.emitter.take().state
    assert list(state) == [schema_key(TOPIC, 1)]
    later = Tables()
    emitter = later.open(opened.position, state).emitter
    assert later.version(NAME, TOPIC, (ID,)).schema == made.schema
    assert not emitter.take().state


def test_a_table_that_was_altered_while_it_was_loaded_is_suspended() -> None:
    source = Tables()
    emitter = source.open(None, {}).emitter
    source.version(NAME, TOPIC, (ID,))
    with pytest.raises(TableGoneError):
        source.version(NAME, TOPIC, (ID, NOTE))
    entry = orjson.loads(emitter.take().state[table_key(TOPIC)])
    assert entry["state"] == "suspended"
    assert "altered" in entry["reason"]


def test_a_table_with_rules_that_was_altered_between_two_starts_is_suspended() -> None:
    """A column's number is another one then, which is no rename of a masked column."""
    entry = TableSettings(match="*", mask={"secret": "null"})
    secret = Column(3, "secret", NOTE.type)
    source = Tables(entry, columns=(ID, NOTE, secret))
    opened = source.open(None, {})
    source.version(NAME, TOPIC, (ID, NOTE, secret))
    state = opened.emitter.take().state
    altered = (ID, replace(secret, id=2))
    source = Tables(entry, columns=altered)
    emitter = source.open(opened.position, state).emitter
    with pytest.raises(TableGoneError):
        source.version(NAME, TOPIC, altered)
    assert "altered" in orjson.loads(emitter.take().state[table_key(TOPIC)])["reason"]
