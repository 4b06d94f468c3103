"""Commands that tests fork are like those that a person starts."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines import commands

FILE = """
name = "forked"
state_dir = "{folder}/state"
[source]
connector = "mysql"
url = "mysql://u@127.0.0.1:1/shop"
"""


def started(*arguments: str) -> commands.Result:
    done = subprocess.run(
        [sys.executable, "-m", "tailrace.cli", *arguments], capture_output=True, text=True, check=False
    )
    return commands.Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "arguments", [["--version"], ["status"], ["no-such-command"], ["status", "/nonexistent.toml"], ["check", "--help"]]
)
def test_they_say_and_end_as_started_ones_do(arguments: list[str]) -> None:
    assert commands.run(arguments, 30) == started(*arguments)


def test_they_have_the_environment_folder_and_umask_of_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pipeline.toml").write_text(FILE.format(folder=tmp_path).replace("mysql://u@127.0.0.1:1/shop", "${WHERE}"))
    unset = commands.run(["run", "pipeline.toml"], 30)
    assert unset is not None
    assert (unset.code, "WHERE" in unset.stderr) == (2, True)
    monkeypatch.setenv("WHERE", "mysql://u@127.0.0.1:1/shop")
    unreachable = commands.run(["run", "pipeline.toml", "--until-caught-up"], 30)
    assert unreachable is not None
    assert unreachable.code == 5

    Path("shop.sql").write_text("CREATE TABLE t (id int PRIMARY KEY);")
    before = os.umask(0o027)
    try:
        words = ["schema", "--from-sql", "shop.sql", "--dialect", "mysql", "--target", "postgres", "--out", "made.sql"]
        assert commands.run(words, 30) is not None
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("made.sql").stat().st_mode) == 0o640


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text(FILE.format(folder=tmp_path))
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run(["tail", str(file), "--from", "now"], 0.5)
    assert commands.run(["--version"], 30) == started("--version"), "the next one is not concerned"


def test_what_counts_at_the_start_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILRACE_PURE", "0" if os.environ.get("TAILRACE_PURE") == "1" else "1")
    assert commands.run(["--version"], 30) is None
