"""The cache folder: fetched servers and initialised data folders, shared by all checkouts of a user.

$TAILRACE_TEST_CACHE, default ~/.cache/tailrace/servers. An entry is built in a temporary folder beside it and
renamed when complete, under a lock file, so it is either whole or absent and two processes build it once.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import ServerError


def cache_folder() -> Path:
    """The cache folder, created if it was missing."""
    chosen = os.environ.get("TAILRACE_TEST_CACHE")
    folder = Path(chosen) if chosen else Path.home() / ".cache" / "tailrace" / "servers"
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerError(f"cache folder {folder}: {error}; set TAILRACE_TEST_CACHE to another folder") from error
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds the cache's lock `name`; the kernel lets go of it with the process, so none is ever stale."""
    with open(cache_folder() / f".{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def entry(name: str, build: Callable[[Path], None], announce: str = "") -> Path:
    """The cached folder `name`; if absent, `build(folder)` fills a temporary folder that then takes its place."""
    final = cache_folder() / name
    if final.is_dir():
        return final
    with locked(name):
        if final.is_dir():
            return final
        if announce:
            print(announce, file=sys.stderr, flush=True)
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=final.parent))
        try:
            built = work / "entry"
            built.mkdir()
            build(built)
            built.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def copy_folder(source: Path, target: Path, link: bool = False) -> None:
    """Copies a folder with owners, modes and holes; `target` must not exist. Shares blocks where the disk can.

    `link`: hard links where both lie on one disk; for files that nobody changes.
    """
    options = ["-al"] if link and source.stat().st_dev == target.parent.stat().st_dev else ["-a", "--reflink=auto"]
    done = subprocess.run(["cp", *options, str(source), str(target)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"copying {source} to {target}: {done.stderr.strip()}")
