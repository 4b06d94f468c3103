from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tailrace.errors import RefusedError
from tailrace.locks import LockFile
from tailrace.supervisor import folder
from tailrace.supervisor.reload import changed_keys


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state"
    folder.create(path)
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(path.iterdir()) == []
    folder.create(path)  # it may be there already


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RefusedError) as caught:
        folder.create(tmp_path / "file" / "state")
    assert caught.value.exit_code == 5
    assert str(caught.value).startswith(f"{tmp_path}/file/state: cannot write the state folder: not a directory; make")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    code = (
        "import os, sys, pathlib; from tailrace.supervisor import folder\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: folder.create(pathlib.Path(sys.argv[1]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    if os.getuid() != 0:
        tmp_path.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    tmp_path.chmod(0o755)
    assert done.stdout.startswith(f"RefusedError {tmp_path}: cannot write the state folder: permission denied; make it")


def test_the_first_pipeline_has_the_folder_until_it_is_torn_down(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir()
    folder.refuse_another_s(path, "shop")
    folder.claim(path, "shop")
    folder.claim(path, "shop")
    for refused in (folder.refuse_another_s, folder.claim):
        with pytest.raises(RefusedError, match="state: the state folder belongs to pipeline shop, not to orders; "):
            refused(path, "orders")
    assert (path / "pipeline").stat().st_mode & 0o777 == 0o600
    assert folder.own_entries(path) == [path / "pipeline"]
    (path / "pipeline").unlink()
    folder.claim(path, "orders")
    folder.refuse_another_s(path, "orders")


def test_a_name_that_was_cut_short_is_none(tmp_path: Path) -> None:
    (tmp_path / "pipeline").write_text("")
    folder.claim(tmp_path, "shop")
    assert (tmp_path / "pipeline").read_text() == "shop\n"


def test_one_process_holds_the_pipeline(tmp_path: Path) -> None:
    with folder.exclusive(tmp_path, "shop"):
        second = folder.exclusive(tmp_path, "shop")
        with pytest.raises(RefusedError, match=rf"pipeline shop is already running \(pid {os.getpid()}\); stop"):
            second.__enter__()
    with folder.exclusive(tmp_path, "shop"):
        pass


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from tailrace.locks import LockFile\n"
        "LockFile(pathlib.Path(sys.argv[1])).acquire(); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "lock")], stdin=subprocess.PIPE) as other:
        lock = LockFile(tmp_path / "lock")
        try:
            deadline = time.monotonic() + 20
            while lock.holder() != str(other.pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert not lock.acquire()
        finally:
            other.kill()
        assert lock.acquire(timeout=10)
        assert lock.holder() == str(os.getpid())
        lock.release()


def test_a_lock_on_a_removed_file_is_none(tmp_path: Path) -> None:
    first = LockFile(tmp_path / "lock")
    assert first.acquire()
    (tmp_path / "lock").unlink()
    second = LockFile(tmp_path / "lock")
    assert second.acquire()
    second.release()
    first.release()


def test_the_last_status_is_replaced_whole(tmp_path: Path) -> None:
    assert folder.stored_status(tmp_path) is None
    folder.store_status(tmp_path, {"name": "shop", "workers": []})
    folder.store_status(tmp_path, {"name": "shop"})
    assert folder.stored_status(tmp_path) == {"name": "shop"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


def test_changed_keys_are_named_without_their_values() -> None:
    old = (
        'name = "a"\n[source]\nurl = "mysql://secret"\n[[sinks]]\nname = "kv"\nregion = "x"\n[[tables]]\nmatch = "s.t"'
    )
    new = 'name = "a"\n[source]\nurl = "mysql://other"\n[[sinks]]\nname = "kv"\nregion = "y"\nprefix = "p"\n'
    assert changed_keys(old, new) == ["sinks[kv].prefix", "sinks[kv].region", "source.url", "tables[s.t].match"]
    assert changed_keys(old, "# a comment\n" + old) == []
