"""The assessment as one HTML file: no scripts, nothing from elsewhere, fit for a screen, a telephone and A4."""

from __future__ import annotations

from importlib.resources import files

from tailrace import __version__
from tailrace.conversion.catalog import Catalog
from tailrace.conversion.outcome import Complexity, Grade
from tailrace.conversion.report import charts, words
from tailrace.conversion.report.assessment import CODE, WITHIN_TABLES, Assessment, Figures, Group, Target
from tailrace.conversion.report.details import group_card, inventory, skipped
from tailrace.conversion.report.markup import Markup, element

#: Told on the first page; the sections have all of them.
_RISKS_ALONE, _RISKS_EACH = 5, 3


def html(assessment: Assessment) -> str:
    """The whole document."""
    style = files("tailrace.conversion.report").joinpath("style.css").read_text(encoding="utf-8")
    name = f"Schema assessment: {words.SYSTEMS[assessment.source.dialect]} to {_systems(assessment)}"
    alone = len(assessment.targets) == 1
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", name),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        _header(assessment),
        element(
            "main",
            *(_summary(target, index, alone) for index, target in enumerate(assessment.targets)),
            *(_section(target, index) for index, target in enumerate(assessment.targets)),
            _skipped(assessment.source) if assessment.source.skipped else None,
            class_=None if alone else "several",
        ),
        _footer(),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _systems(assessment: Assessment) -> str:
    names = [words.title(target) for target in assessment.targets]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _header(assessment: Assessment) -> Markup:
    source = assessment.source
    return element(
        "header",
        element("p", "Schema assessment", class_="over"),
        element("h1", f"{words.SYSTEMS[source.dialect]} to {_systems(assessment)}"),
        element("p", words.source_line(source), class_="facts"),
        element("p", f"{words.size(source)} · {assessment.created:%Y-%m-%d %H:%M} UTC", class_="facts"),
    )


def _skipped(source: Catalog) -> Markup:
    told = element("p", "Statements of the script that make no object: settings, data, commands of its client.")
    return element("section", element("h2", "Not part of the schema"), told, skipped(source), class_="target")


def _footer() -> Markup:
    grades = (
        "By itself: the converted object means the same. With a difference: it is made, and the report says what is"
    )
    hands = " different. By hand: it is not made; its original, the reason and a proposal are in the report."
    again = "A question that is decided once for many objects takes them once, and a part for each further object."
    classes = "; ".join(f"{complexity}: {words.BOUNDS[complexity]}" for complexity in Complexity)
    return element(
        "footer",
        element("p", grades + hands),
        element("p", f"Hours are estimates, by the class of each action item ({classes}). {again}"),
        element("p", f"tailrace {__version__}"),
    )


def _summary(target: Target, index: int, alone: bool) -> Markup:
    """What a manager reads: how much goes by itself, how long the rest takes, what is to be feared."""
    figures = target.objects
    risks = target.risks()
    shown = risks[: _RISKS_ALONE if alone else _RISKS_EACH]
    parts: list[Markup | None] = [
        element(
            "div",
            charts.ring(figures, _said(figures)),
            element(
                "div",
                None if alone else element("h2", words.title(target)),
                element("p", words.verdict(target), class_="lead"),
                _legend(),
            ),
            class_="summary-top",
        ),
        _tiles(target),
    ]
    if shown:
        parts += [
            element("h3", "The biggest risks"),
            element("ol", *(_risk(group, index) for group in shown), class_="risks"),
        ]
    if len(risks) > len(shown):
        rest = words.count(len(risks) - len(shown), "more subject")
        parts.append(element("p", element("a", f"{rest} and all details", href=f"#target-{index}"), class_="screen"))
    return element("section", *parts, class_="summary")


def _said(figures: Figures) -> str:
    parts = (f"{figures.automatic} by itself", f"{figures.changed} with a difference", f"{figures.by_hand} by hand")
    return ", ".join(parts)


def _legend() -> Markup:
    entries = ((style, words.GRADES[grade]) for grade, style in _STYLES.items())
    return element("ul", *(element("li", name, class_=style) for style, name in entries), class_="legend")


_STYLES = {Grade.AUTOMATIC: "automatic", Grade.CHANGED: "changed", Grade.BY_HAND: "by-hand"}


def _tiles(target: Target) -> Markup:
    figures = target.objects
    done = words.hours(target.hours)
    tiles = (
        ("automatic", f"{figures.automatic:,}", "converted, mean the same", ""),
        ("changed", f"{figures.changed:,}", "converted, with a difference", ""),
        ("by-hand", f"{figures.by_hand:,}", "left to a person", ""),
        ("hours", done[:1].upper() + done[1:], words.days(target.hours) or "of work", "words"),
    )
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value, class_=form or None), class_=f"tile {style}")
            for style, value, name, form in tiles
        ),
        class_="tiles",
    )


