"""The embedded stream's files: segments, retention, cursors, damage, permissions.

What it has in common with Kafka is tested in tests/integration/test_stream_conformance.py.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tailrace.errors import DataLossError, OwnershipLostError, RefusedError, StuckError, UnreachableError
from tailrace.stream import Partition
from tailrace_sqlite import segments, stream_reader
from tests.streams import Event, Pipeline, contents, events_of, read, run

ONLY = Partition("", 0)
TOPIC = "shop.app.users"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    table = {"connector": "embedded", "retain": "1ms", "retain_bytes": "1MiB"}
    return Pipeline("shop", tmp_path / "state", table, sinks=("one", "two"))


@pytest.fixture(autouse=True)
def state_dir(pipeline: Pipeline) -> Path:
    pipeline.state_dir.mkdir()
    return pipeline.state_dir


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that this machine's clock is ahead; segments and retention go by it."""
    ahead = [0.0]
    now_ms = segments.now_ms
    monkeypatch.setattr(segments, "now_ms", lambda: now_ms() + int(1000 * ahead[0]))
    return ahead


def files(pipeline: Pipeline) -> list[str]:
    return sorted(path.name for path in (pipeline.state_dir / "stream").glob("*.segment"))


def big(index: int) -> tuple[bytes, bytes]:
    # As no compression makes it smaller.
    return b"%d" % index, b"%d:" % index + random.Random(index).randbytes(100_000)


