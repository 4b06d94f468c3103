"""Durations and sizes."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from tailrace.config.units import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10.0), ("500ms", 0.5), ("1.5h", 5400.0), ("24h", 86400.0), ("7d", 604800.0), ("2m", 120.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "10 s", "-1s", "1h30m", "10S", "1e3s", "0s", "0.0ms", "10s\n", "١s", 10]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1B", 1), ("1kB", 1000), ("1MB", 10**6), ("256MiB", 1 << 28), ("10GiB", 10 << 30), ("0.5TiB", 1 << 39)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "1", "MiB", "1 MiB", "-1B", "1mb", "1K", "0B", "0.5B", "1MiB\n", 1024, True])
def test_no_sizes(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_size(text)
