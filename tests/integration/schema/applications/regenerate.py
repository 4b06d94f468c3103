"""Makes the dumps anew: installs an application, lets it migrate an empty database, and dumps what it made.

    python -m tests.integration.schema.applications.regenerate [APPLICATION…] [--environments FOLDER] [--server KIND…]

Each application gets a virtual environment of its own in FOLDER; one that is there is used as it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from tests import servers
from tests.integration.schema.applications import APPLICATIONS, dump_of
from tests.integration.schema.applications.clients import dump
from tests.integration.schema.applications.recipes import RECIPES


def environment(folder: Path, application: str) -> Path:
    """An application's interpreter, with what it needs."""
    place = folder / application
    python = place / "bin" / "python"
    if not python.exists():
        print(f"{application}: installing {' '.join(RECIPES[application].requirements)}", flush=True)
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *RECIPES[application].requirements], check=True)
    return python


def regenerate(python: Path, application: str, kind: str) -> None:
    """One dump."""
    with (
        servers.start(kind) as server,
        server.database(application) as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        RECIPES[application].migrate(python, database, Path(folder))
        path = dump_of(application, kind)
        path.write_text(dump(database).replace(database.name, application))
        print(f"{path.name}: {path.stat().st_size // 1024} KiB", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, or an exception with what went wrong."""
    parser = argparse.ArgumentParser(prog="regenerate", description="The dumps of applications' schemas, made anew")
    parser.add_argument("applications", nargs="*", choices=[[], *APPLICATIONS], default=[], metavar="APPLICATION")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "tailrace-applications")
    parser.add_argument("--server", nargs="*", default=[], help="only dumps of these kinds of server")
    asked = parser.parse_args(arguments)
    for application in asked.applications or APPLICATIONS:
        python = environment(asked.environments, application)
        for kind in APPLICATIONS[application]:
            if not asked.server or kind in asked.server:
                regenerate(python, application, kind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
