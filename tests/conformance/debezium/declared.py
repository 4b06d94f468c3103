"""`declared.toml`: by difference, where it occurs (case and column, or part of the event) and on which servers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Set
from pathlib import Path

PATH = Path(__file__).with_name("declared.toml")

_HEAD = """\
# Where tailrace differs from Debezium on purpose: by difference (docs/reference/debezium.md has the reasons), the case
# and the column or part of the event, and the servers. One that does not occur is a failure, as is one not listed.
"""

#: Difference and place, `case/where`.
Place = tuple[str, str]


def load(path: Path = PATH) -> dict[str, set[Place]]:
    """By engine."""
    result: dict[str, set[Place]] = {}
    for difference, places in tomllib.loads(path.read_text()).items():
        for place, engines in places.items():
            for engine in engines.split():
                result.setdefault(engine, set()).add((difference, place))
    return result


def store(declared: dict[str, Set[Place]], order: Iterable[str], path: Path = PATH) -> None:
    """Writes what `load` reads.

    Args:
        order: of the differences.
    """
    lines = [_HEAD]
    for difference in order:
        engines: dict[str, list[str]] = {}
        for engine, places in declared.items():
            for name, place in places:
                if name == difference:
                    engines.setdefault(place, []).append(engine)
        if engines:
            lines.append(f"[{difference}]")
            lines += [
                f"{json.dumps(place, ensure_ascii=False)} = {json.dumps(' '.join(sorted(names)))}"
                for place, names in sorted(engines.items())
            ]
            lines.append("")
    path.write_text("\n".join(lines))
