"""What has no form of its own and belongs to a view goes where the view goes."""

from __future__ import annotations

from tailrace.conversion.catalog import Catalog, Column, Dialect, ObjectKind, ObjectName, Other, Table, View
from tailrace.conversion.convert import convert
from tailrace.conversion.naming import script_names
from tailrace.conversion.rules import load
from tailrace.schema import Kind, Type
from tests.unit.schema.targets import Target

_TABLE, _VIEW = ObjectName("public", "t"), ObjectName("public", "v")
_RULE = "CREATE RULE r AS ON INSERT TO public.v DO INSTEAD INSERT INTO public.t VALUES (NEW.a)"
_SOURCE = Catalog(
    Dialect.POSTGRESQL,
    default_schema="public",
    schemas=("public",),
    tables=(Table(_TABLE, (Column("a", Type(Kind.INTEGER, "integer", 32), "integer"),)),),
    views=(View(_VIEW, "SELECT t.a FROM public.t"),),
    others=(Other(ObjectKind.OTHER, ObjectName("public", "r"), _RULE, _VIEW),),
)


def test_a_rule_of_a_view_is_kept_under_the_targets_names() -> None:
    target, rules = Target(Dialect.POSTGRESQL), load([])
    names = script_names(_SOURCE, target, rules, "shop")
    [other] = convert(_SOURCE, target, rules, names, "x").target.others
    assert other.table == ObjectName("shop", "v")
    assert other.definition.replace('"', "") == _RULE.replace("public", "shop")


def test_it_is_named_where_the_target_has_no_such_thing() -> None:
    target, rules = Target(Dialect.MYSQL), load([])
    made = convert(_SOURCE, target, rules, script_names(_SOURCE, target, rules, "shop"), "x")
    assert made.target.others == ()
    assert [item.code for item in made.items if item.member == "r"] == ["other"]
