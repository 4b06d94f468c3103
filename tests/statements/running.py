"""Runs cases side by side, each on tables of its own, through one pipeline into PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from tailrace.apply import worker as apply_worker
from tailrace.capture import worker as capture_worker
from tailrace.config import Pipeline, load
from tailrace.errors import StuckError
from tailrace.position import LOAD_PREFIX, POSITION_KEY, TABLE_PREFIX, Position
from tailrace.report import Control
from tailrace.verify import TableComparison, verify
from tests.doubles.thread import working
from tests.pipelines import text
from tests.pipelines.daemon import until
from tests.servers import Database
from tests.statements.case import GONE, WARNED, Case, Step

MAIN = "main"
_SECONDS = 60.0


class Silent:
    def send(self, report: Any) -> None:
        """Nobody listens."""


@dataclass
class Numbered:
    """A case with the names of its tables and a session of its own."""

    case: Case
    number: int
    source: Database
    connection: Any = field(init=False)

    def __post_init__(self) -> None:
        self.connection = self.source.connect()

    @property
    def names(self) -> dict[str, str]:
        """The tables by their letters, the database and the number."""
        tables = {letter: f"{letter}{self.number:03}" for letter in "tuv"}
        return {**tables, "d": self.source.name, "n": str(self.number)}

    def execute(self, step: Step) -> None:
        for statement in (step,) if isinstance(step, str) else step:
            for name, value in self.names.items():
                statement = statement.replace(f"{{{name}}}", value)
            with closing(self.connection.cursor()) as cursor:
                cursor.execute(statement)


class Runner:
    """A pipeline's workers, in this process; its sink `main`."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline

    def state(self) -> dict[str, bytes]:
        with closing(self.pipeline.create_stream().reader("")) as reader:
            return dict(reader.state())

    def catch_up(self) -> None:
        """Capture from a new start to the log's end."""
        capture_worker.run(self.pipeline, _finishing(), Silent())

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Capture and the main sink at work."""
        with (
            working(lambda control: capture_worker.run(self.pipeline, control, Silent()), 30),
            working(lambda control: apply_worker.run(self.pipeline, MAIN, control, Silent()), 30),
        ):
            until(self._loaded, _SECONDS, "the tables are loaded")
            yield

    def await_end(self) -> None:
        """Until the stream holds what the log holds now."""
        with closing(self.pipeline.create_source()) as source:
            goal = source.log_end()
        until(lambda: Position.from_json(self.state()[POSITION_KEY]).mark >= goal, _SECONDS, f"capture reaches {goal}")

    def teardown(self) -> None:
        """Removes what was made at the source."""
        with closing(self.pipeline.create_source()) as source:
            source.teardown(None, dry_run=False)

    def _loaded(self) -> bool:
        state = self.state()
        loads = [orjson.loads(record) for key, record in state.items() if key.startswith(LOAD_PREFIX)]
        return POSITION_KEY in state and all(entry["done"] for entry in loads)

    def apply(self, sink: str = MAIN) -> None:
        """The sink from a new start to the stream's end."""
        apply_worker.run(self.pipeline, sink, _finishing(), Silent())


