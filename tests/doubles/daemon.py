"""`tailrace run` on a pipeline of doubles, as a process.

usage: python -m tests.doubles.daemon FOLDER BEHAVIOURS [PORT]

PATIENCE_SECONDS in the environment takes the place of the supervisor's own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import orjson

from tailrace.cli.main import guarded
from tailrace.logs import LogFormat, configure
from tailrace.notify import Notifier
from tailrace.supervisor import health
from tailrace.supervisor.supervisor import Supervisor
from tests.doubles.pipeline import COMMAND, pipeline


def main() -> int:
    folder, behaviours, *port = sys.argv[1:]
    notifier = Notifier.from_environment(os.environ)
    configure(LogFormat.JSON)
    health.PATIENCE_SECONDS = float(os.environ.get("PATIENCE_SECONDS", health.PATIENCE_SECONDS))
    listen = ("127.0.0.1", int(port[0])) if port else None
    double = pipeline(Path(folder), orjson.loads(behaviours), listen=listen)
    outcome = asyncio.run(Supervisor(double, command=COMMAND, notifier=notifier).run())
    if outcome.error:
        print(f"tailrace: error: {outcome.error}", file=sys.stderr)
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(guarded(main))
