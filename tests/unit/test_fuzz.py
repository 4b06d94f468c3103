"""A bounded part of `make fuzz`: any stream gives events or one named error, in both forms of the decoders alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import kept, numbered
from tests.fuzz.checks import ENGINES, alike, check, check_memory

ROOT = Path(__file__).parents[2]
INPUTS = 400


@pytest.mark.parametrize("engine", sorted(ENGINES))
@given(data=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_stream_gives_events_or_one_named_error(engine: str, data: bytes) -> None:
    check(engine, data)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_kept_inputs_hand_events_on_before_they_end(engine: str) -> None:
    """Each gets far, and ends in another way: what mutation starts from."""
    results = [check(engine, data).split() for data in kept(engine)]
    assert len(results) >= 10
    assert all(digests for _, *digests in results)


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_memory_is_bounded_by_the_input(engine: str) -> None:
    for number in range(60):
        check_memory(engine, numbered(number))


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_both_forms_give_the_same(engine: str) -> None:
    found = []
    for pure in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", engine, f"--outcomes={INPUTS}"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TAILRACE_PURE": pure},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found.append(done.stdout.splitlines())
    assert len(found[0]) >= INPUTS
    assert [pair for pair in enumerate(zip(*found, strict=True)) if not alike(*pair[1])] == []
