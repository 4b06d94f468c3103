"""One round: a draft made at the source, converted, made in each target, filled on both sides, and compared."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tailrace.conversion import job
from tailrace.conversion.catalog import Catalog
from tailrace.conversion.job import Job, default_schema
from tailrace.conversion.making import application
from tailrace.conversion.making.difference import differences
from tailrace.conversion.names import Names
from tailrace.conversion.naming import pipeline_names, script_names
from tailrace.conversion.outcome import Grade, Item
from tailrace.conversion.rules import Rules, load
from tailrace.conversion.target import Stage
from tailrace.errors import TailraceError
from tests.integration.schema.fuzz import filling, probing, source
from tests.integration.schema.fuzz.draft import Draft, Probe
from tests.integration.schema.fuzz.places import Place, Places

_BESIDE = application.BESIDE
_ALL = frozenset(Stage)


@dataclass(frozen=True)
class Wrong:
    """
    Attributes:
        target: the kind of target.
        what: in which step; `about`: of what, by which a smaller draft is known to fail alike.
        probe: the expression that it is about.
    """

    target: str
    what: str
    about: str
    detail: str
    probe: Probe | None = None

    def __str__(self) -> str:
        return f"{self.target}: {self.what}: {self.detail}"


@dataclass
class Outcome:
    """
    Attributes:
        draft: what the source took of it.
        wrong: what no item says.
        figures: how many objects, expressions and statements were compared.
        ddl: of each target, what was made.
    """

    draft: Draft
    wrong: list[Wrong] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)
    ddl: dict[str, list[str]] = field(default_factory=dict)


class Round:
    """
    Args:
        seed: of rows and statements.
        rows: how many are wanted in each table.
    """

    def __init__(self, places: Places, draft: Draft, seed: int, rows: int = 12) -> None:
        self.places, self.seed, self.rows = places, seed, rows
        self.rules: Rules = load()
        self.outcome = Outcome(draft)

    def run(self) -> Outcome:
        from tests.integration.schema.fuzz.places import empty

        outcome, here = self.outcome, self.places.source
        empty(here)
        outcome.draft = source.make(here, outcome.draft)
        outcome.figures["rounds"] += 1
        filled = False
        for place in self.places.targets:
            place.empty()
            try:
                catalog = job.source_catalog(place.pipeline)
                if not filled:
                    filled = True
                    outcome.figures["objects"] += sum(1 for _ in catalog.count())
                    filling.fill(here, self.seed, self.rows)
                _Target(self, place, catalog).run()
            except Exception as error:
                self.wrong(place.kind, "crash", type(error).__name__, traceback.format_exc()[-3000:])
        return outcome

    def wrong(self, target: str, what: str, about: str, detail: str, probe: Probe | None = None) -> None:
        self.outcome.wrong.append(Wrong(target, what, about, detail, probe))


class _Target:
    """The part of a round that is done for each target."""

    def __init__(self, whole: Round, place: Place, catalog: Catalog) -> None:
        self.whole, self.place, self.catalog = whole, place, catalog
        self.piped = whole.outcome.draft.piped
        self.rules = whole.rules

    def run(self) -> None:
        settings = self.place.pipeline.sinks[0]
        # Names as a script's: the same conversion, told another way of naming.
        made = job.of_sink(self.place.pipeline, settings, self.catalog, self.rules, script=not self.piped)
        try:
            self._run(made)
        finally:
            made.target.close()

    def _run(self, made: Job) -> None:
        self._verdicts(made)
        self.whole.outcome.ddl[self.place.kind] = [statement.sql for statement in made.statements()]
        if not self._applied(made, _BESIDE):
            return
        items = made.conversion.items
        names = self._names(made)
        copied = filling.copy(self.whole.places.source, self.place.database, names, self.catalog)
        self._differ("row", copied, items)
        if not self._applied(made, _ALL):
            return
        self._steady(made)
        self._values(made, items, names)

    def _values(self, made: Job, items: tuple[Item, ...], names: Names) -> None:
        outcome, here, there = self.whole.outcome, self.whole.places.source, self.place.database
        found, figures = filling.compare(here, there, names, made.conversion)
        outcome.figures += figures
        self._differ("stored", found, items)
        values = probing.compare(here, there, self.catalog, made, names, self.rules, outcome.draft.probes)
        outcome.figures += values.figures
        moved = {
            (item.name.name, member)
            for item in items
            if item.code.startswith("collation")
            for member in (item.member, *item.reason.partition(":")[0].split(", "))
        }
        for probe, detail in values.different:
            if any(table == probe.table and f"`{member}`" in probe.sql for table, member in moved):
                continue
            self._wrong("expression", f"{probe.table}: {probe.sql}", detail, probe)
        if self.piped:
            tried, behaviour = filling.behave(here, there, self.whole.seed, names)
            outcome.figures["statements"] += tried
            self._differ("behaviour", behaviour, items)

    def _names(self, made: Job) -> Names:
        settings = self.place.pipeline.sinks[0]
        schema = default_schema(made.target)
        if self.piped:
            return pipeline_names(self.catalog, self.place.pipeline, settings, made.target, schema, self.rules)
        return script_names(self.catalog, made.target, self.rules, schema)

    def _verdicts(self, made: Job) -> None:
        """Every object has one, and what is not automatic is told."""
        told = {(item.kind, item.name, item.member) for item in made.conversion.items}
        verdicts = made.conversion.verdicts
        for verdict in verdicts:
            self.whole.outcome.figures[f"objects {verdict.grade}"] += 1
            if verdict.grade is not Grade.AUTOMATIC and (verdict.kind, verdict.name, verdict.member) not in told:
                self._wrong("verdict without an item", f"{verdict.kind}", str(verdict))
        if len(verdicts) != sum(1 for _ in self.catalog.count()):
            self._wrong("verdicts", "count", "not one for each object")

    def _applied(self, made: Job, stages: frozenset[Stage]) -> bool:
        try:
            plan = application.plan(made.target, made.conversion.target, stages)
            self._named("is there in another form", plan.differing)
            self._named("reads back otherwise", application.run(made.target, plan))
        except TailraceError as error:
            self._wrong("refused", _first_words(error.what), f"{error.what} ({error.where}): {error.fix}"[:3000])
            return False
        return True

    def _steady(self, made: Job) -> None:
        """Nothing is left to be made, and both are the same."""
        target, meant = made.target, made.conversion.target
        again = application.plan(target, meant, _ALL)
        for statement in again.statements:
            self._wrong("a second apply makes", str(statement.kind), statement.sql)
        found = differences(target.canonical(meant), application.standing(target, meant))
        self._named("--diff", found)

    def _named(self, what: str, found: Any) -> None:
        for difference in found:
            said = "; ".join(f"{d.what}: meant {d.wanted!r}, found {d.found!r}" for d in difference.details)
            about = f"{difference.kind} {[d.what for d in difference.details]}"
            self._wrong(what, about, f"{difference.state} {difference.kind} {difference.where}: {said}")

    def _differ(self, what: str, found: list[filling.Told], items: tuple[Item, ...]) -> None:
        for given in found:
            one = given if what == "stored" else given.with_dependents(self.catalog)
            other = given.with_collations(self.catalog)
            collations = (item for item in items if item.code.startswith("collation"))
            if any(one.told_by(item) for item in items) or any(other.told_by(item) for item in collations):
                self.whole.outcome.figures["differences told by items"] += 1
            else:
                self._wrong(what, one.probe, str(one))

    def _wrong(self, what: str, about: str, detail: str, probe: Probe | None = None) -> None:
        self.whole.wrong(self.place.kind, what, about, detail, probe)


def _first_words(what: str) -> str:
    return " ".join(word for word in what.split() if word.isalpha())[:80]
