"""A sink that takes a part of the stream, and later another part."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.errors import StuckError
from tailrace.schema import Column, Kind, TableName, Type
from tailrace.testing import MemoryStream
from tests.doubles.mirror import ID, NAME, Mirror, row


def only_users(table: TableName) -> bool:
    return table.table == "users"


def everything(table: TableName) -> bool:
    return True


@pytest.mark.parametrize("markers", [False, True])
def test_a_table_of_its_own_topic_is_read_from_its_beginning_when_it_is_taken(tmp_path: Path, markers: bool) -> None:
    mirror = Mirror(tmp_path, MemoryStream(partitions=2, markers=markers))
    users = mirror.script.table("public.users", [ID, NAME])
    orders = mirror.script.table("public.orders", [ID, NAME])
    mirror.selects = only_users
    for number in range(10):
        users.insert(row(number))
        orders.insert(row(number))
    orders.truncate()
    mirror.catch_up()
    with mirror.running():
        pass
    for number in range(10, 14):
        orders.insert(row(number))
    mirror.catch_up()
    mirror.selects = everything
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(10,)]
    assert mirror.query("SELECT id FROM orders ORDER BY id") == [(10,), (11,), (12,), (13,)]


def test_a_table_whose_changes_went_by_is_not_taken_without_them(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    orders = mirror.script.table("public.orders", [ID, NAME])
    mirror.selects = only_users
    users.insert(row(1))
    orders.insert(row(1))
    mirror.catch_up()
    mirror.selects = everything
    for _ in range(2):
        with pytest.raises(StuckError, match=r"table public\.orders: .*takes public\.orders only now.*new name"):
            mirror.catch_up()
    mirror.selects = only_users
    users.insert(row(2))
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM users") == [(2,)]


def test_a_table_that_had_no_changes_yet_may_be_taken_later(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path, MemoryStream())
    users = mirror.script.table("public.users", [ID, NAME])
    orders = mirror.script.table("public.orders", [ID, Column(2, "name", Type(Kind.TEXT, "text"))])
    mirror.selects = only_users
    users.insert(row(1))
    mirror.catch_up()
    mirror.selects = everything
    orders.insert(row(1))
    mirror.catch_up()
    assert mirror.query("SELECT count(*) FROM orders") == [(1,)]
