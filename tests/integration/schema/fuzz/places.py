"""The databases of a run: one of the source, one of each target, emptied before every round."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrace.config import Pipeline, load
from tests import servers
from tests.integration.schema.fuzz.sqlite import SQLiteDatabase
from tests.pipelines import text
from tests.pipelines.workload import is_mysql


@dataclass(frozen=True)
class Place:
    """A target, and the pipeline to it.

    Attributes:
        database: a `tests.servers.Database`, or a file of SQLite's that answers like one.
    """

    kind: str
    database: Any
    pipeline: Pipeline

    def empty(self) -> None:
        empty(self.database)


@dataclass(frozen=True)
class Places:
    kind: str
    source: servers.Database
    targets: Sequence[Place]


@contextmanager
def places(running: dict[str, Any], source: str, targets: Sequence[str], folder: Path) -> Iterator[Places]:
    """Databases on servers that run (by their kinds; `sqlite` needs none)."""
    with contextlib.ExitStack() as stack:
        here = stack.enter_context(running[source].database("fuzzsrc"))
        made = []
        for kind in targets:
            if kind == "sqlite":
                there: Any = SQLiteDatabase(folder / "target.db")
            else:
                there = stack.enter_context(running[kind].database("fuzzdst"))
            file = folder / f"{kind}.toml"
            file.write_text(text.pipeline(folder / kind, text.source(here.url), text.sink("target", there.url)))
            made.append(Place(kind, there, load(file)))
        yield Places(source, here, made)


def empty(database: Any) -> None:
    """As it was when it was made."""
    if isinstance(database, SQLiteDatabase):
        database.clear()
    elif is_mysql(database):
        database.execute(f"DROP DATABASE `{database.name}`")
        database.execute(f"CREATE DATABASE `{database.name}` CHARACTER SET utf8mb4")
        database.execute(f"USE `{database.name}`")
    else:
        mine = database.query("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'")
        for (schema,) in mine:
            quoted = schema.replace('"', '""')
            database.execute(f'DROP SCHEMA "{quoted}" CASCADE')
        database.execute("CREATE SCHEMA public")
