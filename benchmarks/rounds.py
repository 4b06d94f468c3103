"""A B A B …: each round takes every contender in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.figures import Run
from benchmarks.stage import Contender
from benchmarks.works import Work


def take_turns(
    path: str, work: Work, contenders: Sequence[Contender], rounds: int, change: Callable[[], None]
) -> dict[str, list[Run]]:
    """The runs of each contender by its name, in order of rounds.

    Args:
        change: makes the work's events, after everybody is prepared.
    """

    def takes_part(contender: Contender, number: int) -> bool:
        return contender.rounds is None or number < contender.rounds

    turns = [(number, one) for number in range(rounds) for one in contenders if takes_part(one, number)]
    for number, contender in turns:
        contender.prepare(number)
    change()
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for number, contender in turns:
        taken = contender.run(number)
        runs[contender.name].append(taken)
        print(line(path, work.name, contender.name, taken), flush=True)
    return runs


def line(path: str, work: str, contender: str, run: Run) -> str:
    """One run for a person who watches."""
    warm = run.more.get("warm_rows_per_second")
    parts = [
        f"{path:32} {work:14} {contender:20} {run.rows:>9,} rows {run.rows_per_second:>9,.0f}/s",
        f"warm {warm:>9,.0f}/s" if warm else "",
        f"{run.cpu_seconds:6.1f} s CPU" if run.cpu_seconds is not None else "",
        f"{run.peak_rss_mb:6.0f} MB" if run.peak_rss_mb is not None else "",
        " ".join(f"{name} {value:.1f} ms" for name, value in (run.latency_ms or {}).items()),
    ]
    return "  ".join(part for part in parts if part)
