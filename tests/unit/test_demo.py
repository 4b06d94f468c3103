"""What `tailrace demo` needs to be installed."""

from __future__ import annotations

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tailrace.config import load
from tailrace.demo import SERVERS, pipelines

EXTRAS: dict[str, list[str]] = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


def packages(extra: str) -> set[str]:
    """The Python packages that an extra installs, those of the extras that it names included."""
    found: set[str] = set()
    for requirement in EXTRAS[extra]:
        if names := re.fullmatch(r"tailrace\[(.*)\]", requirement):
            found.update(*(packages(name) for name in names[1].split(",")))
        else:
            found.add(re.split(r"[\[<>=]", requirement)[0])
    return found


class Everything:
    """Any of the demo's servers, installed; does nothing."""

    title = "a server"
    endpoint = "http://127.0.0.1:1"
    bootstrap = "127.0.0.1:1"

    @staticmethod
    def installed() -> bool:
        return True

    home = installed

    def url(self, database: str) -> str:
        return f"{self.scheme}://root@127.0.0.1:1/{database}"

    scheme = "mysql"

    def query(self, sql: str, database: str = "") -> None: ...

    def connect(self, database: str = "") -> Any:
        return self

    def cursor(self) -> contextlib.nullcontext[Any]:
        return contextlib.nullcontext(self)

    def execute(self, sql: str) -> None: ...

    def stop(self) -> None: ...

    close = stop


class Postgres(Everything):
    scheme = "postgresql"


def test_the_extra_has_the_drivers_of_every_server_that_the_demo_finds_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MariaDB", "Kafka", "DynamoDB"):
        monkeypatch.setattr(pipelines, name, Everything)
    monkeypatch.setattr(pipelines, "Postgres", Postgres)
    with contextlib.ExitStack() as servers:
        built = pipelines.build(tmp_path, servers, set(), 10, lambda text: None)
    files = [load(str(pipeline.file)) for pipeline in built]
    parts = [part for file in files for part in (file.source, file.stream, *file.sinks)]
    connectors = {part.connector for part in parts}
    assert connectors >= {"postgres", "dynamodb", *SERVERS}
    for connector in connectors & EXTRAS.keys():
        assert packages(connector) <= packages("demo")
