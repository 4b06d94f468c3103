"""The pipeline's state folder: whose it is, who may work in it, and what the supervisor keeps there.

``pipeline``     the name of the pipeline that the folder belongs to
``lock``         held by the supervisor that runs capture, for as long as it lives
``apply.lock``   held by the supervisor that runs the sinks
``locks/``       one lock per worker
``control.sock`` where a running supervisor answers; ``apply.sock`` where it runs the sinks alone
``status.json``  its last status, for `tailrace status` of a stopped pipeline; ``apply-status.json``
``log-gone``, ``reload-all``  see `tailrace.renewal`
``schema.json``  see `tailrace.conversion.making.held`

Everything else in it belongs to connectors.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tailrace import renewal
from tailrace.errors import RefusedError
from tailrace.locks import LockFile
from tailrace.supervisor.role import Role

NAME = "pipeline"
SCHEMA = "schema.json"
WORKER_LOCKS = "locks"


def no_permission(path: Path) -> RefusedError:
    return RefusedError(
        f"no permission for {_user()} to look into the state folder",
        where=str(path),
        fix="ask as root or as the user that the pipeline runs as",
    )


def exists(path: Path) -> bool:
    """Whether there is a folder.

    Raises:
        RefusedError: no permission to look, or to look into it.
    """
    try:
        there = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError as error:
        raise no_permission(path) from error
    if there and not os.access(path, os.X_OK):
        raise no_permission(path)
    return there


def refuse_another_s(path: Path, name: str) -> None:
    """Keeps a pipeline out of another's folder, where it would take over that one's stream and position.

    A folder without a name is nobody's yet, or was made by a tailrace that stored none. One that cannot be looked into
    is left to who needs it.

    Raises:
        RefusedError: the folder belongs to a pipeline of another name.
    """
    owner = _owner(path)
    if owner and owner != name:
        raise RefusedError(
            f"the state folder belongs to pipeline {owner}, not to {name}",
            where=str(path),
            fix=f'give {name} a state_dir of its own, or, if {owner} was renamed, set name = "{owner}" again',
        )


def claim(path: Path, name: str) -> None:
    """Makes the folder this pipeline's, for good; to be called by who holds it (`exclusive`).

    Raises:
        RefusedError: as `refuse_another_s`, and where the folder cannot be written.
    """
    refuse_another_s(path, name)
    if _owner(path):
        return
    try:
        replace(path / NAME, f"{name}\n".encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _owner(path: Path) -> str:
    try:
        return (path / NAME).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def create(path: Path) -> None:
    """Makes the folder, for its owner alone, and proves that it can be written.

    Raises:
        RefusedError: the system does not let us.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = path / f".probe-{os.getpid()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> RefusedError:
    return RefusedError(
        f"cannot write the state folder: {os.strerror(error.errno or 0).lower()}",
        where=str(path),
        fix=f"make it writable for {_user()}, or set state_dir in the pipeline file",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a dynamic user without an entry in passwd
        return f"user {os.getuid()}"


@contextlib.contextmanager
def exclusive(path: Path, name: str, role: Role = Role.BOTH) -> Iterator[None]:
    """Holds the pipeline, or the part of it that is the role's; `run` and `teardown` do.

    Raises:
        RefusedError: another process holds it, or the folder cannot be written.
    """
    with contextlib.ExitStack() as held:
        for file in role.locks:
            lock = LockFile(path / file)
            try:
                free = lock.acquire()
            except OSError as error:
                raise _unwritable(path, error) from error
            if not free:
                raise RefusedError(
                    f"pipeline {name} is already running (pid {lock.holder()})",
                    where=str(path),
                    fix="stop that one first",
                )
            held.enter_context(lock)
        yield


def release_for_good(path: Path) -> None:
    """Removes the lock files, while they are held: the folder is nobody's any more."""
    for file in Role.BOTH.locks:
        (path / file).unlink(missing_ok=True)


def own_entries(path: Path) -> list[Path]:
    """What a daemon has made in the folder itself, but the locks. Anything else is a connector's, or a person's."""
    of_roles = [file for role in Role for file in (role.socket, role.status, f"{role.status}.new")]
    # The name goes last: it guards the rest.
    names = dict.fromkeys((WORKER_LOCKS, *of_roles, *renewal.FILES, SCHEMA, f"{SCHEMA}.new", f"{NAME}.new", NAME))
    return [entry for name in names if (entry := path / name).exists()]


def store_status(path: Path, status: dict[str, Any], role: Role = Role.BOTH) -> None:
    """Replaces the last status as a whole: a crash leaves the old one."""
    replace(path / role.status, orjson.dumps(status))
    if role is Role.BOTH:  # what a daemon of the sinks alone has left is of former times
        (path / Role.APPLY.status).unlink(missing_ok=True)


def replace(target: Path, content: bytes) -> None:
    """A file's content as a whole: a crash leaves the old one."""
    new = target.with_name(f"{target.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(target)


def stored_status(path: Path, role: Role = Role.BOTH) -> dict[str, Any] | None:
    """The last status of a pipeline's daemon of that role; None where it never ran.

    Raises:
        RefusedError: no permission, or it is no folder.
    """
    try:
        status: dict[str, Any] = orjson.loads((path / role.status).read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise no_permission(path) from error
    except NotADirectoryError as error:
        raise RefusedError("the state folder is no folder", where=str(path), fix="set state_dir to a folder") from error
    except orjson.JSONDecodeError:
        return None  # cut short by a full disk; a running pipeline writes the next one
    return status
