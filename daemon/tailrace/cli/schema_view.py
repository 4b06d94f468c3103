"""What `tailrace schema` has found and done, for a person or a program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailrace.cli.output import console
from tailrace.conversion.job import Job
from tailrace.conversion.making.application import Plan
from tailrace.conversion.making.difference import Difference, State
from tailrace.conversion.outcome import Grade
from tailrace.conversion.report import Assessment, words
from tailrace.conversion.report.assessment import Figures, Group, Place, Target
from tailrace.conversion.target import Stage, Statement

#: Of a group of items, and of differences, that are shown; a report and --json have all.
_SHOWN = 8
#: Characters of what differs; --json has all.
_BRIEF = 160
_STYLES = {Grade.AUTOMATIC: "", Grade.CHANGED: "yellow", Grade.BY_HAND: "bold red"}
_STATES = {State.MISSING: "red", State.DIFFERENT: "yellow", State.EXTRA: "cyan", State.RENAMED: "dim"}


@dataclass(slots=True)
class Done:
    """What became of one target.

    Attributes:
        plan: with --apply.
        unheld: with --apply: what the target does not hold as it was meant, though it was made.
        found: with --diff.
        for_cutover: what was held back, `tailrace cutover` makes: it knows the pipeline's source, and no script.
    """

    job: Job
    plan: Plan | None = None
    unheld: list[Difference] = field(default_factory=list)
    found: list[Difference] | None = None
    for_cutover: bool = True

    @property
    def differs(self) -> bool:
        if self.plan is not None:
            return bool(self.plan.differing or self.unheld)
        return any(difference.counts for difference in self.found or ())


def key_design(entry: Job) -> str | None:
    """The key design of a key-value target as TOML; None: it is none."""
    design: Callable[[], str] | None = getattr(entry.target, "key_design", None)
    return design() if design else None


def record(done: Done) -> dict[str, Any]:
    """The target's part of --json."""
    entry: dict[str, Any] = {"sink": done.job.name, "statements": [_statement(s) for s in done.job.statements()]}
    if done.plan is not None:
        entry["applied"] = {
            "present": done.plan.present,
            "made": [_statement(statement) for statement in done.plan.statements],
            "held": [_statement(statement) for statement in done.plan.held],
            "differing": [difference.to_dict() for difference in done.plan.differing],
            "unheld": [difference.to_dict() for difference in done.unheld],
        }
    if done.found is not None:
        entry["equal"] = not done.differs
        entry["differences"] = [difference.to_dict() for difference in done.found]
    return entry


def _statement(statement: Statement) -> dict[str, str]:
    return {
        "kind": statement.kind,
        "name": str(statement.name),
        "member": statement.member,
        "stage": statement.stage,
        "sql": statement.sql,
    }


def show(assessment: Assessment, done: Sequence[Done], aside: bool) -> None:
    """
    Args:
        aside: stdout has the statements: what is said goes to stderr.
    """
    out = Console(stderr=True) if aside else console()
    if aside and not sys.stderr.isatty():
        out = Console(stderr=True, width=200, soft_wrap=False)
    for target, entry in zip(assessment.targets, done, strict=True):
        out.print(Text(f"\n{words.title(target)}", "bold"))
        if entry.found is not None:
            _show_found(out, entry)
            continue
        if entry.plan is None:
            _show_assessment(out, target)
        else:
            _show_plan(out, entry, entry.plan, target)


def _show_assessment(out: Console, target: Target) -> None:
    out.print(_kinds(target.kinds.items()))
    for group in (*target.actions, *target.findings):
        _show_group(out, group)
    out.print(Text(f"\n{words.verdict(target)}", "" if target.objects.by_hand else "green"), soft_wrap=True)


