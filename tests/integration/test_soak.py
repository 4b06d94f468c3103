"""The short form of `make soak`: one pipeline, the same faults in the same order each time, a few seconds apart."""

from __future__ import annotations

from pathlib import Path

from tests import servers
from tests.soak import targets
from tests.soak.faults import Deck, Rig
from tests.soak.line import Line
from tests.soak.soak import Soak

#: One of each kind of process, one way of ending or hanging each; a server and a target.
FAULTS = ("capture killed", "sink terminated", "sink hangs", "everything killed", "source killed", "file locked")
SEED, SECONDS, EVERY, OUTAGE = 6, 22.0, 2.0, 3.5


def test_under_load_every_fault_is_survived_told_and_without_a_trace(
    postgres18: servers.Postgres, tmp_path: Path
) -> None:
    said: list[str] = []
    with (
        servers.start("mariadb") as server,
        server.database("soak") as source,
        postgres18.database("soak") as copy,
    ):
        sinks = [targets.sql("pg", copy), targets.lite(tmp_path)]
        rig = Rig([Line("mariadb", tmp_path, source, "", sinks, SEED)], {"mariadb": server})
        card = Soak(rig, Deck(rig, SEED, FAULTS), SEED, SECONDS, EVERY, OUTAGE, said.append).run()
    assert card.good, "\n".join([*said, card.text(), str(card.to_json())])
    assert len(card.trials) >= 4, said
