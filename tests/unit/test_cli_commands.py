"""The commands on a pipeline with an embedded stream; what reaches a database is a double here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tailrace.batch import Run
from tailrace.cli import verify as verify_command
from tailrace.cli.main import main
from tailrace.config import Pipeline, load
from tailrace.errors import ConfigError, UnreachableError
from tailrace.position import POSITION_KEY, Position, schema_key
from tailrace.schema import Column, Kind, TableName, TableSchema, Type
from tailrace.source import Finding
from tailrace.stream import StreamWriter
from tailrace.supervisor import folder
from tailrace.verify import TableComparison, Verification
from tests.pipelines import secretless

Output = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path) -> str:
    return secretless.written(tmp_path)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


def table(name: str) -> TableSchema:
    columns = (Column(1, "id", Type(Kind.INTEGER, size=32), key=1),)
    return TableSchema(1, TableName("shop", None, name), f"shop.shop.{name}", columns)


def publish(writer: StreamWriter, name: str, *ids: int) -> None:
    schema = table(name)
    run = Run(schema.topic)
    for number in ids:
        run.keys.append(b'{"id":%d}' % number)
        run.values.append(b'{"after":{"id":%d,"price":"1.10"},"op":"c"}' % number)
    writer.prepare([schema.topic])
    writer.publish([run], {schema_key(schema.topic, 1): schema.to_json()})


# ---- tail


def tail(file: str, capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> list[dict[str, Any]]:
    assert main(["tail", file, *arguments]) == 0
    return [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


def test_tail_prints_events_with_key_and_value_as_they_are(
    file: str, state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1)
        writer.publish([Run("shop.shop.users", [b'{"id":1}', None], [None, b'{"op":"t"}'])], {})
    assert main(["tail", file, "--timeout", "0"]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert lines[0] == (
        b'{"topic":"shop.shop.users","partition":0,"offset":0,"key":{"id":1},'
        b'"value":{"after":{"id":1,"price":"1.10"},"op":"c"},"headers":{}}'
    )
    assert lines[1] == (
        b'{"topic":"shop.shop.users","partition":0,"offset":1,"key":{"id":1},"value":null,"headers":{}}'
    )
    assert json.loads(lines[2])["key"] is None


def test_tail_chooses_tables_and_stops_after_max(
    file: str, state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1, 2, 3)
        publish(writer, "orders", 7, 8)
        publish(writer, "users", 4)
    events = tail(file, capsysbinary, "--table", "shop.users", "--timeout", "0")
    assert [event["key"]["id"] for event in events] == [1, 2, 3, 4]
    events = tail(file, capsysbinary, "--table", "*.orders", "--max", "1")
    assert [(event["key"]["id"], event["offset"]) for event in events] == [(7, 3)]
    assert tail(file, capsysbinary, "--table", "shop.other", "--timeout", "0") == []


def test_tail_from_now_waits_for_new_events(
    file: str, state_dir: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1)
        with subprocess.Popen(
            [sys.executable, "-m", "tailrace.cli", "tail", file, "--from", "now", "--max", "2"],
            stdout=subprocess.PIPE,
        ) as process:
            number = 100
            lines: list[bytes] = []
            reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
            reader.start()
            try:
                while process.poll() is None and number < 100_000:  # whenever it is that `now` has been looked up
                    number += 1
                    publish(writer, "users", number)
                    try:
                        process.wait(0.05)
                    except subprocess.TimeoutExpired:
                        continue
            finally:
                process.kill()
                reader.join(10)
    ids = [json.loads(line)["key"]["id"] for line in lines]
    assert len(ids) == 2
    assert ids[0] > 100
    assert ids[1] == ids[0] + 1


def test_tail_leaves_when_its_reader_does(file: str, state_dir: Path) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", *range(2000))
    command = f"{sys.executable} -m tailrace.cli tail {file} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=30, check=False)
    assert done.stdout.count(b"\n") == 1
    assert (done.returncode, done.stderr) == (0, b"")


def test_tail_is_ended_by_ctrl_c_with_130(file: str, state_dir: Path) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1)
    command = [sys.executable, "-m", "tailrace.cli", "tail", file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # it is at work
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err.strip()) == (130, b"")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tail", "--max", "1"], 0),
        (["status", "--json"], 3),
        (["status"], 3),
        (["check", "--json"], 1),
        (["check"], 1),
    ],
)
def test_a_reader_that_leaves_is_no_error_and_changes_no_finding(
    file: str, state_dir: Path, arguments: list[str], code: int
) -> None:
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tailrace.cli", arguments[0], file, *arguments[1:]],
        stdout=writing,
        stderr=subprocess.PIPE,
        env={**os.environ, "SHOP_PASSWORD_OF_NOBODY": "x"},
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, b"")


# ---- status


def test_status_of_a_pipeline_that_never_ran(file: str, capsys: Output) -> None:
    assert main(["status", file, "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["name"], answer["state"], answer["workers"], answer["tables"]) == ("shop", "stopped", [], [])
    assert main(["status", file]) == 3
    assert capsys.readouterr().out == "pipeline shop is stopped\n"


def test_status_of_a_stopped_pipeline_shows_where_it_stood(file: str, state_dir: Path, capsys: Output) -> None:
    folder.store_status(state_dir, running_status())
    assert main(["status", file, "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["state"] == "stopped"
    assert answer["workers"][0]["position"] == "binlog.000003:812"
    assert answer["workers"][0]["state"] == "stopped"
    assert main(["status", file]) == 3
    shown = capsys.readouterr().out
    assert "pipeline shop is stopped, last heard of 2026-11-23T10:00:00Z" in shown
    assert "binlog.000003:812" in shown


def running_status() -> dict[str, Any]:
    return {
        "name": "shop",
        "state": "running",
        "problems": [],
        "time": "2026-11-23T10:00:00Z",
        "workers": [
            {
                "name": "capture",
                "state": "streaming",
                "position": "binlog.000003:812",
                "lag_seconds": 0.5,
                "lag_bytes": 2048,
                "restarts": 1,
                "error": "",
                "events": 20000,
                "bytes": 1,
                "events_per_second": 1000.4,
                "bytes_per_second": 1.0,
                "pid": 7,
            }
        ],
        "tables": [{"name": "shop.users", "state": "loading", "rows": 5, "total": 9, "since": "", "reason": ""}],
    }


@pytest.mark.parametrize(
    ("state", "table_state", "code"),
    [("running", "streaming", 0), ("starting", "loading", 0), ("stuck", "streaming", 4), ("running", "suspended", 4)],
)
def test_status_of_a_running_pipeline(
    file: str, state: str, table_state: str, code: int, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = running_status() | {"state": state}
    answer["tables"][0] |= {"state": table_state, "reason": "no key"}
    if state == "stuck":
        answer["problems"] = ["capture is retrying: [db]:3306: no answer"]
    monkeypatch.setattr("tailrace.cli.status.ask", lambda *_: answer)
    assert main(["status", file, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == answer
    assert main(["status", file]) == code
    shown = capsys.readouterr().out
    assert f"pipeline shop is {state}\n" in shown
    assert "20,000" in shown
    assert "2.0 KiB" in shown
    assert ("5 of about 9" in shown) == (table_state == "loading")
    assert ("capture is retrying: [db]:3306: no answer" in shown) == (state == "stuck")
    assert ("shop.users is suspended: no key" in shown) == (table_state == "suspended")


def test_no_permission_is_not_not_running(file: str, state_dir: Path) -> None:
    folder.store_status(state_dir, running_status())
    code = (  # the first call, as ourselves, imports what a stranger may not be able to read
        "import os, sys\nfrom tailrace.cli.main import main\nmain(['status', sys.argv[1]])\n"
        "os.setuid(65534) if os.getuid() == 0 else os.chmod(sys.argv[2], 0)\nsys.exit(main(['status', sys.argv[1]]))"
    )
    for parent in (state_dir.parent, *state_dir.parent.parents):
        if parent.owner() == state_dir.owner() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", code, file, str(state_dir)], capture_output=True, text=True, check=False
    )
    state_dir.chmod(0o700)
    assert done.returncode == 5
    assert f"tailrace: error: {state_dir}: no permission for " in done.stderr
    assert "ask as root or as the user that the pipeline runs as" in done.stderr
    assert done.stdout.count("is stopped") == 1


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that a stranger may enter; pytest's own are closed again whenever another pytest starts."""
    with tempfile.TemporaryDirectory(prefix="tailrace-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("closed", ["parent", "folder"])
@pytest.mark.parametrize("command", [["status"], ["tail", "--timeout", "0"], ["teardown", "--yes"]])
def test_no_permission_is_said_by_every_command(open_folder: Path, command: list[str], closed: str) -> None:
    state_dir = open_folder / "parent" / "folder"
    state_dir.mkdir(parents=True)
    path = open_folder / "shop.toml"
    path.write_text(secretless.FILE.replace('"state"', '"parent/folder"'))
    code = (  # as in the test above
        "import os, sys\nfrom tailrace.config import Pipeline\nfrom tailrace.cli.main import main\n"
        "from tests.unit.test_cli_commands import Part\n"
        "Pipeline.create_source = lambda self: Part()\nPipeline.create_sink = lambda self, name: Part()\n"
        "closed, *arguments = sys.argv[1:]\nmain(arguments)\n"
        "os.chmod(closed, 0o700 if os.getuid() == 0 else 0)\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "sys.exit(main(arguments))"
    )
    target = state_dir if closed == "folder" else state_dir.parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(target), command[0], str(path), *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SHOP_PASSWORD_OF_NOBODY": "x", "PYTHONPATH": python_path()},
    )
    target.chmod(0o700)
    assert done.returncode == 5, done.stderr
    assert f"tailrace: error: {state_dir}" in done.stderr
    assert ": no permission " in done.stderr


