"""Which tables are selected, and their topics."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tailrace.connectors import Context
from tailrace.errors import ConfigError
from tailrace.schema import TableName
from tailrace.tables import Selection, escape, matches, table_entry, topic_name
from tailrace_kafka.topic_template import check_template


def postgres(text: str) -> TableName:
    schema, _, table = text.partition(".")
    return TableName("shop", schema, table)


def mysql(text: str) -> TableName:
    database, _, table = text.partition(".")
    return TableName(database, None, table)


def context(pipeline: str = "shop", topic: str = "{name}.{schema}.{table}") -> Context:
    return Context(pipeline=pipeline, mode="cdc", state_dir=Path("/state"), topic=topic)


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("shop.*", "shop.users", True),
        ("shop.*", "shop2.users", False),
        ("shop.*", "shop.a.b", True),
        ("shop.user?", "shop.users", True),
        ("shop.user?", "shop.user", False),
        ("shop.[uv]*", "shop.users", True),
        ("shop.[!uv]*", "shop.users", False),
        ("*", "any.thing", True),
        ("*.users", "shop.users", True),
        ("shop.Users", "shop.users", False),
        ("shop.us\\*", "shop.users", False),
        ("shop.us\\*", "shop.us\\ers", True),
        ("shop.[*]", "shop.*", True),
        ("shop.[*]", "shop.x", False),
        ("shop.users", "shop.users_old", False),
    ],
)
def test_globs(glob: str, name: str, expected: bool) -> None:
    assert matches((glob,), mysql(name)) is expected
    assert Selection((glob,), (), "other").selects(mysql(name)) is expected


def test_the_default_is_all_of_the_urls_database() -> None:
    selection = Selection((), (), "shop")
    assert selection.selects(mysql("shop.users"))
    assert not selection.selects(mysql("other.users"))
    assert selection.selects(postgres("public.users"))
    assert selection.selects(postgres("audit.users"))


def test_a_database_with_glob_characters_is_itself_only() -> None:
    selection = Selection((), (), "s*p")
    assert selection.selects(mysql("s*p.users"))
    assert not selection.selects(mysql("shop.users"))


def test_exclude() -> None:
    selection = Selection(("shop.*", "crm.people"), ("shop.tmp_*", "*.secret"), None)
    names = ("shop.users", "shop.tmp_1", "shop.secret", "crm.people", "crm.other")
    assert [name for name in names if selection.selects(mysql(name))] == ["shop.users", "crm.people"]
    assert not Selection((), ("shop.tmp_*",), "shop").selects(mysql("shop.tmp_1"))


def test_what_is_the_servers_or_our_own_is_never_selected() -> None:
    everything = Selection(("*",), (), None)
    for name in ("mysql.user", "sys.x", "performance_schema.x", "information_schema.x", "shop._tailrace_positions"):
        assert not everything.selects(mysql(name))
    for name in ("pg_catalog.pg_class", "pg_toast.x", "information_schema.x", "public._tailrace_positions"):
        assert not everything.selects(postgres(name))
    assert everything.selects(postgres("mysql.user"))
    assert everything.selects(mysql("pg_app.user"))


def test_each_key_comes_from_the_first_entry_that_matches_and_has_it() -> None:
    first = SimpleNamespace(match="shop.log", model_fields_set={"match", "mask"})
    second = SimpleNamespace(match="shop.*", model_fields_set={"match", "mask", "case"})
    given_ = Context(pipeline="shop", mode="cdc", state_dir=Path("/state"), tables=(first, second))
    assert table_entry(given_, mysql("shop.log"), "mask") is first
    assert table_entry(given_, mysql("shop.log"), "case") is second
    assert table_entry(given_, mysql("shop.users"), "mask") is second
    assert table_entry(given_, mysql("shop.users"), "key") is None
    assert table_entry(given_, mysql("crm.users"), "mask") is None


# ---- topics


def test_topics() -> None:
    assert topic_name(context(), postgres("public.users")) == "shop.public.users"
    assert topic_name(context(), mysql("shop.users")) == "shop.shop.users"
    assert topic_name(context(topic="cdc-{table}.{schema}"), mysql("a.b")) == "cdc-b.a"
    assert topic_name(context(), postgres("public.Größe")) == "shop.public.Gr_x00F6__x00DF_e"
    assert topic_name(context(), TableName("d", "a.b", "c d")) == "shop.a_x002E_b.c_x0020_d"


def unescape(text: str) -> str:
    return re.sub(r"_x([0-9A-F]{4,6})_", lambda match: chr(int(match[1], 16)), text)


NAMES = st.text(min_size=1, max_size=12) | st.text("_x0EFé.A9", min_size=1, max_size=24)


@given(NAMES)
@example("_x005F_")
@example("_x00E9é")
@example("éx00E9_")
def test_an_escaped_name_can_be_read_back(text: str) -> None:
    escaped = escape(text)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", escaped)
    assert unescape(escaped) == text


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_tables_never_share_a_topic(schema: str, table: str, schema2: str, table2: str) -> None:
    one, other = TableName("d", schema, table), TableName("d", schema2, table2)
    assert (topic_name(context(), one) == topic_name(context(), other)) is (one == other)


@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64))
def test_kafka_takes_every_topic(schema: str, table: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", topic_name(context(), TableName("d", schema, table)))


def test_long_names_stay_apart() -> None:
    one, other = (topic_name(context(), TableName("d", "ü" * 64, "ü" * 63 + last)) for last in "ab")
    assert one != other
    assert len(one) == len(other) == 249


@pytest.mark.parametrize("table", ["__positions", "__schemas"])
def test_our_own_topics_are_taken(table: str) -> None:
    with pytest.raises(ConfigError, match="which tailrace needs itself"):
        topic_name(context(topic="{schema}.{table}"), mysql(f"shop.{table}"))
    assert topic_name(context(), mysql(f"shop.{table}")) == f"shop.shop.{table}"


@pytest.mark.parametrize("template", ["{name}.{schema}.{table}", "{schema}.{table}", "cdc_{table}-x.y{schema}"])
def test_templates(template: str) -> None:
    assert check_template(template) == template


@pytest.mark.parametrize(
    "template",
    ["", "x", "{name}", "{schema}", "{name}.{table}", "{schema}{table}", "{schema}_{table}", "{db}.{schema}.{table}",
     "{schema}.{table}.{table}", "{schema}.{table}/x", "{schema}.{table", "ö.{schema}.{table}"],
)  # fmt: skip
def test_refused_templates(template: str) -> None:
    with pytest.raises(PydanticCustomError):
        check_template(template)
