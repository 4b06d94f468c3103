"""The JSON Schema of the pipeline file, for editors: ``python -m tailrace.config.json_schema > pipeline.schema.json``.

It is made from the models that validate the file, tailrace's own connectors' only, so that it is the same whatever else
is installed.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from tailrace.config.file import PipelineFile

_GROUPS = {"source": "tailrace.sources", "stream": "tailrace.streams", "sinks": "tailrace.sinks"}


class _Toml(GenerateJsonSchema):
    """Without null, which TOML has not, and without titles, which say less than the descriptions."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def models(group: str) -> dict[str, type[BaseModel]]:
    """The settings models of tailrace's own connectors of one entry point group, by connector."""
    return {
        entry.name: entry.load().config
        for entry in sorted(entry_points(group=group), key=lambda entry: entry.name)
        if entry.dist is not None and entry.dist.name == "tailrace"
    }


def json_schema() -> dict[str, Any]:
    """The schema as JSON values."""
    connected = {key: list(models(group).values()) for key, group in _GROUPS.items()}
    mode: JsonSchemaMode = "validation"
    every: list[type[BaseModel]] = [PipelineFile, *(model for found in connected.values() for model in found)]
    names, schema = models_json_schema([(model, mode) for model in every], schema_generator=_Toml)
    definitions: dict[str, Any] = schema["$defs"]
    top: dict[str, Any] = definitions.pop(names[PipelineFile, mode]["$ref"].rpartition("/")[2])
    for key, found in connected.items():
        choice = {"oneOf": [names[model, mode] for model in found]}
        place = top["properties"][key]
        place["type"] = "array" if key == "sinks" else "object"
        place.pop("additionalProperties", None)
        if key == "sinks":
            place["items"] = choice
        else:
            place.update(choice)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tailrace pipeline file",
        **top,
        "$defs": definitions,
    }


def text() -> str:
    """The file's content."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
