"""An estimate of bytes from offsets."""

from __future__ import annotations

from tailrace_kafka.sizes import RecordSizes


def test_what_lies_ahead_is_taken_to_be_like_what_was_read_of_the_topic() -> None:
    sizes = RecordSizes()
    sizes.read("users", 100, 50_000)
    sizes.read("users", 100, 30_000)
    sizes.read("wide", 10, 1_000_000)
    assert sizes.estimate("users", 50) == 20_000
    assert sizes.estimate("wide", 3) == 300_000


def test_of_a_topic_that_was_not_read_the_others_tell() -> None:
    sizes = RecordSizes()
    assert sizes.estimate("users", 2) > 0
    sizes.read("orders", 10, 4_000)
    assert sizes.estimate("users", 2) == 800


def test_only_nothing_is_0() -> None:
    sizes = RecordSizes()
    sizes.read("users", 10, 0)  # markers only
    assert sizes.estimate("users", 0) == 0
    assert sizes.estimate("users", -3) == 0
    assert sizes.estimate("users", 5) > 0
