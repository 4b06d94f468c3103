"""`tailrace cutover`."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from tailrace.cli.output import console, number, print_json
from tailrace.cli.verify import show_verification
from tailrace.config import load
from tailrace.cutover import Report
from tailrace.cutover import cutover as process
from tailrace.errors import ConfigError
from tailrace.structure import FAILED, LEFT_OUT, MADE, NOTE, PRESENT, TO_MAKE, Outcome
from tailrace.supervisor import folder

_STYLES = {MADE: "green", PRESENT: "", TO_MAKE: "cyan", LEFT_OUT: "yellow", FAILED: "bold red"}


def cutover(file: str, as_json: bool, dry_run: bool, timeout: float) -> int:
    """0 the targets are ready; 1 they differ from the source, or something could not be made.

    Raises:
        ConfigError: the pipeline has no target.
        NotRunningError: the pipeline is not running.
        StuckError: it does not catch up, or a table is suspended.
        RefusedError: the state folder is another pipeline's.
    """
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    if not pipeline.sinks:
        raise ConfigError("the pipeline has no target to be made ready", fix="add a [[sinks]] table")
    pipeline.resolve_secrets()
    if as_json:
        report = process(pipeline, dry_run, timeout, lambda what: None)
        print_json(report.to_dict())
    else:
        with console().status("") as shown:
            report = process(pipeline, dry_run, timeout, shown.update)
        _show(report)
    return 0 if report.done else 1


def _show(report: Report) -> None:
    out = console()
    if report.verification is not None:
        show_verification(report.verification)
    for sink, outcomes in report.outcomes.items():
        out.print(Text(f"\nsink {sink}", "bold"))
        for note in (outcome for outcome in outcomes if outcome.kind == NOTE):
            out.print(note.detail, style="yellow", highlight=False, markup=False, soft_wrap=True)
        listed = [outcome for outcome in outcomes if outcome.kind != NOTE]
        if listed:
            out.print(_table(listed))
        for outcome in listed:
            if outcome.state in (FAILED, TO_MAKE):
                out.print(f"  {outcome.statement}", highlight=False, markup=False, soft_wrap=True)
    out.print()
    for line, style in _verdict(report):
        out.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _table(outcomes: list[Outcome]) -> Table:
    view = Table("table", "what", "name", "", "", box=None, header_style="bold", pad_edge=False)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.table):
        state = Text(outcome.state, _STYLES[outcome.state])
        view.add_row(outcome.table, outcome.kind, outcome.name, state, Text(outcome.detail))
    return view


def _verdict(report: Report) -> list[tuple[str, str]]:
    if not report.equal:
        return [("the targets differ from the source: nothing was set", "bold red")]
    if report.dry_run:
        return [(f"{number(report.count(TO_MAKE))} would be made; nothing was changed", "")]
    lines: list[tuple[str, str]] = []
    if report.position:
        lines.append((f"the targets equalled the source, caught up to {report.position}", ""))
        lines.append(("writes to the source after that are carried for as long as the pipeline runs", ""))
    if report.writes:
        told = f"the source got {number(report.writes)} changes during the comparison"
        lines.append((f"{told}: stop its writers, then run this again", "yellow"))
    made, failed = report.count(MADE), report.count(FAILED)
    if failed:
        lines.append((f"{number(failed)} could not be made: see their statements above", "bold red"))
    lines.append((f"{number(made)} made" if made else "nothing was left to be made", "green" if not failed else ""))
    return lines
