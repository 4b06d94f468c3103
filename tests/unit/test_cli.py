"""The command line: usage, errors and exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from tailrace import __version__, demo
from tailrace.cli.main import _Given, guarded, main
from tailrace.config import ConfigErrors
from tailrace.errors import ConfigError, DataLossError, TailraceError

Output = pytest.CaptureFixture[str]


def raising(error: BaseException) -> int:
    def command() -> None:
        raise error

    return guarded(command)


def test_help_and_version(capsys: Output) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tailrace {__version__}\n"
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for command in ("run", "check", "status", "tail", "verify", "teardown", "demo"):
        assert f"\n  {command} " in listed


def test_no_command_at_all_is_the_help_and_exit_2(capsys: Output) -> None:
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    assert main([]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", page)


def test_the_demo_takes_the_options_that_stand_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def main_of_demo(*arguments: object) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.setattr(_Given, "debug", False)
    monkeypatch.setattr(demo, "main", main_of_demo)
    assert main(["demo", "--log-format", "json", "--debug", "--with", "kafka", "--rows", "10", "--seconds", "0.5"]) == 0
    assert _Given.debug
    assert main(["demo"]) == 0
    assert calls == [({"kafka"}, 0.5, 10), (set(), 8.0, 200_000)]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tailrace.cli.main import main\nassert main(['--help']) == 0\n"
        "heavy = {'pydantic', 'structlog', 'uvicorn', 'starlette', 'prometheus_client', 'sqlglot', 'tailrace.config'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_imports_neither_rich_nor_the_conversion_of_schemas() -> None:
    """A daemon starts one for each sink: what they import without need is time and memory, each time."""
    code = (
        "import sys, tailrace.worker, tailrace.config, tailrace.capture.worker, tailrace_mysql.connector, "
        "tailrace_postgres.connector, tailrace_mysql.source, tailrace_postgres.source, tailrace_sqlite.stream\n"
        "heavy = {'rich', 'sqlglot', 'boto3', 'typer', 'starlette', 'tailrace.conversion.catalog'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run"], "missing argument 'FILE'; see tailrace run --help"),
        (["rnu", "x"], "no such command 'rnu'"),
        (["run", "x", "--role", "sinks"], "invalid value for '--role'"),
        (["tail", "x", "--from", "tomorrow"], "must be beginning or now"),
        (["tail", "x", "--max", "0"], "invalid value for '--max'"),
        (["demo", "--with", "mysql,oracle"], "takes mysql and kafka, not oracle"),
        (["status", "x", "--log-format", "xml"], "invalid value for '--log-format'"),
        (["status", "/nonexistent.toml"], "/nonexistent.toml: there is no such file; check the path"),
    ],
)
def test_a_wrong_usage_is_one_line_and_exit_2(arguments: list[str], line: str, capsys: Output) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tailrace: error: ")
    assert captured.err.count("\n") == 1
    assert line in captured.err


def test_an_unknown_key_names_file_key_and_fix(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('nmae = "shop"\n[source]\nconnector = "postgres"\nurl = "postgresql://x@h/d"\n')
    assert main(["run", str(file)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert f"tailrace: error: {file}: nmae: unknown key; did you mean 'name'?" in lines


def test_every_error_leaves_as_its_line_and_its_code(capsys: Output) -> None:
    assert raising(DataLossError("the log is gone", where="db:3306", fix="load anew")) == 6
    assert capsys.readouterr().err == "tailrace: error: db:3306: the log is gone; load anew\n"
    assert raising(TailraceError("no")) == 1
    assert raising(ConfigErrors([ConfigError("a"), ConfigError("b")])) == 2
    assert capsys.readouterr().err == "tailrace: error: no\ntailrace: error: a\ntailrace: error: b\n"


def test_an_unexpected_error_is_one_line_without_its_message(capsys: Output) -> None:
    assert raising(ValueError("a secret")) == 1
    err = capsys.readouterr().err
    assert err.startswith("tailrace: error: unexpected ValueError at tailrace.cli.main:")
    assert "secret" not in err
    assert err.count("\n") == 1


def test_interruptions_are_quiet(capsys: Output) -> None:
    assert raising(KeyboardInterrupt()) == 130
    interrupted = typer.Abort()
    interrupted.__cause__ = KeyboardInterrupt()  # as typer's older releases put it
    assert raising(interrupted) == 130
    assert capsys.readouterr().err == ""
    assert raising(typer.Abort()) == 1
    assert capsys.readouterr().err == "tailrace: nothing was done\n"


def test_commands_that_ask_do_not_import_what_serves(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = "shop"\nstate_dir = "s"\n[source]\nconnector = "postgres"\nurl = "postgresql://x@h/d"\n')
    code = (
        "import sys\nfrom tailrace.cli.main import main\nassert main(['status', sys.argv[1]]) == 3\n"
        "heavy = {'uvicorn', 'starlette', 'prometheus_client', 'psycopg2', 'sqlglot'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
