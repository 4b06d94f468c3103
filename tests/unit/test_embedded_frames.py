"""Frames of the embedded stream: what goes in comes out, and other bytes are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.batch import Run
from tailrace_sqlite import frames

cell = st.none() | st.binary(max_size=40)
pair = st.tuples(cell, cell)
some_runs = st.lists(
    st.builds(
        lambda topic, pairs: Run(topic, [key for key, _ in pairs], [value for _, value in pairs]),
        st.sampled_from(["shop.app.users", "shop.app.örders"]),
        st.lists(pair, max_size=20),
    ),
    max_size=6,
)


def flat(runs: list[Run]) -> list[tuple[str, bytes | None, bytes | None]]:
    return [(run.topic, key, value) for run in runs for key, value in run]


@given(some_runs, st.integers(1, 200))
def test_frames_hold_all_events_in_order(runs: list[Run], limit: int) -> None:
    packed = list(frames.encode(runs, limit))
    unpacked = [run for frame in packed for run in frames.decode(frame.body)]
    assert flat(unpacked) == flat(runs)
    assert all(frame.events for frame in packed)


@given(some_runs, st.data())
def test_reading_begins_inside_a_frame(runs: list[Run], data: st.DataObject) -> None:
    events = flat(runs)
    for frame in frames.encode(runs, 1 << 20):
        skip = data.draw(st.integers(0, len(events) - 1))
        unpacked = frames.decode(frame.body, skip)
        assert flat(unpacked) == events[skip:]
        assert all(len(run) for run in unpacked)


def test_frames_keep_to_the_limit_but_for_a_single_event() -> None:
    runs = [Run("t", [b"k"] * 5, [b"v" * 9, b"v" * 9, b"v" * 50, b"v" * 9, None])]
    assert [frame.events for frame in frames.encode(runs, 20)] == [2, 1, 2]


@given(some_runs, st.data())
def test_a_frame_cut_short_or_grown_is_no_frame(runs: list[Run], data: st.DataObject) -> None:
    for frame in frames.encode(runs, 1 << 20):
        cut = data.draw(st.integers(0, len(frame.body) - 1))
        for body in (frame.body[:cut], frame.body + b"x"):
            with pytest.raises(ValueError, match="frame"):
                frames.decode(body)
