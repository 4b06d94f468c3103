"""`python -m benchmarks [options]` measures; `python -m benchmarks table` prints results.json as Markdown.

Everything on real servers (tests/servers) on this machine. Each round takes every contender in turn; results.json
keeps what was measured before of other paths, works and contenders.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from types import FrameType

from benchmarks import bars, results, table
from benchmarks.asked import Asked
from benchmarks.figures import Run
from benchmarks.paths import capture, embedded, latency, limits, load, pipeline, sinks
from benchmarks.works import WORKS

PATHS = {
    "capture": capture.measure,
    "embedded": embedded.measure,
    "sinks": sinks.measure,
    "pipeline": pipeline.measure,
    "latency": latency.measure,
    "limits": limits.measure,
    "load": load.measure,
}
SINKS = ("postgres18", "mysql", "sqlite", "dynamodb")
SOURCES = (*bars.MYSQL_FAMILY, *bars.POSTGRES)
_USUAL_SOURCES = ("mysql", "postgres15")


def parsed(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", choices=("run", "table"), default="run")
    for option, choices, usual in (
        ("--paths", PATHS, tuple(PATHS)),
        ("--works", WORKS, tuple(WORKS)),
        ("--sources", SOURCES, _USUAL_SOURCES),
        ("--sinks", SINKS, SINKS),
    ):
        shown = f"{', '.join(choices)}; default: {'all' if len(usual) == len(choices) else ' '.join(usual)}"
        parser.add_argument(option, nargs="+", choices=choices, default=usual, metavar="NAME", help=shown)
    parser.add_argument(
        "--contenders", nargs="+", default=[], metavar="NAME", help="as results.json names them; default: all"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="instead of each work's own number of events")
    parser.add_argument("--rates", nargs="+", type=int, default=[500, 2_000, 5_000], help="of latency, in tx/s")
    parser.add_argument("--seconds", type=int, default=10, help="of latency, at each rate")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """0; 1 where a contender failed or lost something."""
    order = parsed(words)
    known = results.Results()
    if order.command == "table":
        print(table.render(known), end="")
        return 0
    asked = Asked(
        sources=tuple(order.sources),
        works=tuple(order.works),
        sinks=tuple(order.sinks),
        rounds=order.rounds,
        rows=order.rows,
        contenders=tuple(order.contenders),
        rates=tuple(order.rates),
        seconds=order.seconds,
    )
    command = shlex.join(["python", "-m", "benchmarks", *words])

    def report(path: str, work: str, contender: str, runs: list[Run]) -> None:
        known.put(results.record(path, work, contender, runs), command)

    for path in order.paths:
        PATHS[path](asked, report)
    if asked.failures:
        print(f"benchmarks: {len(asked.failures)} parts failed:", *asked.failures, sep="\n", file=sys.stderr)
    return 1 if asked.failures else 0


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # As Ctrl-C: servers and contenders are ended on the way out.
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
