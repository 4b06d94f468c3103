"""What the consumer counts and checks."""

from __future__ import annotations

import hashlib
import json

from benchmarks.contenders.embedded import split
from benchmarks.fold import Fold


def event(number: int, n: int, op: str = "c") -> bytes:
    row = {"id": number, "n": n, "name": f"name {n}", "amount": "1.25", "doc": "x"}
    return json.dumps({"op": op, "before": None, "after": row}).encode()


def folded(*events: bytes) -> Fold:
    fold = Fold()
    for value in events:
        fold.add("t", b"", value)
    return fold


def test_the_checksum_is_that_of_the_rows_in_any_order_of_keys() -> None:
    one, other = folded(event(1, 5), event(2, 6)), folded(event(2, 6), event(1, 5))
    expected = sum(
        int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) for text in ("1|5|name 5|1.25", "2|6|name 6|1.25")
    )
    assert (one.events, one.rows, one.checksum) == (2, 2, expected)
    assert other.checksum == expected


def test_the_last_event_of_a_key_counts() -> None:
    right, wrong = folded(event(1, 5), event(1, 6, "u")), folded(event(1, 6), event(1, 5, "u"))
    assert (right.events, right.rows) == (2, 1)
    assert right.checksum == folded(event(1, 6)).checksum
    assert wrong.checksum != right.checksum


def test_one_key_in_two_tables_is_two_rows() -> None:
    fold = Fold()
    fold.add("a", b"", event(1, 5))
    fold.add("b", b"", event(1, 5))
    assert fold.rows == 2


def test_tombstones_and_control_events_are_no_changes() -> None:
    fold = Fold()
    assert not fold.add("t", b"{}", None)
    assert not fold.add("t", None, b'{"op":"s","source":{}}')
    assert fold.add("t", b"{}", event(1, 5))
    assert fold.events == 1


def test_a_printed_line_is_split_into_its_bytes() -> None:
    line = (
        b'{"topic":"t","partition":0,"offset":7,"key":{"id":1},"value":{"after":{"id":1,"x":"\\u00e4"}},"headers":{}}\n'
    )
    assert split(line) == (b'{"id":1}', b'{"after":{"id":1,"x":"\\u00e4"}}')
