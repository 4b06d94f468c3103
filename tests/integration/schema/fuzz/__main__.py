"""`python -m tests.integration.schema.fuzz --seconds N [--seed N] [--from KIND…] [--to KIND…]`: random schemas.

Ends with 1 where anything is wrong; prints it with the smallest draft that shows it, and the seed that makes it again.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests import servers
from tests.integration.schema.fuzz.draft import Draft
from tests.integration.schema.fuzz.generators import GENERATORS
from tests.integration.schema.fuzz.minimal import smallest
from tests.integration.schema.fuzz.places import Places, places
from tests.integration.schema.fuzz.rounds import Outcome, Round, Wrong

_TARGETS = ("postgres18", "mysql", "mariadb", "sqlite")


def run(where: Places, draft: Draft, seed: int) -> Outcome:
    """One round of the draft."""
    return Round(where, draft, seed).run()


def reduced(where: Places, draft: Draft, wrong: Wrong, seed: int, seconds: float) -> tuple[Draft, Wrong]:
    """The smallest draft that is wrong alike, and what is wrong with it."""
    only = Places(where.kind, where.source, [place for place in where.targets if place.kind == wrong.target])
    last = wrong
    if seconds <= 0:
        return draft, wrong

    def fails(thinner: Draft) -> bool:
        nonlocal last
        for found in run(only, thinner, seed).wrong:
            if (found.what, found.about) == (wrong.what, wrong.about):
                last = found
                return True
        return False

    if wrong.probe is not None:
        alone = replace(draft, pieces=draft.pieces[:2], probes=(wrong.probe,))
        draft = alone if fails(alone) else draft
    return smallest(draft, fails, seconds), last


def printed(where: Places, draft: Draft, wrong: Wrong, seed: int) -> str:
    """For a person: what is wrong, and the statements that show it."""
    lines = [f"---- seed {seed}, {where.kind} to {wrong.target}", str(wrong)]
    lines += [f"{piece.sql};" for piece in draft.pieces]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="schema-fuzz", description="Random schemas in every direction")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="of the first round; each further one has the next number")
    parser.add_argument("--from", dest="sources", nargs="+", choices=list(GENERATORS), default=list(GENERATORS))
    parser.add_argument("--to", dest="targets", nargs="+", choices=_TARGETS, default=list(_TARGETS))
    parser.add_argument("--reduce", type=float, default=30.0, help="seconds to make a failing draft small")
    asked = parser.parse_args(arguments)
    seed = asked.seed if asked.seed is not None else random.randrange(1_000_000) * 1000
    print(f"seed {seed}", flush=True)
    figures: Counter[str] = Counter()
    seen: set[tuple[str, str, str]] = set()
    with contextlib.ExitStack() as stack:
        running: dict[str, Any] = {}
        for kind in {*asked.sources, *asked.targets} - {"sqlite"}:
            running[kind] = stack.enter_context(servers.start(kind))
        open_ = []
        for source in asked.sources:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            targets = [kind for kind in asked.targets if kind != source or source.startswith("postgres")]
            open_.append(stack.enter_context(places(running, source, targets, folder)))
        end = time.monotonic() + asked.seconds
        while time.monotonic() < end:
            where = open_[seed % len(open_)]
            draft = GENERATORS[where.kind](random.Random(seed))
            outcome = run(where, draft, seed)
            figures += outcome.figures
            for wrong in outcome.wrong:
                if (wrong.target, wrong.what, wrong.about) not in seen:
                    seen.add((wrong.target, wrong.what, wrong.about))
                    figures["wrong"] += 1
                    begun = time.monotonic()
                    small, last = reduced(where, outcome.draft, wrong, seed, asked.reduce)
                    end += time.monotonic() - begun
                    print(printed(where, small, last, seed), flush=True)
            seed += 1
    print(", ".join(f"{name}: {count}" for name, count in sorted(figures.items())))
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