def _kinds(kinds: Any) -> Table:
    view = Table("kind", box=None, header_style="bold", pad_edge=False)
    for heading in ("all", "by itself", "different", "by hand"):
        view.add_column(heading, justify="right")
    rows: list[tuple[str, Figures]] = [(words.plural_of(kind), figures) for kind, figures in kinds]
    for name, figures in rows:
        view.add_row(
            name,
            f"{figures.total:,}",
            f"{figures.automatic:,}",
            Text(f"{figures.changed:,}", "yellow" if figures.changed else "dim"),
            Text(f"{figures.by_hand:,}", "bold red" if figures.by_hand else "dim"),
        )
    return view


def _show_group(out: Console, group: Group) -> None:
    much = f"{words.affected(group)}, {words.hours(group.hours)}" if group.hours else words.affected(group)
    out.print(Text(f"\n{group.code}", _STYLES[group.grade]), Text(f"({much})"))
    for said in group.said:
        _say(out, f"  {said.reason}")
        if said.proposal:
            _say(out, f"  → {said.proposal}")
        more = f", and {len(said.places) - _SHOWN:,} more" if len(said.places) > _SHOWN else ""
        _say(out, f"    {'; '.join(map(_place, said.places[:_SHOWN]))}{more}", "dim")


def _place(place: Place) -> str:
    columns = f": {', '.join(place.columns)}" if place.columns else ""
    line = f" (line {place.item.line})" if place.item.line else ""
    return f"{words.called(place.item)}{columns}{line}"


def _show_plan(out: Console, done: Done, plan: Plan, target: Target) -> None:
    made = dict.fromkeys(map(_named, plan.statements))
    for name in made:
        _say(out, f"made {name}", "green")
    for name in dict.fromkeys(map(_named, plan.held)):
        _say(out, f"held back {name}", "cyan")
    _show_differences(out, plan.differing)
    _show_differences(out, done.unheld)
    out.print()
    _say(
        out, f"{words.count(len(made), 'object')} made, {plan.present:,} there already", "" if done.differs else "green"
    )
    for stage in (Stage.REST, Stage.CUTOVER):
        if held := [statement for statement in plan.held if statement.stage is stage]:
            _say(out, f"{words.count(len(held), 'statement')} held back: {_later(stage, done)}", "cyan")
    if plan.differing:
        lines = f"{words.count(len(plan.differing), 'object')} there in another form, and left alone"
        _say(out, lines, "yellow")
    if plan.completable:
        lines = f"{words.count(plan.completable, 'object')} of these lack what --apply --complete gives them"
        _say(out, lines, "yellow")
    if done.unheld:
        _say(out, f"the target does not hold {words.count(len(done.unheld), 'object')} as it was meant", "bold red")
    elif plan.statements:
        _say(out, "read back: the target holds what was meant", "green")
    if target.objects.by_hand:
        _say(out, f"{words.count(target.objects.by_hand, 'object')} left to a person: see --report", "yellow")


def _later(stage: Stage, done: Done) -> str:
    if stage is Stage.REST:
        return "best after the load; --apply without --stage makes them"
    return "`tailrace cutover` makes them, or --stage all" if done.for_cutover else "--stage all makes them"


def _show_found(out: Console, done: Done) -> None:
    found = done.found or []
    _show_differences(out, found)
    if done.differs:
        _say(out, f"\n{words.count(sum(d.counts for d in found), 'difference')}", "bold red")
    else:
        _say(out, "the target's schema is what the source's becomes", "green")


def _show_differences(out: Console, found: Sequence[Difference]) -> None:
    for difference in found:
        _say(out, f"{difference.state} {difference.kind} {difference.where}", _STATES[difference.state])
        for detail in difference.details:
            _say(out, f"    {detail.what}: meant {_brief(detail.wanted)}, found {_brief(detail.found)}", "dim")


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return "none" if not line else line if len(line) <= _BRIEF else f"{line[:_BRIEF]}…"


def _named(statement: Statement) -> str:
    return f"{statement.kind} {statement.name}" + (f".{statement.member}" if statement.member else "")


def _say(out: Console, line: str, style: str = "") -> None:
    out.print(line, style=style, highlight=False, markup=False, soft_wrap=True)
