"""The Markdown that docs/performance.md carries: the bars, and every record's medians."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.bars import Bar, bars, steady
from benchmarks.figures import PERCENTILES, median, ratio
from benchmarks.results import Record, Results

VERDICTS = {"aim": "aim reached", "met": "met", "missed": "**missed**"}


def render(results: Results) -> str:
    """The whole text; what was not measured is left out."""
    if not results.records:
        return "Nothing was measured yet.\n"
    parts = [_head(results.head), _bars(results), _rates(results), _latencies(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(head: dict[str, Any]) -> str:
    machine = head["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in head["versions"].items())
    return (
        f"{head['date']}; {machine['cores']} × {machine['cpu']}, {machine['memory']}.\n{versions}.\n`{head['command']}`"
    )


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(columns)
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _bars(results: Results) -> str:
    def line(bar: Bar, figure: float) -> list[str]:
        aim = "" if bar.aim is None else f"{bar.aim:g}"
        side = "≥" if bar.at_least else "≤"
        required = f"{side} {bar.required:g} {bar.unit}"
        return [bar.title, f"{figure:.3g} {bar.unit}", required, aim, VERDICTS[bar.verdict(figure)]]

    measured = [(bar, bar.measured(results)) for bar in bars()]
    rows = [line(bar, figure) for bar, figure in measured if figure is not None]
    return _table(("", "measured", "required", "aim", ""), rows) if rows else ""


def _rates(results: Results) -> str:
    rows = [_rate(results, entry) for entry in results.records if not any(entry["latency_ms"])]
    columns = ("path, work, contender", "runs", "rows", "rows/s", "steady rows/s", "tailrace × it, steady")
    more = ("CPU s per million", "source CPU s", "broker CPU s", "peak MiB")
    return _table((*columns, *more), rows) if rows else ""


def _rate(results: Results, entry: Record) -> list[str]:
    rates = [rows / seconds for rows, seconds in zip(entry["rows"], entry["seconds"], strict=True)]
    cpu = [used and used / rows * 1e6 for used, rows in zip(entry["cpu_seconds"], entry["rows"], strict=True)]
    pair = results.pair(entry["path"], entry["work"], "tailrace", entry["contender"])
    against = None if pair is None or pair[0] is entry else ratio(steady(pair[0]), steady(entry))
    return [
        f"{entry['path']}, {entry['work']}, {entry['contender']}",
        str(len(entry["rows"])),
        f"{max(entry['rows']):,}",
        _number(median(rates), "{:,.0f}"),
        _number(median(steady(entry)), "{:,.0f}"),
        _number(against, "{:.2f}"),
        _number(median(cpu), "{:.1f}"),
        _number(median(entry.get("source_cpu_seconds", [])), "{:.1f}"),
        _number(median(entry.get("broker_cpu_seconds", [])), "{:.1f}"),
        _number(median(entry["peak_rss_mb"]), "{:,.0f}"),
    ]


def _latencies(results: Results) -> str:
    rows = []
    for entry in results.records:
        taken = [one for one in entry["latency_ms"] if one]
        if taken:
            figures = [_number(median([one[name] for one in taken]), "{:.1f}") for name in PERCENTILES]
            reached = _number(median(entry.get("reached_per_second", [])), "{:,.0f}")
            title = f"{entry['path']}, {entry['work']}, {entry['contender']}"
            rows.append([title, str(len(taken)), reached, *figures])
    columns = ("path, work, contender", "runs", "tx/s reached", *(f"{name} ms" for name in PERCENTILES))
    return _table(columns, rows) if rows else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)
