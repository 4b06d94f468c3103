"""The example pipelines, the JSON Schema and the reference page say what the models say."""

from __future__ import annotations

import json
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tailrace.config import load
from tailrace.config.json_schema import json_schema
from tailrace.config.reference import renewed

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
EXAMPLES = sorted(CONFIG.glob("*.toml"))
SOURCES = {"mysql": "mysql", "mariadb": "mysql", "postgres": "postgres"}
STREAMS = ("embedded", "kafka")
SINKS = ("postgres", "mysql", "sqlite", "dynamodb")


COMBINATIONS = ["-".join(parts) for parts in product(SOURCES, STREAMS, SINKS)] + [f"{s}-kafka" for s in SOURCES]


@pytest.mark.parametrize("name", COMBINATIONS)
def test_there_is_an_example_for_every_combination(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SHOP_PASSWORD", "WAREHOUSE_PASSWORD", "REPLICA_PASSWORD"):
        monkeypatch.setenv(variable, "p@ss/word")
    pipeline = load(CONFIG / f"{name}.toml")
    source, stream, *sinks = name.split("-")
    assert pipeline.source.connector == SOURCES[source]
    assert pipeline.source.url.raw.startswith(source)
    assert pipeline.stream.connector == stream
    assert [sink.connector for sink in pipeline.sinks] == sinks
    pipeline.resolve_secrets()
    assert pipeline.source.database_url().password == "p@ss/word"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads_and_holds_by_the_json_schema(path: Path) -> None:
    load(path)
    assert path.read_text().startswith("#:schema ./pipeline.schema.json\n")
    jsonschema.Draft202012Validator(json_schema()).validate(tomllib.loads(path.read_text()))


def test_the_json_schema_is_true() -> None:
    committed = json.loads((CONFIG / "pipeline.schema.json").read_text())
    assert committed == json_schema(), "run: python -m tailrace.config.json_schema > config/pipeline.schema.json"


def test_the_json_schema_is_one_and_refuses() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    base: dict[str, Any] = {"name": "shop", "source": {"connector": "mysql", "url": "mysql://h/shop"}}
    assert validator.is_valid(base)
    kafka = {"connector": "kafka", "kafka": {"bootstrap.servers": "h:1", "linger.ms": 5}}
    assert validator.is_valid(base | {"stream": kafka})
    for wrong in (
        {"nam": "shop"},
        {"name": "Shop"},
        {"mode": "cdc-only"},
        {"state_dir": None},
        {"source": {"connector": "postgres", "url": "postgresql://h/shop", "server_id": 1}},
        {"source": {"connector": "mysql", "url": "mysql://h/shop", "heartbeat": 10}},
        {"source": {"connector": "mysql", "url": "mysql://h/shop", "tables": ["users"]}},
        {"stream": {"connector": "kafka"}},
        {"stream": {"partitions": 2}},
        {"sinks": {"name": "x"}},
        {"sinks": [{"name": "x", "connector": "sqlite"}]},
        {"limits": {"memory": "256"}},
    ):
        assert not validator.is_valid(base | wrong), wrong


def test_the_reference_page_has_every_key() -> None:
    page = (ROOT / "docs/reference/pipeline.md").read_text()
    assert page == renewed(page), "run: python -m tailrace.config.reference docs/reference/pipeline.md"
    for model in ["PipelineFile", *json_schema()["$defs"]]:
        assert page.count(f"<!-- keys: {model} -->") == 1, model
