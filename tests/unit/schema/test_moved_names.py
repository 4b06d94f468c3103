"""SQL of one dialect under the target's names: a schema that the target does not write goes with its dot."""

from __future__ import annotations

import pytest

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectName, Table
from tailrace.conversion.expressions import splicing
from tailrace.conversion.names import Names
from tailrace.schema import Kind, Type

ITEMS = ObjectName("public", "items")
SOURCE = Catalog(
    Dialect.POSTGRESQL,
    default_schema="public",
    tables=(Table(ITEMS, (Column("n", Type(Kind.INTEGER, "integer", 32), "integer"),)),),
)


@pytest.mark.parametrize(
    ("sql", "made", "becomes"),
    [
        ("SELECT count(*) FROM public.items", ObjectName("", "items"), "SELECT count(*) FROM items"),
        ("SELECT items.n FROM public . items", ObjectName("", "items"), "SELECT items.n FROM items"),
        ("SELECT public.items.n FROM public.items", ObjectName("", "items"), "SELECT items.n FROM items"),
        ("SELECT count(*) FROM public.items", ObjectName("shop", "items"), "SELECT count(*) FROM shop.items"),
        ("SELECT count(*) FROM items", ObjectName("shop", "items"), "SELECT count(*) FROM shop.items"),
        ("SELECT count(*) FROM public.items i", ObjectName("", "things"), "SELECT count(*) FROM things i"),
    ],
)
def test_a_query_names_the_targets_tables(sql: str, made: ObjectName, becomes: str) -> None:
    found = splicing.query(sql, SOURCE, Names({ITEMS: made}, {ITEMS: {"n": "n"}}))
    assert found.replace('"', "") == becomes
