"""Cut-over's part of a schema: what was held back, once nothing comes in that it would act upon."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tailrace.config import Pipeline, load
from tailrace.conversion import job
from tailrace.conversion.catalog import Catalog, Dialect
from tailrace.conversion.job import Job
from tailrace.conversion.making.application import plan, run
from tailrace.conversion.making.held import note
from tailrace.conversion.outcome import Conversion
from tailrace.conversion.rules import Rules
from tailrace.conversion.target import Statement
from tailrace.cutover.schema import HeldBack
from tailrace.errors import RefusedError, UnreachableError
from tailrace.structure import FAILED, LEFT_OUT, MADE, NOTE, OBJECT, TO_MAKE, Outcome
from tests.unit.schema import shop_conversion
from tests.unit.schema.memory_target import MEANT, MemoryTarget


class Refusing(MemoryTarget):
    def apply(self, statements: Sequence[Statement]) -> None:
        if statements[0].sql.startswith("key"):
            raise RefusedError("there are orphans")
        super().apply(statements)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    path = tmp_path / "shop.toml"
    path.write_text(
        f'name = "shop"\nstate_dir = "{tmp_path}/state"\n'
        '[source]\nconnector = "mysql"\nurl = "mysql://u:p@nowhere.invalid/shop"\n'
        f'[[sinks]]\nname = "lite"\nconnector = "sqlite"\nurl = "sqlite:///{tmp_path}/x.db"\n'
    )
    return load(path)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> MemoryTarget:
    """Has all but what was held back."""
    target = Refusing(Catalog(Dialect.SQLITE))
    run(target, plan(target, MEANT))
    target.ran.clear()
    conversion = Conversion(shop_conversion.source(), MEANT, (), (), "lite")

    def of_sink(pipeline: Pipeline, settings: object, source: Catalog, rules: Rules) -> Job:
        return Job("lite", target, conversion, settings)

    monkeypatch.setattr(job, "source_catalog", lambda pipeline: shop_conversion.source())
    monkeypatch.setattr(job, "of_sink", of_sink)
    return target


def _outcomes(pipeline: Pipeline, rested: list[str], dry_run: bool = False, quiet: bool = True) -> list[Outcome]:
    @contextlib.contextmanager
    def resting() -> Iterator[None]:
        rested.append("rests")
        yield
        rested.append("goes on")

    return list(HeldBack(pipeline, dry_run, quiet).outcomes("lite", resting))


def _told(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    return [(outcome.table, outcome.name, outcome.state) for outcome in outcomes if outcome.kind == OBJECT]


def test_a_sink_whose_schema_was_not_applied_is_left_alone(pipeline: Pipeline, target: MemoryTarget) -> None:
    rested: list[str] = []
    assert _outcomes(pipeline, rested) == []
    assert (target.ran, rested) == ([], [])


def test_what_was_held_back_is_made_while_the_sink_rests_and_what_fails_keeps_nothing_from_it(
    pipeline: Pipeline, target: MemoryTarget
) -> None:
    note(pipeline, "lite", [])
    rested: list[str] = []
    made = _outcomes(pipeline, rested)
    assert _told(made) == [("b", "foreign key b_fk", FAILED), ("a", "trigger t", MADE)]
    assert "there are orphans" in made[0].detail
    assert made[0].statement == "key b_fk"
    assert [outcome.detail[:22] for outcome in made if outcome.kind == NOTE] == ["triggers are there now"]
    assert rested == ["rests", "goes on"]
    assert target.ran == ["trigger t"]


def test_a_statement_that_cannot_be_made_at_all_is_reported_and_the_next_run_goes_on(
    pipeline: Pipeline, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(pipeline, "lite", [])

    def refuse(meant: Catalog) -> Catalog:
        raise RefusedError("trigger a, t: there is no function f in: CREATE TRIGGER t")

    with monkeypatch.context() as patched:
        patched.setattr(target, "canonical", refuse)
        [told] = _outcomes(pipeline, [])
    assert (told.kind, told.name, told.state) == (OBJECT, "schema", FAILED)
    assert "trigger a, t: there is no function f" in told.detail
    assert "nothing of the schema was made" in told.detail
    assert target.ran == []
    assert ("a", "trigger t", MADE) in _told(_outcomes(pipeline, []))


def test_what_comes_after_a_lost_target_is_named_and_not_tried(
    pipeline: Pipeline, target: MemoryTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(pipeline, "lite", [])

    def lose(statements: Sequence[Statement]) -> None:
        raise UnreachableError("the server has gone away")

    monkeypatch.setattr(target, "apply", lose)
    made = _outcomes(pipeline, [])
    assert _told(made) == [("b", "foreign key b_fk", FAILED), ("a", "trigger t", LEFT_OUT)]
    assert "run cutover again" in made[0].detail
    assert "the server has gone away" in made[1].detail


def test_it_waits_while_changes_come_in(pipeline: Pipeline, target: MemoryTarget) -> None:
    note(pipeline, "lite", [])
    left = _outcomes(pipeline, [], quiet=False)
    assert _told(left) == [("b", "foreign key b_fk", LEFT_OUT), ("a", "trigger t", LEFT_OUT)]
    assert "stop its writers" in left[0].detail
    assert target.ran == []


def test_a_dry_run_shows_the_statements(pipeline: Pipeline, target: MemoryTarget) -> None:
    note(pipeline, "lite", [])
    rested: list[str] = []
    shown = _outcomes(pipeline, rested, dry_run=True)
    assert [(outcome.state, outcome.statement) for outcome in shown] == [(TO_MAKE, "key b_fk"), (TO_MAKE, "trigger t")]
    assert (target.ran, rested) == ([], [])
