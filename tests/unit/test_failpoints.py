"""Failpoints: what arms them, what they do, and that every one is placed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace import failpoints
from tailrace.errors import ConfigError, UnreachableError
from tailrace.failpoints import FOLDER, POINTS, VARIABLE
from tests.conftest import ROOT
from tests.servers import wait_until

POINT = "publish.begin"


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("", {})


def armed(worker: str, text: str, folder: Path) -> None:
    failpoints.arm(worker, {VARIABLE: text, FOLDER: str(folder)})


def test_without_the_variables_a_point_is_an_empty_function() -> None:
    failpoints.arm("capture", {"PATH": "/bin"})
    assert failpoints.reached is failpoints._nothing
    for point in POINTS:
        failpoints.reached(point)


@pytest.mark.parametrize(
    "environment",
    [
        {VARIABLE: f"{POINT}=kill"},
        {FOLDER: "/"},
        {VARIABLE: "", FOLDER: "/"},
        {VARIABLE: f"{POINT}=kill", FOLDER: "/no/such/folder"},
        {VARIABLE: f"{POINT}=explode", FOLDER: "/"},
        {VARIABLE: "no.such.point=kill", FOLDER: "/"},
        {VARIABLE: f"{POINT}=kill@0", FOLDER: "/"},
    ],
)
def test_what_is_half_or_not_understood_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="for tests"):
        failpoints.arm("capture", environment)
    assert failpoints.reached is failpoints._nothing


def test_a_point_fails_the_nth_time_and_then_never_again(tmp_path: Path) -> None:
    armed("capture", f"other/load.view=error; {POINT}=error@3", tmp_path)
    for _ in range(2):
        failpoints.reached(POINT)
        failpoints.reached("load.view")
    with pytest.raises(UnreachableError, match="a test made this fail"):
        failpoints.reached(POINT)
    failpoints.reached(POINT)
    assert [path.name for path in tmp_path.iterdir()] == [f"capture.{POINT}"]
    armed("capture", f"{POINT}=error", tmp_path)  # its next life
    failpoints.reached(POINT)
    armed("other", f"{POINT}=error", tmp_path)
    with pytest.raises(UnreachableError):
        failpoints.reached(POINT)


def test_a_point_that_stalls_goes_on_when_its_file_is_removed(tmp_path: Path) -> None:
    armed("capture", f"{POINT}=stall", tmp_path)
    thread = threading.Thread(target=failpoints.reached, args=(POINT,))
    thread.start()
    mark = tmp_path / f"capture.{POINT}"
    wait_until(mark.exists, 10, "it stands still")
    assert thread.is_alive()
    mark.unlink()
    thread.join(10)
    assert not thread.is_alive()


def test_a_point_kills_its_process(tmp_path: Path) -> None:
    code = f"import os; from tailrace import failpoints as f; f.arm('capture', os.environ); f.reached({POINT!r})"
    environment = {**os.environ, VARIABLE: f"{POINT}=kill", FOLDER: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert b"FAILS ON PURPOSE" in done.stdout + done.stderr
    assert (tmp_path / f"capture.{POINT}").exists()


def test_every_point_is_placed_and_every_place_is_a_point() -> None:
    files = [*ROOT.glob("daemon/**/*.py"), *ROOT.glob("connectors/**/*.py"), *ROOT.glob("connectors/**/*.pyx")]
    placed = Counter(
        point for file in files for point in re.findall(r'failpoints\.reached\("([a-z_.]+)"\)', file.read_text())
    )
    assert placed.keys() == POINTS.keys()