def python_path() -> str:
    return os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.mark.parametrize("command", ["status", "tail", "teardown"])
def test_a_state_folder_that_is_a_file_is_one_clear_line(
    file: str, parts: dict[str, Part], tmp_path: Path, command: str, capsys: Output
) -> None:
    (tmp_path / "state").write_text("")
    assert main([command, file]) == 5
    err = capsys.readouterr().err
    assert err.startswith(f"tailrace: error: {tmp_path}/state")
    assert err.count("\n") == 1
    assert "bug" not in err


@pytest.mark.parametrize("command", ["run", "status", "tail", "verify", "teardown"])
def test_a_pipeline_is_kept_out_of_another_s_state_folder(
    tmp_path: Path, state_dir: Path, parts: dict[str, Part], command: str, capsys: Output
) -> None:
    folder.claim(state_dir, "shop")
    folder.store_status(state_dir, running_status())
    path = tmp_path / "orders.toml"
    path.write_text(secretless.FILE.replace('name = "shop"', 'name = "orders"'))
    assert main([command, str(path)]) == 5
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        f"tailrace: error: {state_dir}: the state folder belongs to pipeline shop, not to orders; give orders a "
        'state_dir of its own, or, if shop was renamed, set name = "shop" again\n'
    )
    assert {entry.name for entry in state_dir.iterdir()} == {"pipeline", "status.json"}
    assert main(["check", str(path), "--json"]) == 1
    found = [entry for entry in json.loads(capsys.readouterr().out)["findings"] if entry["part"] == "state folder"]
    assert found[0]["detail"] == "the state folder belongs to pipeline shop, not to orders"