def test_a_segment_holds_a_part_of_the_bound_and_the_whole_state(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    writer = stream.writer()
    writer.publish([], {"kept": b"from the first"})
    for index in range(8):
        writer.publish([run(TOPIC, big(index))], {"position": b"%d" % index})
    writer.close()
    assert len(files(pipeline)) == 8
    # Whoever has the newest segment alone knows everything a successor needs.
    for name in files(pipeline)[:-1]:
        segments.remove(pipeline.state_dir / "stream" / name)
    again = pipeline.open().writer()
    assert again.state() == {"kept": b"from the first", "position": b"7"}
    again.close()


def test_consumed_segments_go_when_their_time_has_passed(pipeline: Pipeline, clock: list[float]) -> None:
    stream = pipeline.open(retain="1h", retain_bytes="1GiB")
    writer = stream.writer()
    one, two = stream.reader("one"), stream.reader("two")
    for index in range(3):
        writer.publish([run(TOPIC, (b"k", b"%d" % index))], {})
        clock[0] += 300  # a sixteenth of an hour is a segment's time
    assert len(files(pipeline)) == 3
    for reader in (one, two):
        reader.seek({})
        assert len(read(reader, 3)) == 3
    one.commit({ONLY: 3})
    one.close()
    clock[0] += 7200
    writer.publish([run(TOPIC, (b"k", b"3"))], {})
    assert len(files(pipeline)) == 4, "the second sink has committed nothing yet"
    two.commit({ONLY: 2})
    two.close()
    clock[0] += 7200
    writer.publish([run(TOPIC, (b"k", b"4"))], {})
    assert files(pipeline)[0] == f"{2:020d}.segment"
    writer.close()


def test_time_not_passed_holds_consumed_segments(pipeline: Pipeline, clock: list[float]) -> None:
    stream = pipeline.open(retain="1h", retain_bytes="1GiB")
    writer = stream.writer()
    for index in range(3):
        writer.publish([run(TOPIC, (b"k", b"%d" % index))], {})
        clock[0] += 300
    for name in pipeline.sinks:
        reader = stream.reader(name)
        reader.seek({ONLY: 3})
        reader.close()
    writer.publish([run(TOPIC, (b"k", b"3"))], {})
    assert len(files(pipeline)) == 4
    writer.close()


def test_at_the_bound_consumed_segments_go_first_then_capture_pauses(pipeline: Pipeline) -> None:
    stream = pipeline.open(retain="1h")
    writer = stream.writer()
    one, two = stream.reader("one"), stream.reader("two")
    for reader in (one, two):
        reader.seek({})
    index = 0
    while not writer.backlog_full():
        writer.publish([run(TOPIC, big(index))], {})
        index += 1
        assert index < 50
    assert "one, two" in writer.backlog_full()
    assert "retain_bytes is 1,048,576" in writer.backlog_full()
    read(one, index)
    one.commit({ONLY: index})
    one.close()
    assert "two did not" in writer.backlog_full()
    read(two, index)
    two.commit({ONLY: index})
    two.close()
    assert writer.backlog_full() == ""
    writer.publish([run(TOPIC, big(index))], {"position": b"x"})
    assert stream.size().bytes < 2 << 20
    writer.close()


def test_what_is_behind_is_told_exactly_across_segments_without_reading_them(pipeline: Pipeline) -> None:
    stream = pipeline.open(retain="1h", retain_bytes="1GiB")
    writer = stream.writer()
    sizes = []
    for index in range(12):
        if index % 4 == 0:  # a segment of its own, begun by another process
            writer.close()
            writer = pipeline.open(retain="1h", retain_bytes="64KiB").writer()
        writer.publish([run(TOPIC, *(big(index) for _ in range(1 + index % 3)))], {})
        sizes.append(sum(len(key) + len(value) for key, value in [big(index)] * (1 + index % 3)))
    assert len(files(pipeline)) > 3
    reader = stream.reader("one")
    ends = reader.ends()
    reader.seek({})
    assert reader.lag_bytes({}, ends) == reader.lag_bytes({ONLY: 0}, ends)
    assert reader.lag_bytes(ends, ends) == {ONLY: 0}
    overhead, offset = 100, 0
    for index in range(12):
        behind = reader.lag_bytes({ONLY: offset}, ends)[ONLY]
        assert sum(sizes[index:]) < behind < sum(sizes[index:]) + overhead * (12 - index)
        if index % 3 == 2:
            # A batch counts until all of it is handed on.
            assert reader.lag_bytes({ONLY: offset + 1}, ends)[ONLY] == behind
            assert reader.lag_bytes({ONLY: offset + 2}, ends)[ONLY] == behind
        offset += 1 + index % 3
    pieces = [piece for _ in range(12) for piece in reader.poll(0, 1)]
    assert sum(piece.bytes for piece in pieces) == reader.lag_bytes({}, ends)[ONLY], "as reading it shows"
    assert reader.lag_bytes({ONLY: 1}, {ONLY: 1}) == {ONLY: 0}
    reader.close()
    writer.close()


def test_one_batch_larger_than_the_bound_passes(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    writer = stream.writer()
    for start in range(0, 60, 30):
        writer.publish([run(TOPIC, *(big(start + index) for index in range(30)))], {})
        assert "retain_bytes" in writer.backlog_full()
        for name in pipeline.sinks:
            reader = stream.reader(name)
            reader.seek({ONLY: start})
            read(reader, 30)
            reader.commit({ONLY: start + 30})
            reader.close()
        assert writer.backlog_full() == ""
    writer.close()


def test_a_stream_without_sinks_keeps_by_time_and_size_alone(pipeline: Pipeline) -> None:
    pipeline.sinks = ()
    stream = pipeline.open(retain="1h")
    writer = stream.writer()
    for index in range(40):
        writer.publish([run(TOPIC, big(index))], {})
        assert writer.backlog_full() == ""
    assert stream.size().bytes < 2 << 20
    writer.close()


def test_a_position_before_what_is_kept_is_data_loss(pipeline: Pipeline) -> None:
    pipeline.sinks = ()
    stream = pipeline.open()
    writer = stream.writer()
    for index in range(40):
        writer.publish([run(TOPIC, big(index))], {})
    with pytest.raises(DataLossError, match="from offset 3 on are asked for"):
        stream.reader("one").seek({ONLY: 3})
    with pytest.raises(DataLossError, match="offset 41 is asked for, but the stream ends at 40"):
        stream.reader("one").seek({ONLY: 41})
    with pytest.raises(DataLossError, match="one has no position yet"):
        stream.reader("one").seek({})
    # Nobody loses anything by looking.
    onlooker = stream.reader("")
    onlooker.seek({})
    assert events_of(onlooker)[0].offset > 3
    onlooker.close()
    writer.close()


def test_a_sink_that_can_never_be_served_holds_nothing_until_it_can(pipeline: Pipeline) -> None:
    """Added after the stream's beginning went: the others must not wait for it at the bound."""
    pipeline.sinks = ("one",)
    writer = pipeline.open().writer()
    one = pipeline.open().reader("one")
    one.seek({})

    def consume(index: int) -> None:
        writer.publish([run(TOPIC, big(index))], {})
        one.commit({ONLY: read(one, 1)[0].offset + 1})
        one.close()  # writes its cursor

    for index in range(15):
        consume(index)
    writer.close()
    assert files(pipeline)[0] > f"{0:020d}.segment"

    pipeline.sinks = ("one", "two")
    writer = pipeline.open().writer()
    two = pipeline.open().reader("two")
    for positions in ({}, {ONLY: 1}, {ONLY: 1000}):
        with pytest.raises(DataLossError):
            two.seek(positions)
        two.close()
    for index in range(15, 40):
        assert writer.backlog_full() == ""
        consume(index)
    assert pipeline.open().size().bytes < 2 << 20

    two.seek({ONLY: 40})
    two.close()
    while not writer.backlog_full():
        consume(40)
    assert "two did not" in writer.backlog_full()
    writer.close()


def test_a_cursor_that_cannot_be_written_stops_no_sink(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a hint, and a full disk is not to hide what really ended a sink."""
    monkeypatch.setattr(stream_reader, "_CURSOR_SECONDS", 0.0)
    (pipeline.state_dir / "cursors").write_text("in the way")
    stream = pipeline.open()
    writer, reader = stream.writer(), stream.reader("one")
    writer.publish([run(TOPIC, *(big(index) for index in range(12)))], {})
    assert "one, two did not" in writer.backlog_full()

    def apply_until_stuck() -> None:
        with closing(reader):
            reader.seek({})
            for event in read(reader, 12):
                reader.commit({ONLY: event.offset + 1})
                reader.poll(0.0, 1)
            raise StuckError("a value cannot be carried")

    with pytest.raises(StuckError):
        apply_until_stuck()
    assert "".join(capsys.readouterr()).count("cannot be noted as its cursor") == 1
    (pipeline.state_dir / "cursors").unlink()
    reader.seek({ONLY: 12})
    reader.close()
    assert "two did not" in writer.backlog_full(), "the cursor was written as soon as it could be"
    writer.close()


def test_a_pipeline_without_full_load_lets_a_new_sink_begin_late(pipeline: Pipeline) -> None:
    pipeline.sinks = ()
    pipeline.mode = "cdc"
    stream = pipeline.open()
    writer = stream.writer()
    for index in range(40):
        writer.publish([run(TOPIC, big(index))], {})
    reader = stream.reader("late")
    reader.seek({})
    assert events_of(reader)[0].offset > 3
    reader.close()
    writer.close()


def test_a_reader_goes_on_in_a_segment_that_is_being_removed(pipeline: Pipeline) -> None:
    pipeline.sinks = ()
    stream = pipeline.open()
    writer = stream.writer()
    reader = stream.reader("")
    writer.publish([run(TOPIC, big(0), big(1), big(2))], {})
    reader.seek({})
    assert events_of(reader, limit_bytes=1)[0].offset == 0
    position = reader.positions()[ONLY]
    for index in range(3, 40):
        writer.publish([run(TOPIC, big(index))], {})
    assert files(pipeline)[0] > f"{position:020d}"
    # What its segment still held is read; then the gap is told, not jumped over.
    events: list[Event] = []

    def read_all() -> None:
        while len(events) < 40:
            events.extend(events_of(reader))

    with pytest.raises(DataLossError, match="on are asked for"):
        read_all()
    assert [event.offset for event in events] == list(range(position, position + len(events)))
    reader.close()
    writer.close()


def test_a_second_writer_is_refused_by_the_first_ones_pid(pipeline: Pipeline) -> None:
    first = pipeline.open().writer()
    with pytest.raises(OwnershipLostError, match=f"process {os.getpid()} is writing"):
        pipeline.open().writer()
    with pytest.raises(OwnershipLostError, match=f"process {os.getpid()} is writing"):
        pipeline.open().teardown(dry_run=False)
    first.close()
    pipeline.open().writer().close()


def test_a_reader_waits_for_a_stream_that_is_not_there_yet(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    reader = stream.reader("one")
    reader.seek({})
    assert reader.stream_id == ""
    assert reader.poll(0.01, 1) == []
    assert (dict(reader.partitions()), dict(reader.ends()), reader.schemas(), reader.state()) == ({}, {}, [], {})
    writer = stream.writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {})
    assert contents(read(reader, 1)) == [(TOPIC, b"1", b"one")]
    assert reader.partitions() == {ONLY: reader.stream_id}
    reader.close()
    writer.close()


def test_an_event_is_seen_within_25_milliseconds(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    writer = stream.writer()
    reader = stream.reader("one")
    reader.seek({})
    delays = []
    for _ in range(10):
        assert reader.poll(0.1, 1) == []  # idle long enough to wait the longest
        writer.publish([run(TOPIC, (b"1", b"one"))], {})
        began = time.monotonic()
        assert reader.poll(5, 1)
        delays.append(time.monotonic() - began)
    assert sorted(delays)[len(delays) // 2] < 0.025
    reader.close()
    writer.close()


def test_a_stream_made_anew_is_not_read_on(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    writer = stream.writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {})
    writer.close()
    reader = stream.reader("one")
    reader.seek({})
    read(reader, 1)
    assert sorted(stream.teardown(dry_run=True)) == sorted(stream.teardown(dry_run=False))
    assert list(pipeline.state_dir.iterdir()) == []
    assert stream.teardown(dry_run=False) == []
    writer = stream.writer()
    writer.publish([run(TOPIC, (b"1", b"one"), (b"2", b"two"))], {})
    with pytest.raises(DataLossError, match="made anew"):
        reader.poll(1, 1)
    reader.close()
    writer.close()


def in_sqlite(statement: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(statement)
            connection.commit()

    return damage


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_bytes(b"\0" * 100), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[: 40 << 10]), "damaged"),
        (in_sqlite("UPDATE frames SET body = CAST(body || x'78' AS BLOB)"), "checksum"),
        (in_sqlite("DELETE FROM frames WHERE first = 1"), "missing"),
    ],
    ids=["no database", "cut", "changed", "lacking"],
)
def test_damage_is_named(pipeline: Pipeline, damage: Callable[[Path], None], told: str) -> None:
    stream = pipeline.open(retain_bytes="1GiB")
    writer = stream.writer()
    for index in range(20):
        writer.publish([run(TOPIC, big(index))], {})
    writer.close()
    damage(pipeline.state_dir / "stream" / files(pipeline)[0])
    reader = pipeline.open().reader("one")

    def read_all() -> None:
        reader.seek({})
        while reader.poll(0, 1 << 20):
            pass

    with pytest.raises(DataLossError, match=f"segment.*{told}"):
        read_all()
    reader.close()


def test_no_permission_is_told_apart_from_not_there(pipeline: Pipeline) -> None:
    writer = pipeline.open().writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {})
    writer.close()
    stream = pipeline.state_dir / "stream"
    if os.geteuid() == 0:
        os.seteuid(65534)
    else:
        stream.chmod(0)
    try:
        with pytest.raises(RefusedError, match="no permission"):
            pipeline.open().reader("").state()
        with pytest.raises(RefusedError, match="no permission"):
            pipeline.open().writer()
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        else:
            stream.chmod(0o700)


def test_an_emptied_segment_is_damage_for_the_writer_too(pipeline: Pipeline) -> None:
    writer = pipeline.open().writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {})
    writer.close()
    (segment,) = (pipeline.state_dir / "stream").glob("*.segment")
    with segment.open("r+b") as file:
        file.truncate(0)
    with pytest.raises(DataLossError, match="empty"):
        pipeline.open().writer()


def test_after_a_failed_publish_the_writer_must_be_opened_anew(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    writer = stream.writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {"position": b"1"})
    with pytest.raises(UnreachableError, match="SQLite cannot go on"):
        writer.publish([run(TOPIC, (b"2", b"two"))], {"position": None, "x": [1]})  # type: ignore[dict-item]
    with pytest.raises(UnreachableError, match="closed"):
        writer.publish([run(TOPIC, (b"2", b"two"))], {"position": b"2"})
    writer.close()
    writer = stream.writer()
    assert writer.state() == {"position": b"1"}
    reader = stream.reader("")
    reader.seek({})
    assert len(events_of(reader)) == 1
    reader.close()
    writer.close()


def test_unfinished_segments_and_leftovers_are_removed(pipeline: Pipeline) -> None:
    pipeline.open().writer().close()
    folder = pipeline.state_dir / "stream"
    for name in (f"{7:020d}.segment.new", f"{7:020d}.segment.new-journal", f"{3:020d}.segment-wal"):
        (folder / name).write_bytes(b"torn")
    pipeline.open().writer().close()
    assert sorted(path.name for path in folder.iterdir()) == [f"{0:020d}.segment", "lock"]


def test_check_says_what_there_is(pipeline: Pipeline) -> None:
    stream = pipeline.open()
    assert [finding.ok for finding in stream.check()] == [True, True, True]
    writer = stream.writer()
    writer.publish([run(TOPIC, (b"1", b"one"))], {})
    writer.close()
    assert "1 events so far" in stream.check()[1].detail
    assert pipeline.open(retain_bytes="900TiB").check()[2].ok is None


def test_a_stream_without_compression_goes_on(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace_sqlite.frames._COMPRESSED_FROM", 1 << 40)
    events = [(b"%d" % n, b"value %d" % n) for n in range(1000)]
    writer = pipeline.open().writer()
    writer.publish([run(TOPIC, *events)], {})
    writer.close()
    (segment,) = (pipeline.state_dir / "stream").glob("*.segment")
    with closing(sqlite3.connect(segment)) as connection:
        connection.execute("PRAGMA user_version = 2")
    monkeypatch.undo()
    writer = pipeline.open().writer()
    writer.publish([run(TOPIC, *events)], {})
    writer.close()
    with closing(pipeline.open().reader("")) as reader:
        reader.seek({})
        assert contents(read(reader, 2000)) == [(TOPIC, *event) for event in events * 2]


def test_a_stream_of_before_the_first_release_is_refused_by_name(pipeline: Pipeline) -> None:
    pipeline.open().writer().close()
    (segment,) = (pipeline.state_dir / "stream").glob("*.segment")
    with closing(sqlite3.connect(segment)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(RefusedError, match="format 1, of before the first release; run `tailrace teardown`"):
        pipeline.open().writer()
