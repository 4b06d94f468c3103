"""What a later start does with tables that no earlier one has seen."""

from __future__ import annotations

import orjson

from tailrace.capture.admission import admitted
from tailrace.capture.spans import TableLoad
from tailrace.position import load_key, schema_key, table_key
from tailrace.schema import TableName
from tailrace.source import SourceTable


def table(name: str, *, keyless: bool = False, state: str = "streaming") -> SourceTable:
    return SourceTable(TableName("app", None, name), f"shop.app.{name}", state, keyless=keyless, estimated_rows=7)


def test_a_table_with_a_key_is_loaded() -> None:
    (entry,) = admitted([table("new")], {}).items()
    assert entry == (load_key("shop.app.new"), TableLoad(total=7).to_json())


def test_a_table_that_a_load_knows_is_left_as_it_is() -> None:
    known = {load_key(f"shop.app.{name}"): TableLoad(done=name == "a").to_json() for name in "ab"}
    assert admitted([table("a"), table("b", keyless=True)], known) == {}


def test_a_table_without_a_key_is_loaded_too() -> None:
    assert list(admitted([table("new", keyless=True)], {})) == [load_key("shop.app.new")]


def test_a_table_without_a_key_that_the_log_has_told_of_is_whole() -> None:
    assert admitted([table("new", keyless=True)], {schema_key("shop.app.new", 1): b""}) == {}


def test_what_is_suspended_stays_so() -> None:
    state = {table_key("shop.app.b"): orjson.dumps({"state": "suspended", "reason": "renamed"})}
    assert admitted([table("a", state="suspended"), table("b")], state) == {}
