"""A few random schemas with fixed seeds; `make schema-fuzz` goes on with others."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.integration.schema.fuzz.generators import GENERATORS
from tests.integration.schema.fuzz.places import places
from tests.integration.schema.fuzz.rounds import Round

CASES = [
    ("mysql", ("postgres18", "sqlite"), 20),
    ("mariadb", ("mysql",), 20),
    ("postgres18", ("mariadb", "sqlite"), 705),
]
#: Of expressions that are compared: PostgreSQL's are of more kinds, and fewer of them are sure.
LEAST = {"mysql": 50, "mariadb": 50, "postgres18": 25}


@pytest.mark.parametrize(("source", "targets", "seed"), CASES)
def test_what_is_not_as_at_the_source_is_said(
    source: str, targets: tuple[str, ...], seed: int, mysql: Any, mariadb: Any, postgres18: Any, tmp_path: Path
) -> None:
    running = {"mysql": mysql, "mariadb": mariadb, "postgres18": postgres18}
    with places(running, source, targets, tmp_path) as where:
        outcome = Round(where, GENERATORS[source](random.Random(seed)), seed).run()
    assert [str(wrong) for wrong in outcome.wrong] == []
    assert outcome.figures["expressions compared"] > LEAST[source], outcome.figures
    assert outcome.figures["statements"] > 10, outcome.figures
