"""Nothing the harness starts outlives the process that asked for it; the cache has whole entries or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers import ServerError, wait_until
from tests.servers.cache import cache_folder, copy_folder, entry
from tests.servers.process import Process, free_port, program, run, temporary_folder

ROOT = Path(__file__).parents[2]

# A "server" with a child of its own, as PostgreSQL has; the shell waits for the child.
SERVER = ["sh", "-c", 'sleep 300 & echo "child $!"; wait']

PARENT = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.servers.process import Process, temporary_folder
folder = temporary_folder("unit")
process = Process({SERVER!r}, folder=folder, log=folder / "server.log")
print(process.pid, folder, flush=True)
sys.stdin.read()
"""


def alive(pid: int) -> bool:
    """Is there such a process, and is it more than a zombie?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def started(folder: Path) -> Process:
    """The "server", with its child running."""
    process = Process(SERVER, folder=folder, log=folder / "server.log")
    wait_until(lambda: "child" in process.log.read_text(), 10, "the child runs")
    return process


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test."""
    monkeypatch.setenv("TAILRACE_TEST_CACHE", str(tmp_path / "cache"))
    return cache_folder()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_with_the_process_that_started_it(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        log = Path(folder) / "server.log"
        child = int(wait_until(log.read_text, 10, "the child runs").split()[1])
        assert alive(int(pid))
        assert alive(child)
        parent.send_signal(number)
        parent.wait(10)
        wait_until(lambda: not alive(int(pid)) and not alive(child), 10, "server and child are gone")
        wait_until(lambda: not Path(folder).exists(), 10, "the folder is gone")


def test_a_server_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path)
    guard = int(Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guard, signal.SIGKILL)
    wait_until(lambda: not alive(process.pid), 10, "the server is gone")
    with pytest.raises(ServerError, match="guard of process"):
        wait_until(lambda: process.signal(signal.SIGTERM), 10, "the pipe breaks")
    process.stop()


def test_stop_ends_the_whole_group_quickly_and_removes_the_folder() -> None:
    folder = temporary_folder("unit")
    process = started(folder)
    child = int(process.log.read_text().split()[1])
    began = time.monotonic()
    process.stop()
    assert time.monotonic() - began < 3
    assert not alive(process.pid)
    wait_until(lambda: not alive(child), 10, "the child is gone")
    assert not folder.exists()


def test_a_stopped_server_is_ended_too() -> None:
    folder = temporary_folder("unit")
    process = Process(SERVER, folder=folder, log=folder / "log", stop_signal=signal.SIGTERM, stop_seconds=0.2)
    process.signal(signal.SIGSTOP)
    process.stop()
    assert not alive(process.pid)


def test_exit_code_and_a_kept_folder(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo why; exit 7"], folder=tmp_path, log=tmp_path / "log")
    assert process.exit_code(10) == 7
    assert process.exit_code() == 7
    assert process.log_tail() == "why"
    process.stop(keep_folder=True)
    assert tmp_path.exists()


def test_a_signal_reaches_a_server_with_its_default_meaning() -> None:
    folder = temporary_folder("unit")
    process = Process(["sleep", "300"], folder=folder, log=folder / "log")
    process.signal(signal.SIGTERM)
    assert process.exit_code(10) == -signal.SIGTERM
    process.stop()


def test_a_program_that_cannot_be_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"/no/such/program did not start: .*No such file"):
        Process(["/no/such/program"], folder=tmp_path / "none", log=tmp_path / "log")


def test_run_shows_what_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="ended with code 3:\nbecause"):
        run(["sh", "-c", "echo because >&2; exit 3"], cwd=tmp_path)


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(ServerError, match=r"no-such-server is not installed: .*provision.*Debian package some-package"):
        program("no-such-server", package="some-package")


def test_wait_until_gives_the_last_reason() -> None:
    with pytest.raises(ServerError, match=r"the door opens: not within 0.2 s: ValueError: locked"):
        wait_until(_locked, 0.2, "the door opens")


def _locked() -> bool:
    raise ValueError("locked")


def test_free_ports_are_not_those_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert 20000 <= free_port() < max(lowest, 32000)


def test_a_failed_build_leaves_nothing(cache: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ServerError("the mirror is down")

    with pytest.raises(ServerError, match="the mirror is down"):
        entry("thing", fails)
    assert [path.name for path in cache.iterdir()] == [".thing.lock"]
    built = entry("thing", lambda folder: (folder / "whole").touch())
    assert (built / "whole").exists()


def test_two_at_once_build_once(cache: Path) -> None:
    builds: list[int] = []
    inside, go = threading.Event(), threading.Event()

    def slow(folder: Path) -> None:
        builds.append(1)
        inside.set()
        assert go.wait(10)
        (folder / "file").write_text("x")

    threads = [threading.Thread(target=entry, args=("thing", slow)) for _ in range(2)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    assert not (cache / "thing").exists()
    go.set()
    for thread in threads:
        thread.join(10)
    assert builds == [1]
    assert (cache / "thing" / "file").read_text() == "x"


@pytest.mark.parametrize("link", [False, True])
def test_copies_keep_modes(tmp_path: Path, link: bool) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "tool").write_text("x")
    (source / "tool").chmod(0o751)
    copy_folder(source, tmp_path / "target", link=link)
    assert (tmp_path / "target" / "tool").stat().st_mode & 0o777 == 0o751


def test_a_cache_that_cannot_be_made_says_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TAILRACE_TEST_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ServerError, match="set TAILRACE_TEST_CACHE to another folder"):
        cache_folder()
