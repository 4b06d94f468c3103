"""What a read view saw, by the tokens of transactions."""

from __future__ import annotations

from tailrace.sequence import binlog_mark
from tailrace_mysql.binlog.events import DECIDED
from tailrace_mysql.views import PlaceView


def test_of_what_xa_decided_only_what_surely_was_committed_counts_as_seen() -> None:
    view = PlaceView(binlog_mark(1, 900), certain=binlog_mark(1, 500), undecided=frozenset({"X'61',X'',1"}))
    assert view.sees(binlog_mark(1, 800)), "an ordinary transaction before the view's place"
    assert not view.sees(binlog_mark(1, 900))
    earlier, later = binlog_mark(1, 400), binlog_mark(1, 600)
    assert view.sees(f"{earlier}{DECIDED}X'62',X'',1")
    assert not view.sees(f"{earlier}{DECIDED}X'61',X'',1"), "XA RECOVER still listed it"
    assert not view.sees(f"{later}{DECIDED}X'62',X'',1"), "it was decided after XA RECOVER was asked"
