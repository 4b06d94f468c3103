"""`tailrace run`."""

from __future__ import annotations

import asyncio
import os
import sys

from tailrace.config import load
from tailrace.errors import ConfigError
from tailrace.logs import LogFormat
from tailrace.notify import Notifier
from tailrace.supervisor.role import Role
from tailrace.supervisor.supervisor import Outcome, Supervisor


def run(file: str, role: Role, until_caught_up: bool, log_format: LogFormat, debug: bool) -> int:
    """Runs the pipeline to its end.

    Raises:
        ConfigError: the file has no sinks to run.
        TailraceError: it could not be started.
    """
    notifier = Notifier.from_environment(os.environ)
    pipeline = load(file)
    if role is Role.APPLY and not pipeline.sinks:
        raise ConfigError("there are no sinks to run", where=file, fix="add a [[sinks]] table, or leave out --role")
    # A missing one is said before anything is opened.
    pipeline.resolve_secrets(source=role.captures, sinks=role.applies)
    os.umask(0o077)  # the state folder holds rows
    supervisor = Supervisor(
        pipeline, role=role, until_caught_up=until_caught_up, log_format=log_format, debug=debug, notifier=notifier
    )
    bars = log_format is LogFormat.CONSOLE and sys.stderr.isatty()
    outcome = asyncio.run(_with_bars(supervisor) if bars else supervisor.run())
    if outcome.error:
        print(f"tailrace: error: {outcome.error}", file=sys.stderr, flush=True)  # noqa: T201
    return outcome.exit_code


async def _with_bars(supervisor: Supervisor) -> Outcome:
    from tailrace.cli.bars import Bars

    bars = Bars(sys.stderr)
    supervisor.output = bars.output
    os.environ.setdefault("FORCE_COLOR", "1")  # in the workers' logs, for it is a terminal that they reach
    async with bars.shown(supervisor.status):
        return await supervisor.run()
