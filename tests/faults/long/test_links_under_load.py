"""A full load through a link that is slow, resets connections and swallows everything: each row arrives once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.links import Rig
from tests.pipelines.side_by_side import side_by_side

ROWS, BARE_ROWS = 200_000, 20_000
#: So that the link fails in the middle of it.
SECONDS = 40
#: PostgreSQL keeps the slot of a session that was cut off.
LONGEST_SECONDS = 400


def test_a_load_through_a_failing_link_brings_each_row_once(
    mariadb: Any, mysql: Any, mysql_defaults: Any, postgres15: Any, tmp_path: Path
) -> None:
    side_by_side(
        mariadb=partial(load, mariadb, tmp_path / "mariadb"),
        mysql=partial(load, mysql, tmp_path / "mysql"),
        defaults=partial(load, mysql_defaults, tmp_path / "defaults"),
        postgres=partial(load, postgres15, tmp_path / "postgres"),
    )


def load(server: Any, folder: Path) -> None:
    pace = f"[load]\nthrottle_rows = {(ROWS + BARE_ROWS) // SECONDS}\n"
    with server.database("load") as source:
        source.script("CREATE TABLE keyed (id INT PRIMARY KEY, note VARCHAR(100))", "CREATE TABLE bare (n INT)")
        if server.login.scheme == "postgresql":
            source.execute("ALTER TABLE bare REPLICA IDENTITY FULL")
        source.executemany("INSERT INTO keyed VALUES (%s, %s)", ((n, f"note {n}" * 5) for n in range(ROWS)))
        source.executemany("INSERT INTO bare VALUES (%s)", ((n,) for n in range(BARE_ROWS)))
        rig = Rig(folder, source, {"lite": f"sqlite:///{folder}/target.db"}, more=pace)
        link = rig.links["source"]
        with rig.file.running():
            # The table without a key comes first, in one view.
            rig.until(lambda: loaded(rig, "bare") > 0, 60, "the load begins")
            link.mode("resets", seconds=1.0)
            rig.until_told("capture")
            link.mode("pass")
            rig.until(lambda: loaded(rig, "keyed") > ROWS // 10, LONGEST_SECONDS, "it goes on")
            link.mode("black hole")
            rig.until_told("capture")
            link.mode("pass")
            rig.until(lambda: loaded(rig, "keyed") > ROWS // 4, LONGEST_SECONDS, "it goes on")
            link.mode("forgotten")
            rig.until(lambda: loaded(rig, "keyed") > ROWS // 2, LONGEST_SECONDS, "by other connections")
            link.mode("resets", seconds=1.0)
            rig.until_told("capture")
            link.mode("pass")
            rig.until_well(LONGEST_SECONDS)
        caught_up = rig.file.until_caught_up()
        assert caught_up.code == 0, caught_up.stderr[-3000:]
        assert rig.rows("lite", "SELECT count(*), count(DISTINCT id) FROM keyed") == [(ROWS, ROWS)]
        assert rig.rows("lite", "SELECT count(*), count(DISTINCT n) FROM bare") == [(BARE_ROWS, BARE_ROWS)]
        sent = [event["after"]["id"] for event in rig.events("keyed", "r")]
        assert len(sent) == len(set(sent)) == ROWS
        assert rig.file.command("verify").code == 0
        assert rig.file.command("teardown", "--yes").code == 0
        for each in rig.links.values():
            each.close()


def loaded(rig: Rig, table: str) -> int:
    return sum(entry["rows"] for entry in rig.file.status().get("tables", []) if entry["name"].endswith(f".{table}"))
