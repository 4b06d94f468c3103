"""The assessment as Markdown (GitHub's, with tables), for a ticket or a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tailrace.conversion.outcome import Grade
from tailrace.conversion.report import words
from tailrace.conversion.report.assessment import WITHIN_TABLES, Assessment, Figures, Group, Place, Target

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")
_RISKS = 5


def markdown(assessment: Assessment) -> str:
    return "\n".join(_lines(assessment)) + "\n"


def _lines(assessment: Assessment) -> Iterator[str]:
    source = assessment.source
    targets = " and ".join(words.title(target) for target in assessment.targets)
    yield f"# Schema assessment: {_plain(words.SYSTEMS[source.dialect])} to {_plain(targets)}"
    yield ""
    yield f"{_plain(words.source_line(source))}; {words.size(source)}; {assessment.created:%Y-%m-%d %H:%M} UTC"
    for target in assessment.targets:
        yield from _target(target)
    if source.skipped:
        yield from ("", "## Not part of the schema", "", "Statements of the script that make no object.", "")
        for entry in source.skipped:
            count = f" ({entry.count} statements)" if entry.count > 1 else ""
            yield f"- line {entry.line}: {_plain(entry.text)}: {_plain(words.sentence(entry.reason))}{count}"


def _target(target: Target) -> Iterator[str]:
    yield from ("", f"## {_plain(words.title(target))}", "", words.verdict(target), "")
    if risks := target.risks()[:_RISKS]:
        yield from ("The biggest risks:", "")
        for group in risks:
            much = words.affected(group) + (f", {words.hours(group.hours)}" if group.hours else "")
            yield f"- **{_plain(group.title)}** ({much}): {_plain(words.sentence(group.plain))}"
        yield ""
    yield from ("### Objects by kind", "", "| kind | all | by itself | with a difference | by hand |")
    yield "|---|--:|--:|--:|--:|"
    standing = [entry for entry in target.kinds.items() if entry[0] not in WITHIN_TABLES]
    for kind, figures in standing:
        yield _row(words.plural_of(kind), figures)
    yield _row("**together**", target.objects)
    for kind, figures in target.kinds.items():
        if kind in WITHIN_TABLES:  # they count with their table
            yield _row(f"*{words.plural_of(kind)}*", figures)
    yield from ("", "### Work", "", "| class | objects | items | hours |", "|---|--:|--:|--:|")
    for entry in target.effort:
        bounds = f"{entry.complexity} ({words.BOUNDS[entry.complexity]})"
        yield f"| {bounds} | {entry.objects} | {entry.items} | {round(entry.hours, 1):g} |"
    yield from ("", "### Action items")
    yield from _groups(target.actions, "Nothing is left to a person.")
    yield from ("", "### What bites later")
    yield from _groups(target.findings, "Nothing was found.")
    yield from ("", "### Every object", "", "| kind | at the source | in the target | converted |", "|---|---|---|---|")
    for verdict in target.verdicts:
        name, made = _plain(words.called(verdict)), _plain(verdict.target) or "–"
        yield f"| {verdict.kind} | {name} | {made} | {words.GRADES[verdict.grade]} |"


def _row(name: str, figures: Figures) -> str:
    return f"| {name} | {figures.total} | {figures.automatic} | {figures.changed} | {figures.by_hand} |"


def _groups(groups: tuple[Group, ...], none: str) -> Iterator[str]:
    if not groups:
        yield from ("", none)
    for group in groups:
        classed = f", {group.complexity}, {words.hours(group.hours)}" if group.complexity else ""
        yield from ("", f"#### {_plain(group.title)} (`{group.code}`{classed})")
        for said in group.said:
            yield from ("", _plain(words.sentence(said.reason)))
            if said.proposal:
                yield from ("", f"**What to do:** {_plain(words.sentence(said.proposal))}")
            yield ""
            for place in said.places:
                yield from _place(place)


def _place(place: Place) -> Iterator[str]:
    item = place.item
    columns = f": {_plain(', '.join(place.columns))}" if place.columns else ""
    line = f", line {item.line}" if item.line else ""
    grade = "" if item.grade is Grade.AUTOMATIC else f" ({words.GRADES[item.grade]})"
    yield f"- {item.kind} {_plain(words.called(item))}{columns}{line}{grade}"
    for name, sql in (("at the source", item.original), ("in the target", item.replacement)):
        if sql:
            fence = "`" * max(3, _longest_ticks(sql) + 1)
            yield from ("", f"  {name}:", "", f"  {fence}sql")
            yield from (f"  {written}".rstrip() for written in sql.strip("\n").splitlines())
            yield from (f"  {fence}", "")


def _longest_ticks(sql: str) -> int:
    return max((len(ticks) for ticks in re.findall("`+", sql)), default=0)


def _plain(text: str) -> str:
    """So that nothing of it is taken for Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