def _risk(group: Group, index: int) -> Markup:
    much = words.affected(group) + (f", {words.hours(group.hours)}" if group.hours else "")
    return element(
        "li",
        element("a", group.title, href=f"#t{index}-{group.code}", class_="what"),
        element("span", much, class_="much"),
        element("span", words.sentence(group.plain), class_="why"),
    )


def _section(target: Target, index: int) -> Markup:
    title = words.title(target)
    parts: list[Markup | None] = [
        element("p", "Target", class_="over"),
        element("h2", title),
        element("p", words.system(target), class_="facts") if words.system(target) != title else None,
        element(
            "div",
            element("div", element("h3", "Objects by kind"), _legend(), _kinds(target), _within(target)),
            element("div", element("h3", "What is left to do"), _work(target), *_totals(target)),
            class_="split first",
        ),
        element("h3", "Action items"),
        *_groups(target.actions, index, "Nothing is left to a person."),
        element("h3", "What bites later"),
        *_groups(target.findings, index, "Nothing was found."),
        element("h3", "Every object"),
        inventory(target),
    ]
    return element("section", *parts, class_="target", id=f"target-{index}")


def _groups(groups: tuple[Group, ...], index: int, none: str) -> list[Markup]:
    if not groups:
        return [element("p", none, class_="muted")]
    return [group_card(group, f"t{index}-{group.code}") for group in groups]


def _kinds(target: Target) -> Markup:
    rows: list[Markup] = []
    within = [kind for kind in target.kinds if kind in WITHIN_TABLES]
    for kind in [*(kind for kind in target.kinds if kind not in WITHIN_TABLES), *within]:
        figures = target.kinds[kind]
        name = words.plural_of(kind).capitalize()
        rows.append(
            element(
                "tr",
                element("td", name),
                element("td", charts.bar(figures, f"{name}: {_said(figures)}", height=8), class_="drawn"),
                *(_number(value) for value in (figures.total, figures.automatic, figures.changed, figures.by_hand)),
                class_="within" if kind in within else None,
            )
        )
    heads = ("All", "Same", "Different", "By hand")
    head = element(
        "tr",
        element("th", "Kind"),
        element("th", class_="drawn"),
        *(element("th", name, class_="number") for name in heads),
    )
    return element("table", element("thead", head), element("tbody", *rows), class_="kinds")


def _within(target: Target) -> Markup | None:
    """What the grey rows are."""
    kinds = [words.plural_of(kind) for kind in target.kinds if kind in WITHIN_TABLES]
    if not kinds:
        return None
    told = f"{' and '.join(kinds).capitalize()} count with their table, which is as good as its worst one."
    return element("p", told, class_="note")


def _number(value: int) -> Markup:
    return element("td", f"{value:,}" if value else "–", class_="number" if value else "number zero")


def _work(target: Target) -> Markup:
    if not target.hours:
        return element("p", "Nothing that takes time.", class_="muted")
    most = max(entry.hours for entry in target.effort)
    rows: list[Markup] = []
    for entry in target.effort:
        note = f"{words.count(entry.items, 'item')}, {words.hours(entry.hours)}" if entry.items else "none"
        name = element("b", entry.complexity.capitalize())
        rows += [
            element("div", element("span", name, f" ({words.BOUNDS[entry.complexity]})"), element("span", note)),
            charts.length(entry.hours, most, entry.complexity, f"{entry.complexity}: {note}"),
        ]
    total = element("p", f"In all {words.duration(target.hours)}.")
    return element("div", *rows, total, class_="hours-chart")


def _totals(target: Target) -> list[Markup]:
    """Storage and code apart, as their shares differ most."""
    if not (target.storage.total and target.code.total):
        return []
    code = ", ".join(words.plural_of(kind) for kind in target.kinds if kind in CODE)
    return [
        element("h3", "Storage and code"),
        element(
            "table",
            *(
                element(
                    "tr",
                    element("td", name),
                    element("td", charts.bar(figures, f"{name}: {_said(figures)}", height=8), class_="drawn"),
                    element("td", f"{figures.percent(figures.made)} % of {figures.total:,}", class_="number"),
                )
                for name, figures in (
                    ("Tables and what belongs to them", target.storage),
                    (code.capitalize(), target.code),
                )
            ),
            class_="kinds loose",
        ),
    ]
