"""Which rows of a chunk go out: the read view decides, never the log's position."""

import functools
import threading

import orjson
import pytest

from tailrace.batch import Touch
from tailrace.capture import window as window_module
from tailrace.capture.window import Window
from tailrace.emitter import EventTable
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.source import Chunk

TOPIC = "shop.public.users"
SCHEMA = TableSchema(
    1,
    TableName("app", "public", "users"),
    TOPIC,
    (Column(1, "id", Type(Kind.INTEGER, "bigint", 64), key=1), Column(2, "doc", Type(Kind.TEXT, "text"))),
)
TABLE = EventTable(SCHEMA, "postgresql", "shop")


class Sees:
    def __init__(self, *transactions: str) -> None:
        self.transactions = transactions

    def sees(self, transaction: str) -> bool:
        return transaction in self.transactions


def key(number: int) -> bytes:
    return orjson.dumps({"id": number})


def row(number: int, doc: str = "old", n: int = 1) -> bytes:
    return orjson.dumps({"id": number, "doc": doc, "n": n})


def touch(transaction: str, number: int, after: bytes | None, unchanged: tuple[str, ...] = ()) -> Touch:
    """As the emitter makes it: `after` is kept only where it lacks columns."""
    return Touch(transaction, TOPIC, key(number), after if unchanged else None, unchanged)


def chunk(view: Sees, *numbers: int) -> Chunk:
    return Chunk(TABLE, [(key(n), row(n)) for n in numbers], None, view, "0")


def out(window: Window, read: Chunk) -> list[int]:
    return [orjson.loads(r)["id"] for _, r in window.remaining(read)]


def test_a_row_written_by_a_transaction_that_the_view_did_not_see_stays_out() -> None:
    window = Window()
    read = chunk(Sees("t1"), 1, 2, 3)
    window.opened(read.view)
    window.observe([touch("t1", 1, row(1)), touch("t2", 2, row(2))])
    assert out(window, read) == [1, 3]


def test_a_deleted_row_is_not_resurrected() -> None:
    window = Window()
    read = chunk(Sees(), 1)
    window.opened(read.view)
    window.observe([touch("t1", 1, None)])
    assert out(window, read) == []


def test_a_transaction_streamed_before_the_read_but_not_visible_to_it_counts() -> None:
    window = Window()
    window.observe([touch("t1", 1, row(1, "new"))])
    read = chunk(Sees(), 1)
    window.opened(read.view)
    assert out(window, read) == []
    assert window.unseen == ["t1"]


def test_what_a_view_saw_is_forgotten() -> None:
    window = Window()
    window.observe([touch("t1", 1, row(1)), touch("t2", 1, row(1))])
    first, second = Sees("t1"), Sees("t1", "t2")
    window.opened(first)
    assert window.unseen == ["t2"]
    window.opened(second)
    assert window.unseen == ["t2"], "the first view is still in use"
    window.closed(first)
    assert window.unseen == []
    window.closed(second)
    window.observe([touch("t2", 1, row(1))])  # a late event of a transaction that the view has seen
    assert window.unseen == []


def test_a_row_written_only_by_incomplete_images_goes_out_with_them_laid_over() -> None:
    window = Window()
    read = Chunk(TABLE, [(key(1), row(1, 'long, "quoted" \\ text', 1))], None, Sees(), "0")
    window.opened(read.view)
    window.observe(
        [touch("t1", 1, row(1, "placeholder", 2), ("doc",)), touch("t2", 1, row(1, "placeholder", 3), ("doc",))]
    )
    ((_, merged),) = window.remaining(read)
    assert orjson.loads(merged) == {"id": 1, "doc": 'long, "quoted" \\ text', "n": 3}


def test_an_incomplete_image_after_a_whole_one_needs_no_row() -> None:
    window = Window()
    read = chunk(Sees(), 1)
    window.opened(read.view)
    window.observe([touch("t1", 1, row(1)), touch("t2", 1, row(1, "placeholder", 3), ("doc",))])
    assert out(window, read) == []


def test_values_are_laid_over_as_they_stand() -> None:
    window = Window()
    big = b'{"id":1,"doc":"x","n":12345678901234567890123}'
    read = Chunk(TABLE, [(key(1), big)], None, Sees(), "0")
    window.opened(read.view)
    window.observe([touch("t1", 1, b'{"id":1,"doc":"y","n":0}', ("n",))])
    assert list(window.remaining(read)) == [(key(1), b'{"id":1,"doc":"y","n":12345678901234567890123}')]


def test_a_chunk_is_read_again_where_its_table_was_emptied_or_altered_meanwhile() -> None:
    window = Window()
    read = chunk(Sees(), 1)
    window.opened(read.view)
    window.observe([touch("t1", 1, row(1)), Touch("t1", TOPIC, None)])
    assert window.stale(read)
    again = chunk(Sees("t1"), 1)
    window.opened(again.view)
    assert not window.stale(again), "its own view has seen it, though an older one is in use"
    window.closed(read.view)
    assert not window.stale(again)
    assert out(window, again) == [1]


def test_another_table_that_was_emptied_leaves_the_chunk_alone() -> None:
    window = Window()
    read = chunk(Sees(), 1, 2)
    window.opened(read.view)
    window.observe([Touch("t1", "shop.public.other", None), touch("t1", 1, row(1))])
    assert not window.stale(read)
    assert out(window, read) == [2]


def test_of_a_large_transaction_no_rows_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MOST_ROWS", 3)
    window = Window()
    read = chunk(Sees(), 1, 9)
    window.opened(read.view)
    window.observe([touch("t1", number, row(number)) for number in range(3)])
    assert not window.stale(read)
    window.observe([touch("t1", number, row(number)) for number in range(3, 10)])
    assert window.stale(read)
    assert window.unseen == ["t1"]


def test_a_window_of_many_small_transactions_is_crowded_until_a_view_has_seen_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window_module, "MOST_TRANSACTIONS", 3)
    window = Window()
    blind = Sees()
    window.opened(blind)
    window.observe([touch(f"t{number}", number, row(number)) for number in range(3)])
    assert not window.crowded
    window.observe([touch("t3", 3, row(3))])
    assert window.crowded
    window.closed(blind)
    window.opened(Sees("t0", "t1", "t2"))
    assert not window.crowded
    assert window.unseen == ["t3"]


def test_views_are_opened_one_after_the_other() -> None:
    """Each must see what the ones before saw: two that open at once could come to be known the other way round."""
    window = Window()
    inside: list[int] = []
    seen_inside: list[int] = []
    gate = threading.Event()

    def opener(number: int) -> Sees:
        inside.append(number)
        seen_inside.append(len(inside))
        assert gate.wait(10)
        inside.remove(number)
        return Sees()

    threads = [threading.Thread(target=window.open, args=[functools.partial(opener, n)]) for n in range(3)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    assert seen_inside == [1, 1, 1]
