"""By hand: `python -m tests.servers up mysql kafka`, `fetch [KIND…]`, `list`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from types import FrameType

from . import KINDS, Server, ServerError, start
from .cache import cache_folder
from .server import external_address


def _fetch(kinds: list[str]) -> None:
    """Fetches all it can before it fails: one registry that is down keeps nobody from the others' servers."""
    failures = []
    for name in kinds or KINDS:
        if external_address(KINDS[name].environment) is None:
            try:
                KINDS[name].fetch()
            except ServerError as error:
                failures.append(f"{name}: {error}")
    if failures:
        raise ServerError("\n".join(failures))


def _list() -> None:
    print(f"cache: {cache_folder()}")
    for name, kind in KINDS.items():
        chosen = " (set: that server is used)" if external_address(kind.environment) else ""
        print(f"{name:15} {kind.version:40} {kind.environment}{chosen}")


def _up(kinds: list[str], options: dict[str, str]) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        for kind in kinds:
            server: Server = stack.enter_context(start(kind, options))
            print(f"export {server.environment}={server.address}", flush=True)
            log = "" if server.external else f", process {server.pid}, log {server.log}"
            print(f"{kind}: {server.address}{log}", file=sys.stderr, flush=True)
        print("running until Ctrl-C", file=sys.stderr, flush=True)
        while True:
            signal.pause()


def main() -> int:
    """The command line; 0, or 1 with one message."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description="Real servers for the tests")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start servers, print their addresses, keep them running until Ctrl-C")
    up.add_argument("kinds", nargs="+", choices=list(KINDS), metavar="KIND")
    up.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a server setting on top, for every KIND",
    )
    fetch = commands.add_parser("fetch", help="bring servers into the cache")
    fetch.add_argument("kinds", nargs="*", metavar="KIND")
    commands.add_parser("list", help="the kinds, their versions and environment variables")
    asked = parser.parse_args()
    try:
        if asked.command == "up":
            _up(asked.kinds, dict(option.split("=", 1) for option in asked.option))
        elif asked.command == "fetch":
            if unknown := set(asked.kinds) - set(KINDS):
                raise ServerError(f"no server kind {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
            _fetch(asked.kinds)
        else:
            _list()
    except ServerError as error:
        print(f"tests.servers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
