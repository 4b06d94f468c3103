"""The page's long parts: items with their SQL, and every object with its verdict."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from tailrace.conversion.catalog import Catalog, ObjectKind, ObjectName, Skipped
from tailrace.conversion.outcome import Grade, Verdict
from tailrace.conversion.report import words
from tailrace.conversion.report.assessment import Group, Place, Said, Target
from tailrace.conversion.report.markup import Markup, element, join

#: SQL that is longer is folded on a screen.
_SHORT_LINES = 14
_ONE_LINE = 160
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
        *map(_said, group.said),
        class_="group short" if _lines_of(group) < _SHORT_LINES else "group",
        id=identifier,
    )


def _lines_of(group: Group) -> int:
    """About how long it gets on paper."""
    return sum(2 + max(item.original.count("\n"), item.replacement.count("\n")) for item in group.items)


def _said(said: Said) -> Markup:
    do = (
        element("p", element("b", "What to do: "), words.sentence(said.proposal), class_="do")
        if said.proposal
        else None
    )
    return element("div", element("p", words.sentence(said.reason)), do, _places(said.places), class_="said")


def _places(places: Sequence[Place]) -> Markup:
    items = [place.item for place in places]
    if not any(item.original or item.replacement for item in items):
        return element("ul", *(element("li", *_where(place)) for place in places), class_="places")
    if all(_fits(item.original) and _fits(item.replacement) for item in items):
        return _lines(places)
    return join(*map(_pieces, places))


def _fits(sql: str) -> bool:
    return "\n" not in sql.strip() and len(sql) <= _ONE_LINE


def _where(place: Place) -> list[Markup]:
    item = place.item
    columns = element("span", f": {', '.join(place.columns)}", class_="name") if place.columns else None
    line = element("span", f", line {item.line}", class_="kind") if item.line else None
    name = element("span", words.called(item), class_="name")
    return [element("span", f"{item.kind} ", class_="kind"), name, join(columns, line)]


def _lines(places: Sequence[Place]) -> Markup:
    sides = (("At the source", "original"), ("In the target", "replacement"))
    shown = [(name, side) for name, side in sides if any(getattr(place.item, side) for place in places)]
    rows = [
        element(
            "tr",
            element("td", *_where(place)),
            *(element("td", element("code", getattr(place.item, side).strip())) for _, side in shown),
        )
        for place in places
    ]
    heads = ("Object", *(name for name, _ in shown))
    head = element("thead", element("tr", *(element("th", name) for name in heads)))
    return element("div", element("table", head, element("tbody", *rows)), class_="sql wide")


def _pieces(place: Place) -> Markup:
    item = place.item
    written = (("At the source", item.original), ("In the target", item.replacement))
    sides = [(name, sql.strip("\n")) for name, sql in written if sql]
    longest = max((sql.count("\n") + 1 for _, sql in sides), default=0)
    short = "short" if longest <= _SHORT_LINES else None
    figures = [
        element("figure", element("figcaption", name), element("pre", element("code", sql)), class_=short)
        for name, sql in sides
    ]
    shown = element("div", *figures, class_="pieces")
    if not short:
        shown = element("details", element("summary", f"{longest} lines of SQL"), shown)
    return element("div", element("p", *_where(place), style="margin:0"), shown if sides else None, class_="sql")


def skipped(source: Catalog) -> Markup:
    """Statements of a script that make no object."""
    rows = [
        element(
            "tr",
            element("td", f"{entry.line}–{entry.last}" if entry.last > entry.line else entry.line),
            element("td", element("code", entry.text)),
            element("td", f"{words.sentence(entry.reason)} {_many(entry)}"),
        )
        for entry in source.skipped
    ]
    head = element("tr", *(element("th", name) for name in ("Line", "Begins", "Why it is not converted")))
    return element("table", element("thead", head), element("tbody", *rows))


def _many(entry: Skipped) -> str:
    parts = [words.count(entry.count, "statement")] if entry.count > 1 else []
    parts += [words.count(entry.rows, "row")] if entry.rows else []
    return f"({', '.join(parts)})" if parts else ""


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
