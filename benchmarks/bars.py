"""What is required, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import median, ratio
from benchmarks.results import Record, Results

MYSQL_FAMILY = ("mariadb", "mysql")
POSTGRES = ("postgres15", "postgres18")
Figures = list[float | None]


@dataclass(frozen=True)
class Bar:
    """One required figure.

    Attributes:
        title: what it is.
        unit: behind the number.
        required, aim: the bounds; `at_least` tells on which side a figure meets them.
        measured: the figure, from the results; None where something was not measured.
    """

    title: str
    unit: str
    required: float
    aim: float | None
    at_least: bool
    measured: Callable[[Results], float | None]

    def verdict(self, figure: float) -> str:
        """`aim`, `met` or `missed`."""
        for bound, word in ((self.aim, "aim"), (self.required, "met")):
            if bound is not None and (figure >= bound if self.at_least else figure <= bound):
                return word
        return "missed"


def per_event(entry: Record) -> Figures:
    """CPU seconds per million events."""
    return [cpu and cpu / rows * 1e6 for cpu, rows in zip(entry["cpu_seconds"], entry["rows"], strict=True)]


def warm(entry: Record) -> Figures:
    """Rows a second of each run's second half."""
    figures: Figures = entry["warm_rows_per_second"]
    return figures


def whole(entry: Record) -> Figures:
    """Rows a second over each whole run."""
    return [rows / seconds for rows, seconds in zip(entry["rows"], entry["seconds"], strict=True)]


def net(entry: Record) -> Figures:
    """Rows a second, what starting and stopping takes left out; None where there is nothing else."""
    timed = zip(entry["rows"], entry["seconds"], entry["idle_seconds"], strict=True)
    return [rows / (taken - idle) if taken > idle else None for rows, taken, idle in timed]


def steady(entry: Record) -> Figures:
    """The warm rate; where whole processes were timed, the net rate; nothing where neither is known."""
    if "warm_rows_per_second" in entry:
        return warm(entry)
    return net(entry) if "idle_seconds" in entry else []


def net_or_whole(entry: Record) -> Figures:
    """The net rate, of what was started and stopped for the run; the whole run's of others."""
    return net(entry) if "idle_seconds" in entry else whole(entry)


def compared(
    path: str,
    work: str,
    other: str,
    of: Callable[[Record], Figures],
    turned: bool = False,
    ours_is: str = "tailrace",
) -> Callable[[Results], float | None]:
    """tailrace's figure against the other's, pair by pair; `turned`: the other's against tailrace's."""

    def measured(results: Results) -> float | None:
        pair = results.pair(path, work, ours_is, other)
        if pair is None:
            return None
        ours, theirs = map(of, pair)
        return ratio(theirs, ours) if turned else ratio(ours, theirs)

    return measured


def greatest(name: str) -> Callable[[Results], float | None]:
    """The worst median of tailrace's figure `name`, of all paths and works."""

    def measured(results: Results) -> float | None:
        entries = [entry for entry in results.records if entry["contender"] == "tailrace" and name in entry]
        medians = [value for entry in entries if (value := median(entry[name])) is not None]
        return max(medians, default=None)

    return measured


def latency(source: str, contender: str, percentile: str, rate: int = 2_000) -> Callable[[Results], float | None]:
    """Median over the runs of a percentile, in milliseconds."""

    def measured(results: Results) -> float | None:
        entry = results.find(f"{source} -> kafka", f"latency-{rate}", contender)
        return None if entry is None else median([one and one[percentile] for one in entry["latency_ms"]])

    return measured


def below_debezium(source: str, percentile: str) -> Callable[[Results], float | None]:
    """tailrace's latency without transactions, as a part of Debezium's."""

    def measured(results: Results) -> float | None:
        pair = results.pair(f"{source} -> kafka", "latency-2000", "tailrace-at-least-once", "debezium")
        if pair is None:
            return None
        ours, theirs = ([one[percentile] for one in entry["latency_ms"]] for entry in pair)
        return ratio(ours, theirs)

    return measured


LATENCIES: tuple[tuple[str, str, str, float, float | None], ...] = (
    ("transactions", "tailrace", "p50", 15, 8),
    ("transactions", "tailrace", "p99", 60, 30),
    ("`transactional = false`", "tailrace-at-least-once", "p50", 5, 3),
    ("`transactional = false`", "tailrace-at-least-once", "p99", 25, None),
)


def bars() -> list[Bar]:
    """All of them, source by source."""
    made: list[Bar] = []
    for source in (*MYSQL_FAMILY, *POSTGRES):
        path = f"{source} -> kafka"
        mysql = source in MYSQL_FAMILY
        bulk, single = ((4.5, 8.0), (5.5, 10.0)) if mysql else ((3.5, 6.0), (2.0, 3.0))
        for work, bounds in (("bulk", bulk), ("single", single)):
            against = compared(path, work, "debezium", warm)
            made.append(Bar(f"{path}, {work}, against Debezium's warm rate", "×", *bounds, True, against))
        if not mysql:
            against = compared(path, "bulk", "pg_recvlogical", warm)
            made.append(Bar(f"{path}, bulk, against `pg_recvlogical`", "×", 0.9, 1.3, True, against))
        for work in ("bulk", "single"):
            cpu = compared(path, work, "debezium", per_event, turned=True)
            made.append(Bar(f"{path}, {work}, Debezium's CPU per event against ours", "×", 7, 10, True, cpu))
    made.append(
        Bar("peak memory of the capture worker, worst work", "MiB", 150, 100, False, greatest("capture_peak_rss_mb"))
    )
    for source in (*MYSQL_FAMILY, *POSTGRES):
        start = f"{source} -> consumer at 2,000 tx/s"
        for name, contender, percentile, required, aim in LATENCIES:
            figure = latency(source, contender, percentile)
            made.append(Bar(f"{start}, {name}, {percentile}", "ms", required, aim, False, figure))
        for percentile in ("p50", "p99"):
            part = below_debezium(source, percentile)
            title = f"{start}, `transactional = false`, {percentile} against Debezium's"
            made.append(Bar(title, "×", 1.0, None, False, part))
    sink = compared("kafka -> postgres18", "mixed", "execute_values", net)
    made.append(Bar("kafka -> PostgreSQL, against `execute_values` upserts", "×", 3, 5, True, sink))
    for source in (*MYSQL_FAMILY, *POSTGRES):
        stream = compared(f"{source} -> embedded", "bulk", "sqlite-writer", net)
        made.append(Bar(f"{source} -> embedded, bulk, against a bare SQLite writer", "×", 0.5, 0.8, True, stream))
    for source in (*MYSQL_FAMILY, *POSTGRES):
        path = f"{source} load -> kafka"
        dump = {"mysql": "mysqldump", "mariadb": "mariadb-dump"}.get(source, "copy")
        for contender in ("tailrace", "tailrace-embedded"):
            figure = compared(path, "load", dump, net_or_whole, ours_is=contender)
            made.append(Bar(f"{path}, {contender}, against the server's own `{dump}`", "×", 0.7, None, True, figure))
        snapshot = compared(path, "load", "debezium", net_or_whole)
        made.append(Bar(f"{path}, against Debezium's snapshot", "×", 8, None, True, snapshot))
    return made
