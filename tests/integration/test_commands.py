"""Every command on a real pipeline: PostgreSQL through the embedded stream into SQLite."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from tests import servers
from tests.pipelines.daemon import PipelineFile, until
from tests.unit.test_cli_commands import running_status as _shape

FILE = """
name = "{name}"
state_dir = "state"
[source]
connector = "postgres"
url = "{url}"
tables = ["public.*"]
heartbeat = "1s"
[http]
listen = "127.0.0.1:{port}"
[[sinks]]
name = "copy"
connector = "sqlite"
url = "sqlite:///{folder}/copy.db"
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def pipeline(folder: Path, url: str, port: int | None = None) -> PipelineFile:
    name = servers.unique_name("cli").lower()
    text = FILE.format(name=name, url=url, folder=folder, port=port or free_port())
    return PipelineFile(folder, text, starts=True)


def emails(folder: Path) -> dict[int, str]:
    """What the target holds; {} before the sink has made it."""
    if not (folder / "copy.db").exists():
        return {}
    with closing(sqlite3.connect(f"file:{folder}/copy.db?mode=ro", uri=True)) as target:
        if not target.execute("SELECT 1 FROM sqlite_master WHERE name = 'users'").fetchone():
            return {}
        return dict(target.execute("SELECT id, email FROM users"))


def logged(file: PipelineFile, event: str) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in file.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in entries if entry["event"] == event]


def test_a_pipelines_life(postgres15: servers.Postgres, tmp_path: Path) -> None:
    with postgres15.database() as source:
        source.execute("CREATE TABLE users (id int PRIMARY KEY, email text)")
        source.execute("INSERT INTO users SELECT n, n || '@example.org' FROM generate_series(1, 100) n")
        port = free_port()
        file = pipeline(tmp_path, source.url, port)
        slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"

        assert file.command("check").code == 0
        assert file.command("status").code == 3
        assert source.value(slots) == 0
        with file.running() as process:
            until(lambda: file.command("status").code == 0, 30, "status 0")
            until(lambda: len(emails(tmp_path)) == 100, 30, "the full load")
            status = file.status()
            assert status["state"] == "running"
            assert status["workers"][0].keys() == _shape()["workers"][0].keys()
            assert [(t["name"], t["state"], t["rows"]) for t in status["tables"]] == [
                ("public.users", "streaming", 100)
            ]

            _seen_within_a_second(file, source, tmp_path)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                assert json.loads(answer.read())["ok"] is True

            second = file.command("run", timeout=30)
            assert second.code == 5
            assert f"is already running (pid {process.pid})" in second.stderr
            assert "already running" in file.command("teardown", "--yes").stderr
            _reloads(file, process)
            assert file.command("verify").code == 0

        stopped = file.command("status", "--json")
        assert stopped.code == 3
        assert json.loads(stopped.stdout)["workers"][0]["position"]
        assert source.value(slots) == 1, "the slot waits for the next run"
        source.execute("UPDATE users SET email = 'new' WHERE id = 7")
        assert file.command("verify").code == 1
        assert file.until_caught_up().code == 0
        assert emails(tmp_path)[7] == "new"

        gone = file.command("teardown", "--yes")
        assert gone.code == 0, gone.stderr
        assert source.value(slots) == 0
        assert source.value("SELECT count(*) FROM pg_publication") == 0
        assert list((tmp_path / "state").iterdir()) == []
        assert len(emails(tmp_path)) == 101, "target rows stay"


