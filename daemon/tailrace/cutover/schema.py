"""What `tailrace schema --apply` has held back is made, where no change comes in any more that it would act upon."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path

from tailrace.config import Pipeline
from tailrace.conversion import job
from tailrace.conversion.catalog import Catalog
from tailrace.conversion.making import application
from tailrace.conversion.making.held import noted
from tailrace.conversion.target import SchemaTarget, Stage, Statement
from tailrace.errors import RefusedError, UnreachableError
from tailrace.structure import FAILED, LEFT_OUT, MADE, NOTE, OBJECT, TO_MAKE, Outcome

_WRITTEN = (
    "the source is still written to, and this would act on what the sink writes: stop its writers, run this again"
)
_AGAIN = "run cutover again when that is mended: it goes on with what is missing"
_FIRES = (
    "triggers are there now, and act on what the pipeline writes as well: stop it once the application has moved, and"
    " write nothing to the source before"
)


class HeldBack:
    """For the sinks whose schema was applied; the source's catalog is read once, when the first of them asks.

    Args:
        dry_run: only say what would be made.
        quiet: no change came in while targets were compared.
    """

    def __init__(self, pipeline: Pipeline, dry_run: bool, quiet: bool) -> None:
        self._pipeline = pipeline
        self._dry_run = dry_run
        self._quiet = quiet
        self._rules = noted(pipeline)
        self._source: Catalog | None = None

    def outcomes(self, name: str, resting: Callable[[], AbstractContextManager[None]]) -> Iterator[Outcome]:
        """Makes what a sink's target lacks, one object after the other; one that fails does not keep others from it.

        Args:
            resting: a block in which the sink leaves its target alone.

        Raises:
            UnreachableError, RefusedError: of the source, or before anything was made in the target.
        """
        if name not in self._rules:
            return
        rules = job.rules_of(self._pipeline, [Path(path) for path in self._rules[name]])
        if self._source is None:
            self._source = job.source_catalog(self._pipeline)
        entry = job.of_sink(self._pipeline, self._pipeline.sink(name), self._source, rules)
        with contextlib.closing(entry.target) as target:
            try:
                plan = application.plan(target, entry.conversion.target, frozenset(Stage))
            except RefusedError as error:
                yield Outcome("", OBJECT, "schema", FAILED, f"{error}; nothing of the schema was made: {_AGAIN}")
                return
            for difference in plan.differing:
                detail = "; ".join(
                    f"{d.what}: meant {d.wanted or 'none'}, found {d.found or 'none'}" for d in difference.details
                )
                what = f"{difference.kind} {difference.member}".strip()
                yield Outcome(str(difference.name), OBJECT, what, LEFT_OUT, detail or f"{difference.state}")
            if not plan.statements:
                return
            with contextlib.nullcontext() if self._dry_run else resting():
                yield from self._made(target, plan.statements)

    def _made(self, target: SchemaTarget, statements: tuple[Statement, ...]) -> Iterator[Outcome]:
        acting, lost = False, ""
        for (kind, name, member), grouped in groupby(statements, lambda s: (s.kind, s.name, s.member)):
            group = list(grouped)
            what, sql = f"{kind} {member}".strip(), ";\n".join(statement.sql for statement in group)
            waits = any(statement.stage is Stage.CUTOVER for statement in group)
            if self._dry_run:
                yield Outcome(str(name), OBJECT, what, TO_MAKE, "", sql)
            elif lost:
                yield Outcome(str(name), OBJECT, what, LEFT_OUT, f"not tried, because {lost}", sql)
            elif waits and not self._quiet:
                yield Outcome(str(name), OBJECT, what, LEFT_OUT, _WRITTEN, sql)
            else:
                try:
                    target.apply(group)
                except RefusedError as error:
                    yield Outcome(str(name), OBJECT, what, FAILED, f"{error}; {_AGAIN}", sql)
                except UnreachableError as error:
                    lost = f"the target was lost: {error.what}"
                    yield Outcome(str(name), OBJECT, what, FAILED, f"{error}; {_AGAIN}", sql)
                else:
                    acting = acting or waits
                    yield Outcome(str(name), OBJECT, what, MADE, "", sql)
        if acting:
            yield Outcome("", NOTE, "schema", LEFT_OUT, _FIRES)
