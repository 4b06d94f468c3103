"""The assessment: its numbers, and that none of its forms lets a schema's text become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest

from tailrace.conversion import job
from tailrace.conversion.catalog import Dialect, ObjectKind, ObjectName
from tailrace.conversion.outcome import Complexity, Conversion, Grade, Item, Verdict
from tailrace.conversion.report import assess, record, subjects, write
from tailrace.conversion.report.assessment import WITHIN_TABLES, Figures
from tailrace.conversion.report.markdown import markdown
from tailrace.conversion.report.page import html
from tailrace.conversion.report.words import duration, hours, sentence
from tailrace.conversion.rules import load
from tailrace.conversion.script import read
from tailrace.errors import ConfigError, RefusedError
from tests.unit.schema import shop_conversion
from tests.unit.schema.shop_conversion import conversion

SCRIPTS = Path(__file__).parents[2] / "integration" / "schema"
EVIL = '<script>alert("1")</script>|`*&amp;'


def _evil() -> Conversion:
    """All that a schema brings is hostile."""
    name = ObjectName(EVIL, EVIL)
    item = Item("a-code", ObjectKind.TABLE, name, "", Grade.BY_HAND, EVIL, EVIL, None, 3, f"{EVIL}\n``` {EVIL}", EVIL)
    column = replace(item, kind=ObjectKind.COLUMN, member=EVIL, grade=Grade.CHANGED, original="", replacement="")
    verdicts = (
        Verdict(ObjectKind.TABLE, name, "", 0, Grade.BY_HAND),
        Verdict(ObjectKind.COLUMN, name, EVIL, 0, Grade.CHANGED, EVIL),
    )
    whole = conversion()
    source = replace(whole.source, origin=EVIL, version=EVIL)
    return Conversion(source, replace(whole.target, version=EVIL), (item, column), verdicts, EVIL)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "data", "action")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _parsed(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    tags.close()
    assert not tags.open
    return tags


def test_the_numbers_are_those_of_the_verdicts() -> None:
    given = conversion()
    [target] = assess([given], shop_conversion.hours).targets
    counted = sum(figures.total for figures in target.kinds.values())
    assert counted == len(given.verdicts) == len(list(given.source.count()))
    assert target.kinds[ObjectKind.INDEX] == Figures(automatic=19, changed=6)
    assert target.code == Figures(automatic=2, by_hand=3)
    assert target.storage == Figures(automatic=93, changed=31), "a table is as good as its worst column"
    assert {effort.complexity: (effort.objects, effort.items, effort.hours) for effort in target.effort} == {
        Complexity.SIMPLE: (2, 2, 2.0),
        Complexity.MEDIUM: (1, 1, 4.0),
        Complexity.SIGNIFICANT: (1, 1, 10.0),
    }
    assert target.hours == 16.0
    assert [group.code for group in target.actions] == ["procedure-body", "trigger-body", "view-function", "zero-date"]
    assert [group.code for group in target.findings] == [
        "collation-case",
        "prefix-index",
        "unsigned-range",
        "keyless-table",
    ]


def test_what_is_by_hand_without_a_class_is_work_all_the_same() -> None:
    [target] = assess([_evil()], shop_conversion.hours).targets
    assert [effort.items for effort in target.effort] == [1, 0, 0]
    assert [group.complexity for group in target.actions] == [Complexity.SIMPLE]
    assert target.hours == 1.0


@pytest.mark.parametrize(
    ("figures", "percent"),
    [(Figures(999, 0, 1), 99), (Figures(1, 0, 999), 1), (Figures(5), 100), (Figures(0, 0, 5), 0)],
)
def test_all_and_none_are_said_only_where_it_is_so(figures: Figures, percent: int) -> None:
    assert figures.percent(figures.made) == percent


def test_hours_in_words() -> None:
    assert [hours(n) for n in (0, 0.5, 1, 2.4, 37.2)] == [
        "no hours",
        "less than an hour",
        "about an hour",
        "about 2.5 hours",
        "about 37 hours",
    ]
    assert duration(1200) == "about 1,200 hours (150 days of work)"
    assert sentence("nothing counts it") == "Nothing counts it."
    assert sentence("email, name: they are equal") == "email, name: they are equal."


def test_what_a_code_is_about_is_told_in_plain_words() -> None:
    """Of a code that nothing is said of, its own words and the first sentence of its reason."""
    written = conversion().items[0]
    items = tuple(
        replace(written, code=code, reason="numeric(1.5) in v1.2 holds. It does.") for code in ("program", "odd-thing")
    )
    [target] = assess([replace(conversion(), items=items)], shop_conversion.hours).targets
    assert {(group.title, group.plain.split(":")[0]) for group in (*target.actions, *target.findings)} == {
        ("Programs to be written again", "Procedures, functions and triggers whose code has no sure translation"),
        ("Odd thing", "numeric(1.5) in v1.2 holds"),
    }


@pytest.mark.parametrize(("script", "dialect"), [("oracle.sql", Dialect.ORACLE), ("tsql.sql", Dialect.TSQL)])
def test_the_first_page_is_in_plain_words_and_its_numbers_add_up(script: str, dialect: Dialect) -> None:
    source = read((SCRIPTS / script).read_text(), dialect, script)
    rules = load()
    jobs = [job.of_kind(kind, source, rules, None) for kind in ("postgres", "dynamodb")]
    for target in assess([entry.conversion for entry in jobs], rules.hours, rules.again).targets:
        assert [group.code for group in target.risks()[:5] if not subjects.plain(group.code)] == []
        for figure in ("automatic", "changed", "by_hand", "total"):
            counted = (getattr(figures, figure) for kind, figures in target.kinds.items() if kind not in WITHIN_TABLES)
            assert sum(counted) == getattr(target.objects, figure)
        assert target.hours == pytest.approx(sum(group.hours for group in target.actions))
        assert sum(effort.items for effort in target.effort) == sum(len(group.items) for group in target.actions)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    page = html(assess([conversion(), conversion("archive", Dialect.MARIADB)], shop_conversion.hours))
    tags = _parsed(page)
    assert not tags.tags & {"script", "link", "img", "iframe", "object"}
    assert all(address.startswith("#") for address in tags.addresses)
    assert {address[1:] for address in tags.addresses} <= set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids))
    assert "url(" not in page
    assert "@import" not in page
    for said in ("98 % of 129 objects", "about 16 hours", "Procedure body", "close_month()", "FETCH open_invoices"):
        assert said in page


def test_every_object_has_a_line_on_the_page_and_in_markdown() -> None:
    given = conversion()
    assessment = assess([given], shop_conversion.hours)
    inventory = html(assessment).partition("Every object")[2]
    for table in given.source.tables:
        assert f">{table.name}<" in inventory
    for said in ("open_orders", "net_price()", "procedure", "trigger stock_check", "index orders_name"):
        assert said in inventory
    lines = markdown(assessment).partition("### Every object")[2].strip().splitlines()
    assert len(lines) == 2 + len(given.verdicts)


def test_nothing_of_a_schema_becomes_markup() -> None:
    page = html(assess([_evil()], shop_conversion.hours))
    assert "script" not in _parsed(page).tags
    assert "<script" not in page
    text = markdown(assess([_evil()], shop_conversion.hours))
    outside = re.sub(r"(?s)^ *(`{3,})sql\n.*?\n *\1$", "", text, flags=re.MULTILINE)
    assert not re.search(r"(?<!\\)<", outside)
    assert all(line.count("|") - line.count(r"\|") in (0, 5, 6) for line in outside.splitlines())


def test_json_has_all_of_it() -> None:
    given = conversion()
    found = orjson.loads(orjson.dumps(record(assess([given], shop_conversion.hours))))
    [target] = found["targets"]
    assert target["objects"] == {"total": 129, "automatic": 95, "changed": 31, "by_hand": 3}
    assert (target["percent"], target["hours"]) == (98, 16.0)
    assert len(target["verdicts"]) == len(given.verdicts)
    items = [item for part in ("actions", "findings") for group in target[part] for item in group["items"]]
    assert len(items) == len(given.items)
    [procedure] = next(group["items"] for group in target["actions"] if group["code"] == "procedure-body")
    assert (procedure["name"], procedure["line"], procedure["original"]) == (
        "shop.close_month",
        1,
        shop_conversion.PROCEDURE,
    )


def test_a_report_is_written_by_its_suffix(tmp_path: Path) -> None:
    assessment = assess([conversion()], shop_conversion.hours)
    for name, begins in (("a.html", b"<!DOCTYPE html>"), ("b.MD", b"# Schema assessment"), ("c.json", b"{")):
        write(assessment, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begins)
    with pytest.raises(ConfigError, match=r"\.html, \.md or \.json"):
        write(assessment, tmp_path / "a.pdf")
    with pytest.raises(RefusedError, match="no such file"):
        write(assessment, tmp_path / "nowhere" / "a.html")


def test_a_question_about_what_is_made_is_charged_once() -> None:
    """Twenty-five columns ask the same; two procedures are two pieces of work."""
    whole = conversion()
    asking = [replace(item, complexity=Complexity.MEDIUM) for item in whole.items if item.code == "collation-case"]
    [written] = [item for item in whole.items if item.code == "procedure-body"]
    other = replace(written, member="(integer)")
    given = replace(whole, items=(*asking, written, other))
    [target] = assess([given], shop_conversion.hours, again=0.1).targets
    hours = {group.code: group.hours for group in target.actions}
    assert hours == {"procedure-body": 20.0, "collation-case": pytest.approx(4.0 + 24 * 0.4)}
    assert target.hours == pytest.approx(sum(hours.values()))
    repeated = [replace(written, code="check", member=f"c{n}", repeats=True) for n in range(11)]
    [target] = assess([replace(whole, items=tuple(repeated))], shop_conversion.hours, again=0.1).targets
    assert target.hours == pytest.approx(10.0 + 10 * 1.0), "what is by hand, and decided once"


def test_tables_whose_columns_ask_the_same_are_told_together() -> None:
    whole = conversion()
    first, second, _ = whole.source.tables[:3]
    said = "texts are compared otherwise"
    items = [
        Item("text", ObjectKind.TABLE, table.name, "", Grade.CHANGED, f"{columns}: {said}", "look", None)
        for table, columns in ((first, "name, note"), (second, "name"))
    ]
    items.append(replace(items[0], reason=f"unknown: {said}"))
    [target] = assess([replace(whole, items=tuple(items))], shop_conversion.hours).targets
    [group] = target.findings
    assert [(entry.reason, [place.columns for place in entry.places]) for entry in group.said] == [
        (said, [("name",), ("name", "note")]),
        (f"unknown: {said}", [()]),
    ]
    page = html(assess([replace(whole, items=tuple(items))], shop_conversion.hours))
    assert page.count("Texts are compared otherwise.") == 2, "among the risks, and once for both tables"
