"""Files of the state folder by which a stopped pipeline is told to load all tables again, and why it would have to.

A log that is gone is never jumped over by itself. Capture leaves behind why it could not go on (`log-gone`), somebody
asks for everything to be loaded again (`reload-all`, made by `tailrace reload`), and the next run begins anew.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

REQUEST = "reload-all"
GONE = "log-gone"
#: Files of this module, for who removes or counts what is in the folder.
FILES = (REQUEST, f"{REQUEST}.new", GONE, f"{GONE}.new")


@dataclass(frozen=True, slots=True)
class Request:
    """All tables are to be loaded again, and targets are to lose what that does not bring.

    Attributes:
        id: stored with what it has led to, so that it is done once.
        gone: why the log could not be read on when the pipeline ended; "" where nothing was known of that.
    """

    id: str
    gone: str = ""


def ask(folder: Path) -> Request:
    """Leaves a request for the next run of a stopped pipeline; one that is there already is replaced."""
    request = Request(uuid.uuid4().hex, gone(folder))
    _write(folder / REQUEST, orjson.dumps(asdict(request)))
    return request


def asked(folder: Path) -> Request | None:
    """The request that is to be followed."""
    try:
        return Request(**orjson.loads((folder / REQUEST).read_bytes()))
    except FileNotFoundError:
        return None


def forget(folder: Path) -> None:
    """A request is done."""
    for name in (REQUEST, GONE):
        (folder / name).unlink(missing_ok=True)


def note_gone(folder: Path, reason: str) -> None:
    """Capture ends because of it."""
    _write(folder / GONE, reason.encode())


def gone(folder: Path) -> str:
    """Why capture ended, if it was because the log is gone; "" otherwise."""
    try:
        return (folder / GONE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def note_there(folder: Path) -> None:
    """The log can be read."""
    (folder / GONE).unlink(missing_ok=True)


def _write(target: Path, content: bytes) -> None:
    """As a whole or not at all. The folder is its owner's alone; who asks may be root, who reads it the service."""
    new = target.with_name(f"{target.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(target)
