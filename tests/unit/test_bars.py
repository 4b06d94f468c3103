"""What the bars of a load show, and how fast it is taken to be."""

from __future__ import annotations

import time
from typing import Any

import pytest
from rich.console import Console, RenderableType

from tailrace.cli.bars import bars, why
from tailrace.supervisor.loading import LoadPace


def table(name: str, rows: int, total: int, state: str = "loading") -> dict[str, Any]:
    percent = 100 * rows / total if total else None
    more = {"percent": percent, "rows_per_second": None, "seconds_left": None}
    return {"name": name, "state": state, "rows": rows, "total": total, **more}


def lines(shown: RenderableType, width: int = 120) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(shown)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_load_s_rate_is_that_of_all_tables_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = LoadPace()
    assert pace.look([table("a", 7, 7, "streaming")]) is None
    pace.look([table("a", 1000, 1000), table("b", 0, 4000)])
    now[0] += 2
    loading = pace.look([table("a", 1000, 1000, "streaming"), table("b", 1000, 4000)])
    assert loading is not None
    assert (loading.rows, loading.total, loading.percent) == (2000, 5000, 40.0)
    assert (loading.rows_per_second, loading.seconds_left) == (500.0, 6.0)
    # Capture starts again and counts from what is stored: nobody knows the rate then.
    loading = pace.look([table("a", 500, 1000), table("b", 0, 4000)])
    assert loading is not None
    assert loading.rows_per_second is None


def test_tables_of_unknown_size_have_no_percentage() -> None:
    loading = LoadPace().look([table("a", 70, 0)])
    assert loading is not None
    assert (loading.percent, loading.seconds_left) == (None, None)
    first, total = lines(bars(loading))
    assert first.startswith("a ")
    assert "%" not in first + total
    assert first.endswith(" 70")


def test_tables_that_are_read_come_first_and_ten_are_shown() -> None:
    waiting = [table(f"t{number}", 0, 10) for number in range(11)]
    loading = LoadPace().look([*waiting, table("begun", 5, 10)])
    assert loading is not None
    shown = lines(bars(loading, why([{"error": ""}, {"error": "loading paused: Threads_running 42 > 30"}])))
    assert len(shown) == 12
    assert shown[0].startswith("begun ")
    assert " 50 %" in shown[0]
    assert shown[10].startswith("total, with 2 more ")
    assert shown[11] == "loading paused: Threads_running 42 > 30"


def test_a_narrow_terminal_gets_a_line_for_each_table_all_the_same() -> None:
    loading = LoadPace().look([table("a_schema.a_table_with_quite_a_long_name", 5, 10)])
    assert loading is not None
    assert len(lines(bars(loading, "a reason " * 20), width=60)) == 3