class Bench(Runner):
    """A pipeline of many tables; the cases whose sink is to stop have one of their own each."""

    def __init__(self, source: Database, target: Database, cases: Sequence[Case], folder: Path) -> None:
        self.cases = [Numbered(case, number, source) for number, case in enumerate(cases)]
        stopping = [one for one in self.cases if one.case.stops]
        parts = [text.source(source.url), _sink(MAIN, target, [one for one in self.cases if not one.case.stops])]
        parts += [_sink(one.names["t"], target, [one]) for one in stopping]
        file = folder / "pipeline.toml"
        file.write_text(text.pipeline(folder, *parts))
        (folder / "state").mkdir()
        super().__init__(load(file))
        self._errors: list[str] = []

    # ---- the source

    def create(self) -> None:
        for one in self.cases:
            for statement in one.case.create:
                one.execute(statement)

    def phases(self) -> Iterator[None]:
        """Rows changed, the statements one by one, rows changed again: of all cases at once in each phase."""
        for one in self.cases:
            self._run(one, one.case.before)
        yield
        for index in range(max(len(one.case.statements) for one in self.cases)):
            for one in self.cases:
                self._run(one, one.case.statements[index : index + 1])
            yield
        for one in self.cases:
            self._run(one, one.case.after)
        yield

    def _run(self, one: Numbered, steps: Sequence[Step]) -> None:
        for step in steps:
            refused = one.case.refused and step == one.case.statements[-1]
            try:
                one.execute(step)
            except Exception as error:
                if not refused:
                    self._errors.append(f"{one.case.name}: {step}: {error}")
            else:
                if refused:
                    self._errors.append(f"{one.case.name}: the server takes the statement")

    # ---- what came of it

    def problems(self, live: bool, warned: Iterable[str] = ()) -> list[str]:
        """Everything that is not as the cases say; nothing else than equal or loud is ever right."""
        self.apply()
        suspended: dict[str, str] = {}
        for key, record in self.state().items():
            if key.startswith(TABLE_PREFIX):
                name = key.rpartition(".")[2]  # that two schemas may have
                suspended[name] = suspended.get(name, "") + str(orjson.loads(record)["reason"])
        sinks = tuple(sink for sink in self.pipeline.sinks if sink.name == MAIN)
        found = verify(replace(self.pipeline, sinks=sinks), attempts=1)
        compared = {comparison.table.rpartition(".")[2]: comparison for comparison in found.tables}
        unverified = {table.rpartition(".")[2]: reason for table, reason in found.unverified}
        result = list(self._errors)
        for one in self.cases:
            if one.case.stops:
                result += self._stopped(one, suspended)
                continue
            for letter, expected in one.case.outcomes(live).items():
                name = one.names[letter]
                comparison = compared.get(name)
                reason = suspended.get(name, unverified.get(name, ""))
                wrong = _wrong(expected, reason, comparison, name in warned)
                if wrong:
                    result.append(f"{one.case.name} ({name}): expected {expected or 'equal'!r}, {wrong}")
        return result

    def _stopped(self, one: Numbered, suspended: dict[str, str]) -> list[str]:
        name = one.names["t"]
        if name in suspended:
            if one.case.expected and one.case.expected in suspended[name]:
                return []
            return [f"{one.case.name} ({name}): the sink was to stop, but the table is suspended: {suspended[name]}"]
        try:
            self.apply(name)
        except StuckError as error:
            right = one.case.stops in str(error) and error.fix
            return [] if right else [f"{one.case.name} ({name}): {error}"]
        return [f"{one.case.name} ({name}): the sink did not stop"]


def _wrong(expected: str, reason: str, comparison: TableComparison | None, warned: bool) -> str:
    if expected == GONE:
        return f"suspended: {reason}" if reason else "compared" if comparison else ""
    if expected == WARNED:
        return f"suspended: {reason}" if reason else "" if warned else "nothing was said"
    if expected:
        if expected not in reason:
            equal = comparison is not None and comparison.equal
            return f"suspended: {reason}" if reason else "equal" if equal else f"WRONG IN SILENCE {comparison}"
        return ""
    if reason:
        return f"suspended: {reason}"
    if comparison is None:
        return "it is not there"
    return "" if comparison.equal else f"WRONG IN SILENCE {comparison.to_dict()}"


def _finishing() -> Control:
    control = Control()
    control.finish.set()
    return control


def _sink(name: str, target: Database, cases: Sequence[Numbered]) -> str:
    globs = [f"*.{one.names[letter]}" for one in cases for letter in "tuv"]
    return text.sink(name, target.url) + f"tables = {orjson.dumps(globs).decode()}\n"
