"""`[source] start`: which texts are places and times, and what is said of the others."""

from __future__ import annotations

import struct

import pytest

from tailrace.config import parse
from tailrace.config.start import moment_text
from tailrace.errors import ConfigError
from tailrace_mysql.binlog.heads import gtid_list, previous_gtids
from tailrace_mysql.gtid import GtidSet
from tailrace_mysql.start_text import Asked, parse_position

MYSQL = 'connector = "mysql"\nurl = "mysql://repl@127.0.0.1/shop"\n'
POSTGRES = 'connector = "postgres"\nurl = "postgresql://repl@127.0.0.1/shop"\n'
SET = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-42"
HEADER = bytes(19)


def settings(source: str, start: str) -> object:
    return parse(f'name = "shop"\nmode = "cdc"\n[source]\n{source}start = "{start}"\n', "shop.toml").source


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-11-26T12:00:00Z", 1795694400_000000),
        ("2026-11-26T12:00:00.25Z", 1795694400_250000),
        ("2026-11-26t14:00:00.000001+02:00", 1795694400_000001),
        ("2026-11-26 06:30:00-05:30", 1795694400_000000),
    ],
)
def test_a_time_is_exact_to_the_microsecond(text: str, micros: int) -> None:
    for source in (MYSQL, POSTGRES):
        found = settings(source, f"timestamp:{text}").start_at  # type: ignore[attr-defined]
        assert (found.micros, found.position) == (micros, "")
    assert moment_text(1795694400_250000) == "2026-11-26T12:00:00.250000Z"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("binlog.000003:812", Asked("binlog.000003", 812)),
        ("mysql-bin.1234567:5000000000", Asked("mysql-bin.1234567", 5_000_000_000)),
        ("gtid:0-1-42", Asked(gtid="0-1-42", mariadb=True)),
        ("gtid:1-2-7,0-1-42", Asked(gtid="0-1-42,1-2-7", mariadb=True)),
        (f"gtid:{SET}", Asked(gtid=SET)),
        (f"gtid:{SET.upper()}:50, {SET}", Asked(gtid=f"{SET}:50")),
        (f"gtid:{SET[:36]}:tag:1-3", Asked(gtid=f"{SET[:36]}:tag:1-3")),
    ],
)
def test_positions_of_a_binlog(text: str, asked: Asked) -> None:
    assert parse_position(text) == asked
    found = settings(MYSQL, f"position:{text}").start_at  # type: ignore[attr-defined]
    assert found.position == text


@pytest.mark.parametrize(
    "text",
    [
        *("0/16B3748", "binlog.000003", "binlog.000003:3", "binlog.000003:x", "binlog:812", "a:binlog.000003:812"),
        *("gtid:", "gtid:0-1", "gtid:0-1-x", "gtid:0-1-42,", f"gtid:{SET[:36]}", f"gtid:{SET},0-1-42"),
    ],
)
def test_what_is_no_position_of_a_binlog(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings(MYSQL, f"position:{text}")
    if text != "":
        assert f"shop.toml: source.start: {text!r} is no position of a binlog; write it as one of" in str(error.value)
    assert "position:gtid:0-1-42" in str(error.value)


def test_positions_of_postgresql() -> None:
    assert settings(POSTGRES, "position:0/16B3748").start_at.position == "0/16B3748"  # type: ignore[attr-defined]
    for text in ("16B3748", "0/", "0/XYZ", "binlog.000003:812"):
        with pytest.raises(ConfigError) as error:
            settings(POSTGRES, f"position:{text}")
        assert str(error.value) == (
            f"shop.toml: source.start: {text!r} is no log sequence number; write it as PostgreSQL does:"
            ' start = "position:0/16B3748"'
        )


def test_now_is_no_place_behind_us() -> None:
    for source in (MYSQL, POSTGRES):
        assert settings(source, "now").start_at is None  # type: ignore[attr-defined]


# ---- what stands at a binlog file's beginning


@pytest.mark.parametrize("text", ["", SET, f"{SET}:50-51", f"{SET},{SET.replace('3e', '4e')}", f"{SET}:tag:1-3:9"])
def test_the_set_before_a_file_is_read_as_it_was_written(text: str) -> None:
    known = GtidSet(text)
    event = HEADER + known.encode()
    assert GtidSet(previous_gtids(event)).text == known.text
    for cut in range(len(HEADER), len(event)):
        with pytest.raises(ValueError, match=r"cut off|16-char"):
            previous_gtids(event[:cut])


def test_the_last_transaction_of_each_domain_counts() -> None:
    entries = [(1, 7, 5), (0, 1, 3), (0, 2, 9)]
    event = HEADER + struct.pack("<I", len(entries)) + b"".join(struct.pack("<IIQ", *entry) for entry in entries)
    assert gtid_list(event) == "0-2-9,1-7-5"
    with pytest.raises(ValueError, match="cut off"):
        gtid_list(event[:-1])
