"""One schema in one direction, from the source's statements to a target that behaves as the source does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.schema.applications import WITHOUT_ROWS, create
from tests.integration.schema.matrix.views import view_differences
from tests.integration.schema.rows.behaviour import Comparison, Difference
from tests.integration.schema.rows.writer import Writer
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, Result
from tests.pipelines.workload import is_mysql
from tests.servers import Database

#: Exit codes of `tailrace schema` that are no error: nothing, or something, is left to a person.
_DONE = (0, 1)


@dataclass
class Outcome:
    """
    Attributes:
        objects, automatic, changed, by_hand: as the assessment counts them.
        told: what the target does otherwise and the assessment has said, by what was tried and the item's code.
        wrong: what it has not said, or did not do as it said.
    """

    schema: str
    direction: str
    objects: int = 0
    automatic: int = 0
    changed: int = 0
    by_hand: int = 0
    tried: int = 0
    told: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100 * self.automatic / self.objects if self.objects else 0.0


class Cell:
    """A source that has a schema, an empty target, and the pipeline between them."""

    def __init__(self, schema: str, source: Database, target: Database, folder: Path) -> None:
        self.schema, self.source, self.target = schema, source, target
        create(source, schema)
        first = text.source(source.url) + _unlogged(source)
        parts = (first, text.sink("target", target.url), *_inserts_only(source))
        self.pipeline = PipelineFile(folder, text.pipeline(folder, *parts))
        self.outcome = Outcome(schema, f"{_short(source)} → {_short(target)}")
        self._without = WITHOUT_ROWS.get(schema, frozenset())

    def run(self, rows: int = 8, changes: int = 150, seed: int = 1) -> Outcome:
        """All of it; what is not as it should be is in the outcome, unless nothing further can be done then.

        Raises:
            AssertionError: a command fails altogether.
        """
        first = self._schema("--apply")
        items = self._assess(first)
        self._made(first, "--apply")
        try:
            writer = Writer(self.source, seed)
            writer.fill(rows, self._without)
            self._caught_up()
            writer.change(changes)
            self._caught_up()
            self._verified()
        finally:
            torn_down = self.pipeline.command("teardown", "--yes")
        assert torn_down.code == 0, torn_down.stderr[-3000:]
        self._made(self._schema("--apply", "--stage", "all"), "--stage all")
        again = self._made(self._schema("--apply", "--stage", "all"), "a second --apply")
        self._wrong("a second --apply makes", (f"{s['kind']} {s['name']} {s['member']}" for s in again["made"]))
        compared = self._schema("--diff")["targets"][0]
        if not compared["equal"]:
            self._wrong("--diff", map(_named, compared["differences"]))
        self._behaves(items, seed)
        return self.outcome

    def _schema(self, *arguments: str) -> Any:
        done = self.pipeline.command("schema", *arguments, "--json", timeout=300)
        assert done.code in _DONE, _end(done)
        assert done.stdout, _end(done)
        return json.loads(done.stdout)

    def _assess(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        target = answer["assessment"]["targets"][0]
        outcome, figures = self.outcome, target["objects"]
        outcome.objects, outcome.automatic = figures["total"], figures["automatic"]
        outcome.changed, outcome.by_hand = figures["changed"], figures["by_hand"]
        groups = [*target["actions"], *target["findings"]]
        return [{**item, "code": group["code"]} for group in groups for item in group["items"]]

    def _made(self, answer: Mapping[str, Any], what: str) -> dict[str, Any]:
        applied: dict[str, Any] = answer["targets"][0]["applied"]
        self._wrong(f"{what} finds in another form", map(_named, applied["differing"]))
        self._wrong(f"{what} reads back otherwise", map(_named, applied["unheld"]))
        return applied

    def _caught_up(self) -> None:
        done = self.pipeline.until_caught_up(timeout=300)
        assert done.code == 0, _end(done)

    def _verified(self) -> None:
        done = self.pipeline.command("verify", "--json", timeout=300)
        if done.code == 0:
            return
        assert done.code == 1, _end(done)
        answer = json.loads(done.stdout)
        unequal = [t for t in answer["tables"] if t["missing"] or t["extra"] or t["different"]]
        self._wrong("verify", (json.dumps(table)[:400] for table in [*unequal, *answer["unverified"]]))

    def _behaves(self, items: list[dict[str, Any]], seed: int) -> None:
        comparison = Comparison(self.source, self.target, seed)
        found = [*comparison.run(self._without), *view_differences(self.source, self.target)]
        self.outcome.tried = comparison.tried
        for difference in found:
            codes = {item["code"] for item in items if _tells(item, difference)}
            if codes:
                told = f"{difference.probe}: {', '.join(sorted(codes))}"
                self.outcome.told[told] = self.outcome.told.get(told, 0) + 1
            else:
                self._wrong("behaviour", [str(difference)])

    def _wrong(self, what: str, found: Iterable[str]) -> None:
        self.outcome.wrong += [f"{what}: {one}" for one in found]


def _unlogged(source: Database) -> str:
    """`exclude` of the tables whose changes PostgreSQL does not log."""
    if is_mysql(source):
        return ""
    found = source.query("SELECT 'public.' || relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'")
    return f"exclude = {json.dumps([name for (name,) in found])}\n" if found else ""


def _inserts_only(source: Database) -> Iterator[str]:
    """PostgreSQL logs no update of a table without a key, unless it is told to; rows are only added to those."""
    if is_mysql(source):
        return
    for (name,) in source.query(
        "SELECT relname FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition AND relreplident = 'd' AND relpersistence = 'p'"
        " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)"
    ):
        yield f'[[tables]]\nmatch = "public.{name}"\ninserts_only = true\n'


def _tells(item: Mapping[str, Any], difference: Difference) -> bool:
    """Is the item about something that the difference may come from, or a trigger of that table that is not made?"""
    name = item["name"].rpartition(".")[2]
    by_hand = item["kind"] in ("trigger", "table") and item["grade"] == "by hand"
    # Of many columns of a table there is one item, which begins with their names.
    members = {item["member"], *(() if item["member"] else item["reason"].partition(":")[0].split(", "))}
    return any(name == table and (member in members or by_hand) for table, member in difference.about)


def _named(difference: Mapping[str, Any]) -> str:
    details = "; ".join(f"{d['what']}: meant {d['wanted']}, found {d['found']}" for d in difference["details"])
    return f"{difference['state']} {difference['kind']} {difference['name']}.{difference['member']} {details}"


def _short(database: Database) -> str:
    return {"mysql": "MySQL", "mariadb": "MariaDB"}.get(database.server.kind, "PostgreSQL")


def _end(done: Result) -> str:
    return f"ended with {done.code}: {done.stdout[-1500:]}{done.stderr[-3000:]}"