# ---- check


class Part:
    """A source, stream or sink of which only `check` and `teardown` are asked."""

    def __init__(self, *findings: Finding, drops: tuple[str, ...] = (), log: list[str] | None = None) -> None:
        self._findings = findings
        self._drops = drops
        self._log = log if log is not None else []

    def check(self) -> list[Finding]:
        return list(self._findings)

    def teardown(self, *arguments: Any) -> list[str]:
        position, dry_run = (None, *arguments)[-2:]
        if not dry_run:
            self._log.extend(self._drops)
            if position is not None:
                self._log.append(f"at {position.restart}")
        return list(self._drops)

    def close(self) -> None:
        pass


class Unreachable(Part):
    def check(self) -> list[Finding]:
        raise UnreachableError("no answer", where="127.0.0.1:3306", fix="start it")

    def teardown(self, *arguments: Any) -> list[str]:
        raise UnreachableError("no answer", where="127.0.0.1:3306", fix="start it")


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Part]:
    """What the pipeline's source and sink are; the stream is the real one."""
    monkeypatch.setenv("SHOP_PASSWORD_OF_NOBODY", "x")
    found = {"source": Part(Finding("binlog_format", True, "ROW")), "copy": Part(Finding("folder", True, "there"))}
    monkeypatch.setattr(Pipeline, "create_source", lambda self: found["source"])
    monkeypatch.setattr(Pipeline, "create_sink", lambda self, name: found[name])
    return found


