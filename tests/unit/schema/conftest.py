"""A translator of expressions for tests of what calls it: what has the word HARD in it is a person's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tailrace.conversion import convert, expressions
from tailrace.conversion.catalog import Dialect, ObjectName
from tailrace.conversion.names import Names
from tailrace.conversion.outcome import Grade
from tailrace.conversion.programs import Program
from tailrace.conversion.tables import columns, user_types
from tailrace.conversion.translation import Remark, Translation

_HARD = Remark("hard", Grade.BY_HAND, "it is too hard", "write it")


@pytest.fixture
def simple_sql(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expressions keep their words but for the names of columns; views and programs keep theirs altogether."""

    def translate(
        sql: str,
        use: object,
        source: Dialect,
        target: Dialect,
        known: Any,
        names: Names,
        table: ObjectName | None,
        *_: object,
        **__: object,
    ) -> Translation:
        if "HARD" in sql:
            return Translation("", (_HARD,))
        renamed = names.columns.get(table, {}) if table is not None else {}
        return Translation(re.sub(r"\w+", lambda word: renamed.get(word[0], word[0]), sql))

    def program(text: Callable[[Any], str]) -> Callable[..., Program]:
        def made(given: Any, *_: object, **__: object) -> Program:
            return Program((), (_HARD,)) if "HARD" in text(given) else Program((given,))

        return made

    monkeypatch.setattr(expressions, "translate", translate)
    monkeypatch.setattr(user_types, "translate", translate)
    monkeypatch.setattr(convert, "view", program(lambda view: view.query))
    monkeypatch.setattr(convert, "routine", program(lambda routine: routine.definition))
    monkeypatch.setattr(convert, "trigger", program(lambda trigger: trigger.definition))
    monkeypatch.setattr(columns, "on_update", lambda *_: Program((), (_HARD,)))
