"""`python -m tests.integration.schema.matrix [SCHEMA…] [--from KIND…] [--to KIND…] [--json PATH]`: the results.

Ends with 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests import servers
from tests.integration.schema.applications import SCHEMAS
from tests.integration.schema.matrix.cell import Cell, Outcome

KINDS = ("mysql", "mariadb", "postgres18")


def outcomes(schemas: Sequence[str], sources: Sequence[str], targets: Sequence[str]) -> Iterator[Outcome]:
    """One for each schema, source and target, as they are done."""
    with contextlib.ExitStack() as stack:
        running: dict[str, Any] = {}
        for schema in schemas:
            for source in SCHEMAS[schema]:
                for target in targets:
                    if source in sources:
                        for kind in {source, target} - running.keys():
                            running[kind] = stack.enter_context(servers.start(kind))
                        yield _one(schema, running[source], running[target])


def _one(schema: str, source: servers.SqlServer, target: servers.SqlServer) -> Outcome:
    with source.database("src") as here, target.database("dst") as there, tempfile.TemporaryDirectory() as folder:
        cell = Cell(schema, here, there, Path(folder))
        begun = time.monotonic()
        try:
            cell.run()
        except AssertionError as error:
            cell.outcome.wrong.append(str(error))
        print(f"{schema} {cell.outcome.direction}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        for wrong in cell.outcome.wrong:
            print(f"  {wrong}", file=sys.stderr, flush=True)
        return cell.outcome


def table(rows: Sequence[Outcome]) -> str:
    """In Markdown."""
    lines = [
        "| schema | direction | objects | automatic | changed | by hand | statements compared | wrong |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        figures = (row.objects, f"{row.percent:.1f} %", row.changed, row.by_hand, row.tried, len(row.wrong))
        lines.append(f"| {row.schema} | {row.direction} | {' | '.join(map(str, figures))} |")
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="schema-matrix", description="Every schema in every direction")
    parser.add_argument("schemas", nargs="*", choices=[[], *SCHEMAS], default=[], metavar="SCHEMA")
    parser.add_argument("--from", dest="sources", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--to", dest="targets", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--json", type=Path, help="a file for all that was found")
    asked = parser.parse_args()
    rows = list(outcomes(asked.schemas or list(SCHEMAS), asked.sources, asked.targets))
    if asked.json:
        asked.json.write_text(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    print(table(rows))
    return 1 if any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
