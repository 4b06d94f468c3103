"""`python -m tests.kill_matrix`: rounds of kills for each engine; the last line is a JSON summary.

A run that was ended goes on where it was, from the file of `--progress`; what it makes is a fresh pipeline.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests import servers
from tests.kill_matrix.progress import Progress
from tests.kill_matrix.rounds import Matrix, Round
from tests.pipelines import failing

ENGINES = ("mariadb", "mysql", "postgres18")
#: Targets are of another engine than the source.
COPIES = {"mariadb": "postgres18", "mysql": "postgres18", "postgres18": "mariadb"}
#: Rounds with one pipeline: what it has written is kept in memory by the check.
SESSION_ROUNDS = 40


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kill_matrix", description=__doc__)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--stream", choices=("kafka", "embedded"), default="kafka")
    parser.add_argument("--kills", type=int, default=100, help="rounds with SIGKILL for each engine (default 100)")
    parser.add_argument("--terms", type=int, default=20, help="rounds with SIGTERM after them (default 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=sys.maxsize, help="end after so many, to be continued")
    parser.add_argument("--progress", type=Path, default=Path("build/kill-matrix.json"))
    options = parser.parse_args()
    plan = {key: getattr(options, key) for key in ("stream", "kills", "terms", "seed")}
    progress = Progress(options.progress, plan)
    total, left = options.kills + options.terms, options.rounds
    for engine in options.engines:
        while left > 0 and progress.of(engine).rounds < total:
            rounds = min(left, total - progress.of(engine).rounds, SESSION_ROUNDS)
            _session(engine, options, progress, rounds)
            left -= rounds
    summary = progress.summary()
    summary["done"] = all(progress.of(engine).rounds >= total for engine in options.engines)
    summary["failures"] = sum(len(engine.failures) for engine in progress.engines.values())
    print(json.dumps(summary))
    return 1 if summary["failures"] else 0


def _session(engine: str, options: argparse.Namespace, progress: Progress, rounds: int) -> None:
    """A pipeline, for some rounds: until there were so many, or one has failed, which leaves the pipeline's folder."""
    done = progress.of(engine)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stack.enter_context(servers.start(engine)).database("kills"))
        copy = stack.enter_context(stack.enter_context(servers.start(COPIES[engine])).database("kills"))
        stream = ""
        if options.stream == "kafka":
            stream = failing.kafka_of_partitions(stack.enter_context(servers.start("kafka")).bootstrap)
        folder = Path(tempfile.mkdtemp(prefix=f"kill-matrix-{engine}-"))
        matrix = Matrix(folder, source, copy, stream, options.seed * 1000 + done.rounds)
        stack.callback(matrix.close)
        matrix.prepare()
        for _ in range(rounds):
            number = done.rounds
            round_ = Round.of(options.seed, engine, number, options.kills, [sink.name for sink in matrix.sinks])
            begun, events, sums = time.monotonic(), matrix.events, matrix.sums
            failure = ""
            try:
                matrix.run(round_)
            except AssertionError as error:
                failure = f"round {number}, {round_}: {error} (in {folder})"
                done.failures.append(failure)
                done.anomalies.update(matrix.anomalies.counts)
            done.rounds += 1
            done.ways[round_.way] += 1
            done.events += matrix.events - events
            done.sums += matrix.sums - sums
            done.seconds = round(done.seconds + time.monotonic() - begun, 1)
            progress.store()
            outcome = failure or f"{matrix.events - events} events, whole"
            print(f"{engine} {number}: {round_.way} after {round_.moment:.2f} s: {outcome}", flush=True)
            if failure:
                return
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
