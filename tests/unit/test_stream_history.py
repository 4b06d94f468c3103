"""The checker of streams finds what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tailrace.sequence import binlog_mark, sequence
from tests.checking.anomalies import Anomalies
from tests.checking.consumer import Record
from tests.checking.history import DELETED, History, Journal

TOPIC = "bank.app.accounts"
ROWS = {"accounts": [{"id": 1, "version": 3, "balance": 30}]}
JOURNAL: Journal = {"accounts": {(1,): [1, 2, 3], (2,): [1, DELETED]}}


def row(number: int, version: int, balance: int) -> dict[str, Any]:
    return {"id": number, "version": version, "balance": balance}


def event(place: int, op: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Record:
    key = orjson.dumps({"id": (after or before or {})["id"]})
    source = {"tailrace_seq": sequence(1, binlog_mark(1, place), 4), "unchanged": [], "tx_end": True}
    value = orjson.dumps({"op": op, "before": before, "after": after, "source": source})
    return Record(TOPIC, 0, place, key, value)


STREAM = [
    event(1, "c", None, row(1, 1, 10)),
    event(2, "c", None, row(2, 1, 5)),
    event(3, "u", row(1, 1, 10), row(1, 2, 20)),
    event(4, "d", row(2, 1, 5), None),
    Record(TOPIC, 0, 5, b'{"id":2}', None),
    event(6, "u", row(1, 2, 20), row(1, 3, 30)),
]


def found(records: list[Record]) -> dict[str, int]:
    anomalies = Anomalies()
    history = History(anomalies)
    history.take(records)
    history.hold_against(ROWS, JOURNAL)
    return dict(anomalies.counts)


def test_a_whole_stream_has_no_anomalies() -> None:
    assert found(STREAM) == {}


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        pytest.param(lambda events: [e for e in events if e.offset != 3], "lost", id="an update"),
        pytest.param(lambda events: [e for e in events if e.offset != 5], "unseen", id="a tombstone"),
        pytest.param(lambda events: events[:-1], "unseen", id="the last update"),
        pytest.param(lambda events: [e for e in events if e.offset not in (4, 5)], "unseen", id="a delete"),
        pytest.param(lambda events: [*events, events[2]._replace(offset=7)], "duplicate", id="an update again"),
        pytest.param(lambda events: [*events, events[4]._replace(offset=7)], "duplicate", id="a tombstone again"),
        pytest.param(lambda events: [events[0], *events[5:], *events[1:5]], "nonmonotonic", id="another order"),
        pytest.param(
            lambda events: [*events[:5], events[5]._replace(partition=1)], "nonmonotonic", id="another partition"
        ),
        pytest.param(
            lambda events: [*events[:5], event(6, "u", row(1, 2, 20), row(1, 3, 31))], "wrong", id="another value"
        ),
        pytest.param(lambda events: [*events, event(7, "u", row(1, 3, 30), row(1, 4, 40))], "wrong", id="rolled back"),
        pytest.param(lambda events: [*events, event(7, "c", None, row(9, 1, 0))], "wrong", id="never committed"),
        pytest.param(lambda events: [*events, event(7, "c", None, row(1, 3, 30))], "lost", id="a create"),
    ],
)
def test_a_damaged_stream_has(damage: Callable[[list[Record]], list[Record]], kind: str) -> None:
    assert kind in found(damage(STREAM))


def test_a_transaction_without_its_end_is_found() -> None:
    value = STREAM[-1].value
    assert value is not None
    open_end = STREAM[-1]._replace(value=value.replace(b'"tx_end":true', b'"tx_end":false'))
    assert found([*STREAM[:-1], open_end]) == {"lost": 1}
