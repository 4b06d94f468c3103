"""One small run of a path, on real servers."""

from __future__ import annotations

import pytest

from benchmarks.contenders.naive import NaivePostgres
from benchmarks.contenders.tailrace import Tailrace
from benchmarks.processes import ContenderError
from benchmarks.rounds import take_turns
from benchmarks.stage import Contender, kafka_stage
from benchmarks.works import Single, insert


def test_contenders_read_the_same_log_by_turns_and_an_event_too_many_is_an_error() -> None:
    work = Single(400)
    with kafka_stage("postgres15", work) as made:
        contenders: list[Contender] = [Tailrace(made), NaivePostgres(made)]
        later = Tailrace(made)
        later.prepare(1)
        runs = take_turns("postgres15 -> kafka", work, contenders, 1, lambda: work.change(made.source))
        assert {name: [run.rows for run in taken] for name, taken in runs.items()} == {
            "tailrace": [400],
            "psycopg2": [400],
        }
        [run] = runs["tailrace"]
        assert 0 < run.seconds <= run.more["process_seconds"] + 1
        assert run.cpu_seconds is not None
        assert run.cpu_seconds > 0
        assert run.more["capture_peak_rss_mb"] > 10
        assert run.more["source_cpu_seconds"] > 0

        made.source.execute(insert(made.source, "bench_01", 900, 1))
        with pytest.raises(ContenderError, match=r"\(401, 401, \d+\) there, and \(400, 401, \d+\) at the source"):
            later.run(1)