def test_check_is_0_where_all_holds(file: str, parts: dict[str, Part], capsys: Output) -> None:
    parts["copy"] = Part(Finding("version", None, "old", "update it"))
    assert main(["check", file, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is True
    assert {"part": "source", "name": "binlog_format", "ok": True, "detail": "ROW", "fix": ""} in answer["findings"]
    assert {finding["part"] for finding in answer["findings"]} == {
        "file",
        "state folder",
        "source",
        "stream",
        "sink copy",
    }
    assert main(["check", file]) == 0
    shown = capsys.readouterr().out
    assert "warning" in shown
    assert "pipeline shop: everything holds" in shown


def test_check_is_1_with_the_fix_where_something_fails(file: str, parts: dict[str, Part], capsys: Output) -> None:
    parts["source"] = Part(Finding("binlog_format", False, "STATEMENT", "SET GLOBAL binlog_format = ROW"))
    assert main(["check", file]) == 1
    shown = capsys.readouterr().out
    assert "SET GLOBAL binlog_format = ROW" in shown
    assert "pipeline shop: 1 of" in shown


def test_check_goes_on_behind_an_unreachable_system(file: str, parts: dict[str, Part], capsys: Output) -> None:
    parts["source"] = Unreachable()
    assert main(["check", file, "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {
        "part": "source",
        "name": "connection",
        "ok": False,
        "detail": "127.0.0.1:3306: no answer",
        "fix": "start it",
    } in findings
    assert findings[-1]["part"] == "sink copy"


def test_check_changes_nothing(file: str, parts: dict[str, Part], tmp_path: Path) -> None:
    assert main(["check", file]) == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["shop.toml"]


def test_a_missing_secret_is_the_files_fault(file: str, capsys: Output) -> None:
    for command in ("check", "run", "teardown"):
        assert main([command, file]) == 2
        err = capsys.readouterr().err
        assert "the environment variable SHOP_PASSWORD_OF_NOBODY is not set" in err


def test_a_missing_driver_is_the_files_fault(
    file: str, parts: dict[str, Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(self: Pipeline) -> Any:
        raise ConfigError("the mysql connector needs the Python package PyMySQL", fix="pip install 'tailrace[mysql]'")

    monkeypatch.setattr(Pipeline, "create_source", missing)
    assert main(["check", file]) == 2


# ---- teardown


def test_teardown_names_then_drops(
    file: str, state_dir: Path, parts: dict[str, Part], capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    parts["source"] = Part(drops=("replication slot tailrace_shop",), log=log)
    parts["copy"] = Part(drops=("positions in copy.db",), log=log)
    with closing(load(file).create_stream().writer()) as writer:
        publish(writer, "users", 1)
        writer.publish([], {POSITION_KEY: Position(1, "server", restart="0/16B3748").to_json()})
    folder.store_status(state_dir, running_status())
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert main(["teardown", file]) == 1
    captured = capsys.readouterr()
    assert captured.err == "tailrace: nothing was done\n"
    assert "source: replication slot tailrace_shop" in captured.out
    assert log == []

    assert main(["teardown", file, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "sink copy: positions in copy.db" in out
    assert f"state folder: {state_dir}/status.json" in out
    assert log == ["replication slot tailrace_shop", "at 0/16B3748", "positions in copy.db"]
    assert list(state_dir.iterdir()) == []

    parts["source"] = parts["copy"] = Part()
    assert main(["teardown", file, "--yes"]) == 0
    assert capsys.readouterr().out == "pipeline shop has nothing to drop\n"


def test_teardown_leaves_a_targets_file_in_the_state_folder(
    file: str, state_dir: Path, parts: dict[str, Part], capsys: Output
) -> None:
    folder.store_status(state_dir, running_status())
    (state_dir / "target.db").write_text("rows")
    assert main(["teardown", file, "--yes"]) == 0
    assert "target.db" not in capsys.readouterr().out
    assert [entry.name for entry in state_dir.iterdir()] == ["target.db"]


def test_teardown_asks_and_an_empty_answer_is_no(file: str, state_dir: Path) -> None:
    folder.store_status(state_dir, running_status())
    code = (
        "import sys\nfrom tailrace.config import Pipeline\nfrom tailrace.cli.main import main\n"
        "from tests.unit.test_cli_commands import Part\n"
        "Pipeline.create_source = lambda self: Part()\nPipeline.create_sink = lambda self, name: Part()\n"
        "sys.exit(main(['teardown', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file],
        input="",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SHOP_PASSWORD_OF_NOBODY": "x", "PYTHONPATH": python_path()},
    )
    assert done.returncode == 1
    assert "Drop all of this of pipeline shop?" in done.stderr
    assert "status.json" in done.stdout
    assert (state_dir / "status.json").exists()


def test_teardown_refuses_while_the_pipeline_runs(
    file: str, state_dir: Path, parts: dict[str, Part], capsys: Output
) -> None:
    with folder.exclusive(state_dir, "shop"):
        assert main(["teardown", file, "--yes"]) == 5
    assert f"pipeline shop is already running (pid {os.getpid()}); stop that one first" in capsys.readouterr().err


def test_teardown_drops_nothing_where_a_system_does_not_answer(
    file: str, state_dir: Path, parts: dict[str, Part]
) -> None:
    log: list[str] = []
    parts["source"] = Part(drops=("slot",), log=log)
    parts["copy"] = Unreachable()
    folder.store_status(state_dir, running_status())
    assert main(["teardown", file, "--yes"]) == 5
    assert log == []
    assert (state_dir / "status.json").exists()


# ---- verify


@pytest.mark.parametrize(
    ("result", "code", "line"),
    [
        (Verification([TableComparison("shop.users", "copy", 1200, 1200)]), 0, "all targets equal the source"),
        (
            Verification([TableComparison("shop.users", "copy", 3, 2, missing=1, keys={"missing": [{"id": 3}]})]),
            1,
            "shop.users in copy, missing: {'id': 3}",
        ),
        (Verification([], [("shop.log", "no key")]), 1, "shop.log was not compared: no key"),
    ],
)
def test_verify(
    file: str, result: Verification, code: int, line: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_command, "compare", lambda pipeline: result)
    assert main(["verify", file, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == result.to_dict()
    assert main(["verify", file]) == code
    assert line in capsys.readouterr().out
