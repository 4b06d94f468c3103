"""Schema versions hold from a place in the log on."""

from __future__ import annotations

from pathlib import Path

from tailrace.connectors import Context
from tailrace.emitter import Emitter
from tailrace.position import schema_key
from tailrace.schema import Column, Kind, TableName, Type
from tailrace.sequence import lsn_mark, transaction_prefix
from tailrace_postgres.versions import Versions

CONTEXT = Context("p", "cdc", Path("/state"))
NAME = TableName("d", "public", "t")
ID = Column(1, "id", Type(Kind.INTEGER, "int", 32), nullable=False, key=1)
EXTRA = Column(2, "extra", Type(Kind.TEXT, "text"))


def place(lsn: int) -> str:
    return transaction_prefix(1, lsn_mark(lsn))


def three_versions() -> Versions:
    """Without the column, with it from 100 on, without it again from 200 on."""
    versions = Versions(CONTEXT, {}, None)
    versions.add(NAME, "t", (ID,))
    versions.add(NAME, "t", (ID, EXTRA), place(100))
    versions.add(NAME, "t", (ID,), place(200))
    return versions


def test_columns_that_come_back_are_a_new_version() -> None:
    versions = Versions(CONTEXT, {}, None)
    versions.add(NAME, "t", (ID,))
    versions.add(NAME, "t", (ID, EXTRA), place(100))
    assert versions.find("t", (ID,), place(200)) is None


def test_a_re_read_finds_the_version_of_each_place() -> None:
    versions = three_versions()
    found = [
        (versions.find("t", columns, place(lsn))) for lsn, columns in ((50, (ID,)), (150, (ID, EXTRA)), (200, (ID,)))
    ]
    assert [schema and schema.id for schema in found] == [1, 2, 3]


def test_the_catalog_may_be_ahead_of_the_log() -> None:
    versions = three_versions()
    found = versions.find("t", (ID, EXTRA), place(50), ahead=True)
    assert found is not None
    assert found.id == 2
    assert versions.find("t", (ID, EXTRA), place(50)) is None


def test_versions_survive_a_restart() -> None:
    emitter = Emitter(1, "0")
    versions = Versions(CONTEXT, {}, emitter)
    versions.add(NAME, "t", (ID,))
    later = versions.add(NAME, "t", (ID, EXTRA), place(100))
    state = emitter.take().state
    assert set(state) == {schema_key("t", 1)}, "a later version is recorded with its event"
    emitter.begin(lsn_mark(100), 0, b"")
    emitter.schema_change(versions.event_table(later), 1)
    emitter.commit("101", lsn_mark(101))
    state |= emitter.take().state
    assert set(state) == {schema_key("t", 1), schema_key("t", 2)}
    again = Versions(CONTEXT, state, None)
    assert [(s.id, s.since) for s in again.known("t")] == [(1, ""), (2, place(100))]
    assert again.add(NAME, "t", (ID,), place(300)).id == 3
