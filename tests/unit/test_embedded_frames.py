"""Frames of the embedded stream: what goes in comes out, and other bytes are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.batch import Run
from tailrace.compiled import compiled_class
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
    unpacked = [run for frame in packed for run in frames.decode(frames.unpacked(frame.body))]
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


def test_what_is_not_small_is_compressed_and_read_back() -> None:
    run = Run("t", [b"%d" % n for n in range(500)], [b'{"id":%d,"name":"a name"}' % n for n in range(500)])
    [frame] = frames.encode([run])
    assert len(frame.body) < frame.size / 3
    body = frames.unpacked(frame.body)
    assert len(body) == frame.size
    assert flat(frames.decode(body, 100)) == flat([run])[100:]
    for damaged in (frame.body[:-5], frame.body[:9] + bytes(8) + frame.body[17:]):
        with pytest.raises(ValueError, match="frame"):
            frames.decode(frames.unpacked(damaged))


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


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "fit", frames._fit)
    monkeypatch.setattr(frames, "pack", frames._pack)
    monkeypatch.setattr(frames, "column", frames._column)


@given(some_runs, st.integers(1, 200), st.data())
def test_the_compiled_form_gives_the_same_frames_and_cells(runs: list[Run], limit: int, data: st.DataObject) -> None:
    if compiled_class("tailrace_sqlite.cells", "pack") is None:
        pytest.skip("no compiled form here")
    for run in runs:
        for start in range(len(run)):
            assert frames.fit(run.keys, run.values, start, limit) == frames._fit(run.keys, run.values, start, limit)
    packed = list(frames.encode(runs, limit))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "fit", frames._fit)
        patch.setattr(frames, "pack", frames._pack)
        assert list(frames.encode(runs, limit)) == packed
        patch.setattr(frames, "column", frames._column)
        skips = [data.draw(st.integers(0, frame.events)) for frame in packed]
        expected = [flat(frames.decode(frame.body, skip)) for frame, skip in zip(packed, skips, strict=True)]
    assert [flat(frames.decode(frame.body, skip)) for frame, skip in zip(packed, skips, strict=True)] == expected


@given(st.binary(max_size=60), st.integers(-1, 12), st.integers(0, 60), st.integers(0, 60), st.integers(0, 12))
def test_neither_form_reads_beyond_damaged_bytes(body: bytes, count: int, lengths: int, start: int, skip: int) -> None:
    found: list[object] = []
    for read in (frames.column, frames._column):
        try:
            found.append(read(body, lengths, count, start, skip))
        except ValueError:
            found.append(None)
    assert found[0] == found[1]


def test_a_value_that_is_not_bytes_is_refused() -> None:
    runs = [Run("t", [None], ["text"])]  # type: ignore[list-item]
    with pytest.raises(TypeError):
        list(frames.encode(runs))


@pytest.mark.usefixtures("interpreted")
def test_the_interpreted_form_keeps_to_the_limit_too() -> None:
    test_frames_keep_to_the_limit_but_for_a_single_event()


@pytest.mark.usefixtures("interpreted")
def test_a_value_that_is_not_bytes_is_refused_by_the_interpreted_form() -> None:
    test_a_value_that_is_not_bytes_is_refused()
