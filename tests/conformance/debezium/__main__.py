"""Compares tailrace with Debezium's connectors, event for event, and prints a table; exit code 1 where a case fails.

Every difference must be one that docs/reference/debezium.md describes, in the places that declared.toml lists.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests import servers
from tests.conformance.debezium import declared, kept
from tests.conformance.debezium.case import EVERYWHERE, Case
from tests.conformance.debezium.cases import cases_of
from tests.conformance.debezium.differences import DIFFERENCES
from tests.conformance.debezium.recording import Recorder, Recording
from tests.conformance.debezium.verdict import Verdict, judge

_COMPLAINTS = 6


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.debezium",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--engines", nargs="+", choices=EVERYWHERE, default=EVERYWHERE, metavar="NAME")
    parser.add_argument("--cases", nargs="+", default=[], metavar="NAME", help="only these")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keeps events, logs and settings in a new folder")
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="compares what --keep has kept; starts nothing")
    parser.add_argument("--all", action="store_true", help=f"all complaints of a case, not {_COMPLAINTS} at most")
    parser.add_argument(
        "--declare",
        action="store_true",
        help="writes declared.toml anew for these engines and cases, to be read before it is committed",
    )
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """0; 1 where a case failed."""
    order = parsed(words)
    known = declared.load()
    verdicts: dict[str, list[Verdict]] = {}
    failed = False
    for engine in order.engines:
        wanted = [case for case in cases_of(engine) if not order.cases or case.name in order.cases]
        cases = wanted
        if order.again is None:
            try:
                recording = recorded(engine, cases, order.keep)
            except servers.ServerError as error:
                print(f"{engine}: {error}")
                failed = True
                continue
        elif (order.again / f"{engine}.json").exists():
            recording = kept.read(order.again / f"{engine}.json")
            cases = cases_of(engine)  # to tell whose the tables are
        else:
            continue
        judged = judge(cases, recording, known.get(engine, set()))
        verdicts[engine] = [verdict for case, verdict in zip(cases, judged, strict=True) if case in wanted]
        if order.declare:
            names = {case.name for case in wanted}
            others = {(name, place) for name, place in known.get(engine, ()) if place.partition("/")[0] not in names}
            known[engine] = others.union(*(verdict.places for verdict in verdicts[engine]))
    if order.declare:
        declared.store({engine: known[engine] for engine in sorted(known)}, DIFFERENCES)
    for engine, found in verdicts.items():
        for verdict in found:
            show(engine, verdict, len(verdict.complaints) if order.all else _COMPLAINTS)
    print(table(verdicts))
    failed = failed or any(verdict.complaints for found in verdicts.values() for verdict in found)
    return 1 if failed else 0


def recorded(engine: str, cases: Sequence[Case], keep: Path | None) -> Recording:
    """Both run on a server of their own; `keep` is where its files go."""
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    started = time.monotonic()
    try:
        with servers.start(engine) as server:
            recording = Recorder(engine, folder).record(server, cases)
        if keep is not None:
            kept.write(recording, folder / f"{engine}.json")
        return recording
    finally:
        if keep is not None:
            shutil.copytree(folder, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{engine}: {len(cases)} cases in {time.monotonic() - started:.0f} s", file=sys.stderr)


def show(engine: str, verdict: Verdict, most: int) -> None:
    """A failed case's complaints."""
    for complaint in verdict.complaints[:most]:
        print(f"{engine} {verdict.case}: {complaint}")
    if len(verdict.complaints) > most:
        print(f"{engine} {verdict.case}: and {len(verdict.complaints) - most} more")


def table(verdicts: dict[str, list[Verdict]]) -> str:
    """A line for each engine."""
    lines = [f"{'':12}{'cases':>8}{'events':>8}{'equal':>8}{'different on purpose':>23}{'failed':>8}"]
    for engine, found in verdicts.items():
        states = [verdict.state for verdict in found]
        events = sum(verdict.events for verdict in found)
        lines.append(
            f"{engine:12}{len(found):8}{events:8}{states.count('equal'):8}{states.count('differs'):23}"
            f"{states.count('failed'):8}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