def _seen_within_a_second(file: PipelineFile, source: servers.Database, folder: Path) -> None:
    """An insert at the source is a line of `tail` and a row of the target within a second."""
    command = [sys.executable, "-m", "tailrace.cli", "tail", str(file.path), "--from", "beginning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        try:
            ops = [json.loads(tail.stdout.readline())["value"]["op"] for _ in range(102)]
            assert ops == ["s", *["r"] * 100, "s"], "the rows of the load, and where it begins and ends"
            begun = time.monotonic()
            source.execute("INSERT INTO users VALUES (1000, 'late')")
            event = json.loads(tail.stdout.readline())
            assert (event["value"]["op"], event["key"]) == ("c", {"id": 1000})
            assert time.monotonic() - begun < 1
            until(lambda: emails(folder).get(1000) == "late", 1, "the row in the target")
        finally:
            tail.kill()


def _reloads(file: PipelineFile, process: subprocess.Popen[bytes]) -> None:
    text = file.path.read_text()
    process.send_signal(signal.SIGHUP)
    until(
        lambda: bool(logged(file, "the pipeline file says what it said at the start, nothing to do")), 10, "no change"
    )
    file.path.write_text(text.replace('"1s"', '"2s"'))
    process.send_signal(signal.SIGHUP)
    event = "the pipeline file has changed, a restart is needed for it"
    until(lambda: bool(logged(file, event)), 10, "the change")
    assert logged(file, event)[0]["changed"] == ["source.heartbeat"]
    file.path.write_text(text.replace("heartbeat", "hartbeat"))
    process.send_signal(signal.SIGHUP)
    event = "the pipeline file as it is now is wrong; going on with the old one"
    until(lambda: bool(logged(file, event)), 10, "the fault")
    assert "source.hartbeat: unknown key; did you mean 'heartbeat'?" in str(logged(file, event)[0]["error"])
    file.path.write_text(text)


@pytest.mark.parametrize("arguments", [["run"], ["run", "--until-caught-up"]])
def test_a_wrong_password_is_one_line_and_exit_5(
    postgres15: servers.Postgres, tmp_path: Path, arguments: list[str]
) -> None:
    user = servers.unique_name("repl")
    with postgres15.database() as source:
        source.execute(f"CREATE ROLE {user} LOGIN REPLICATION PASSWORD 'right'")
        done = pipeline(tmp_path, source.url_as(user, "wrong")).command(*arguments, timeout=60)
        source.execute(f"DROP ROLE {user}")
    assert done.code == 5
    line = done.stderr.splitlines()[-1]
    assert line.startswith("tailrace: error: ")
    assert "password" in line
    assert "wrong" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_host_is_tried_again_and_status_says_so(tmp_path: Path) -> None:
    port = free_port()
    file = pipeline(tmp_path, "postgresql://repl:a-secret@127.0.0.1:1/shop", port)
    with file.running():
        until(lambda: file.states().get("capture") == "retrying", 30, "retrying")
        status = file.status()
        assert status["state"] == "stuck"
        capture = status["workers"][0]
        assert (capture["name"], capture["state"]) == ("capture", "retrying")
        assert "127.0.0.1:1" in capture["error"]
        assert file.command("status").code == 4
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
        with caught.value as answer:
            assert answer.code == 503
            assert "127.0.0.1:1" in json.loads(answer.read())["reasons"][0]
        for worker in status["workers"]:
            assert b"a-secret" not in Path(f"/proc/{worker['pid']}/cmdline").read_bytes()
    assert "a-secret" not in file.log.read_text()
    assert "a-secret" not in (tmp_path / "state/status.json").read_text()


def test_until_caught_up_does_not_wait_for_an_unreachable_host(tmp_path: Path) -> None:
    done = pipeline(tmp_path, "postgresql://repl@127.0.0.1:1/shop").until_caught_up(timeout=60)
    assert done.code == 5
    assert "127.0.0.1:1" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("dies", ["capture", "warehouse"])
def test_until_caught_up_waits_for_a_server_that_comes_back(
    postgres16: servers.Postgres, tmp_path: Path, dies: str
) -> None:
    with (
        servers.start("postgres15", {"max_wal_senders": 5}) as mortal,
        mortal.database() as own,
        postgres16.database() as other,
    ):
        source, target = (own, other) if dies == "capture" else (other, own)
        source.execute("CREATE TABLE users (id int PRIMARY KEY, email text)")
        source.execute("INSERT INTO users SELECT n, n || '@example.org' FROM generate_series(1, 200000) n")
        file = pipeline(tmp_path, source.url)
        text = file.path.read_text().partition("[[sinks]]")[0]
        file.path.write_text(f'{text}[[sinks]]\nname = "warehouse"\nconnector = "postgres"\nurl = "{target.url}"\n')
        command = [sys.executable, "-m", "tailrace.cli", "run", "--until-caught-up", str(file.path)]
        with file.log.open("ab") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                until(lambda: file.states().get(dies) in ("loading", "streaming"), 60, f"{dies} is at work")
                mortal.kill()
                until(lambda: file.states().get(dies) == "retrying", 60, f"{dies} has noticed")
                mortal.relaunch()
                assert process.wait(90) == 0, file.log.read_text()[-3000:]
            finally:
                process.kill()
        assert target.value("SELECT count(*) FROM users") == 200_000
        assert file.command("verify").code == 0


def test_until_caught_up_ends_where_a_failed_sink_keeps_the_stream_full(
    postgres15: servers.Postgres, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "refuses.db")) as target:
        target.execute("CREATE TABLE users (email TEXT PRIMARY KEY, id INTEGER)")
    with postgres15.database() as source:
        source.execute("CREATE TABLE users (id int PRIMARY KEY, email text)")
        # Hashes, which no compression makes much smaller.
        source.execute(
            "INSERT INTO users SELECT n, (SELECT string_agg(md5((n * 30 + i)::text), '') FROM generate_series(1, 30) i)"
            " FROM generate_series(1, 20000) n"
        )
        file = pipeline(tmp_path, source.url)
        text = file.path.read_text()
        text = text.replace("[http]", '[stream]\nconnector = "embedded"\nretain_bytes = "4MiB"\n[http]')
        text += f'[[sinks]]\nname = "refuses"\nconnector = "sqlite"\nurl = "sqlite:///{tmp_path}/refuses.db"\n'
        file.path.write_text(text)
        done = file.until_caught_up(timeout=90)
        assert done.code == 4, done.stderr
        assert "tailrace: error: sink refuses: " in done.stderr.splitlines()[-1]
        assert "drop the target's table" in done.stderr.splitlines()[-1]
        assert "the stream is full, and a sink that has failed keeps it so" in done.stderr
        assert 0 < len(emails(tmp_path)) < 20_000
        assert file.command("teardown", "--yes").code == 0


def test_an_unwritable_state_folder_is_one_line_and_exit_5(tmp_path: Path) -> None:
    file = pipeline(tmp_path, "postgresql://repl@127.0.0.1:1/shop")
    (tmp_path / "state").write_text("a file, which not even root can make a folder in")
    done = file.command("run", timeout=30)
    assert done.code == 5
    assert done.stderr.splitlines()[-1] == (
        f"tailrace: error: {tmp_path}/state: cannot write the state folder: file exists; make it writable for "
        f"{_me()}, or set state_dir in the pipeline file"
    )


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
