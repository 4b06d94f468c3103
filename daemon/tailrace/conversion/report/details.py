"""The page's long parts: items with their SQL, and every object with its verdict."""

from __future__ import annotations

from collections import Counter, defaultdict

from tailrace.conversion.catalog import ObjectKind, ObjectName
from tailrace.conversion.outcome import Grade, Item, Verdict
from tailrace.conversion.report import words
from tailrace.conversion.report.assessment import Group, Target
from tailrace.conversion.report.markup import Markup, element, join

#: SQL that is longer is folded on a screen.
_SHORT_LINES = 14
_ONE_LINE = 110
_STYLES = {Grade.AUTOMATIC: "automatic", Grade.CHANGED: "changed", Grade.BY_HAND: "by-hand"}
_BADGES = {Grade.AUTOMATIC: "to know", Grade.CHANGED: "different", Grade.BY_HAND: "by hand"}


def group_card(group: Group, identifier: str) -> Markup:
    """One code: what it is, and for each that says something else the reason, the proposal and the places."""
    much = [words.affected(group)]
    if group.complexity:
        much += [group.complexity, words.hours(group.hours)]
    return element(
        "article",
        element(
            "div",
            element("h4", group.title),
            element("span", _BADGES[group.grade], class_=f"badge {_STYLES[group.grade]}"),
            element("code", group.code, class_="code"),
            element("span", " · ".join(much), class_="much"),
            class_="group-head",
        ),
        *(_said(reason, proposal, items) for reason, proposal, items in group.said()),
        class_="group short" if _lines_of(group) < _SHORT_LINES else "group",
        id=identifier,
    )


def _lines_of(group: Group) -> int:
    """About how long it gets on paper."""
    return sum(2 + max(item.original.count("\n"), item.replacement.count("\n")) for item in group.items)


def _said(reason: str, proposal: str, items: list[Item]) -> Markup:
    return element(
        "div",
        element("p", words.sentence(reason)),
        element("p", element("b", "What to do: "), words.sentence(proposal), class_="do") if proposal else None,
        _places(items),
        class_="said",
    )


def _places(items: list[Item]) -> Markup:
    if not any(item.original or item.replacement for item in items):
        return element("ul", *(element("li", *_where(item)) for item in items), class_="places")
    if all(_fits(item.original) and _fits(item.replacement) for item in items):
        return _lines(items)
    return join(*(_pieces(item) for item in items))


def _fits(sql: str) -> bool:
    return "\n" not in sql.strip() and len(sql) <= _ONE_LINE


def _where(item: Item) -> list[Markup]:
    line = f", line {item.line}" if item.line else ""
    return [
        element("span", f"{item.kind} ", class_="kind"),
        element("span", words.called(item), class_="name"),
        join(line),
    ]


def _lines(items: list[Item]) -> Markup:
    replaced = any(item.replacement for item in items)
    heads = ["Object", "At the source", *(["In the target"] if replaced else [])]
    rows = [
        element(
            "tr",
            element("td", *_where(item)),
            element("td", element("code", item.original.strip())),
            element("td", element("code", item.replacement.strip())) if replaced else None,
        )
        for item in items
    ]
    head = element("thead", element("tr", *(element("th", name) for name in heads)))
    return element("div", element("table", head, element("tbody", *rows)), class_="sql wide")


def _pieces(item: Item) -> Markup:
    sides = [
        (name, sql) for name, sql in (("At the source", item.original), ("In the target", item.replacement)) if sql
    ]
    figures = [
        element(
            "figure",
            element("figcaption", name),
            element("pre", element("code", sql.strip("\n"))),
            class_="short" if sql.count("\n") < _SHORT_LINES else None,
        )
        for name, sql in sides
    ]
    shown = element("div", *figures, class_="pieces")
    longest = max((sql.strip("\n").count("\n") + 1 for _, sql in sides), default=0)
    if longest > _SHORT_LINES:
        shown = element("details", element("summary", f"{longest} lines of SQL"), shown)
    return element("div", element("p", *_where(item), style="margin:0"), shown if sides else None, class_="sql")


def inventory(target: Target) -> Markup:
    """A line for each object; what belongs to it is counted, and named where it is not just the same."""
    standing = {v.name: v for v in reversed(target.verdicts) if _stands(v)}
    parts: dict[ObjectName, list[Verdict]] = defaultdict(list)
    own: list[Verdict] = []
    for verdict in target.verdicts:
        if _stands(verdict) or verdict.name not in standing:
            own.append(verdict)
        else:
            parts[verdict.name].append(verdict)
    order = list(ObjectKind).index
    rows = [
        _object(verdict, parts.pop(verdict.name, []) if _stands(verdict) else [])
        for verdict in sorted(own, key=lambda v: (order(v.kind), v.name))
    ]
    heads = ("At the source", "In the target", "Converted", "What belongs to it")
    head = element("tr", *(element("th", name) for name in heads))
    return element("table", element("thead", head), element("tbody", *rows), class_="inventory")


def _stands(verdict: Verdict) -> bool:
    """By itself, and not with a table or view."""
    routine = verdict.kind in (ObjectKind.FUNCTION, ObjectKind.PROCEDURE)
    return routine or not (verdict.member or verdict.kind in (ObjectKind.COMMENT, ObjectKind.PARTITION))


def _object(verdict: Verdict, parts: list[Verdict]) -> Markup:
    grade = element("td", words.GRADES[verdict.grade], class_=f"g-{_STYLES[verdict.grade]}")
    return element(
        "tr",
        element(
            "td",
            element("span", f"{verdict.kind} ", class_="kind"),
            element("span", words.called(verdict), class_="name"),
        ),
        element("td", element("span", verdict.target or "–", class_="name")),
        grade,
        element("td", *_parts(parts), class_="parts"),
    )


def _parts(parts: list[Verdict]) -> list[Markup]:
    counted = Counter(verdict.kind for verdict in parts)
    said = [join(", ".join(words.plural(kind, counted[kind]) for kind in ObjectKind if kind in counted))]
    for grade in (Grade.BY_HAND, Grade.CHANGED):
        if named := [f"{verdict.kind} {verdict.member}".strip() for verdict in parts if verdict.grade is grade]:
            marked = element("b", f"{_BADGES[grade]}: ", class_=f"g-{_STYLES[grade]}")
            said.append(element("div", marked, ", ".join(named)))
    return said
