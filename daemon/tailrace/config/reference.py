"""The tables of the reference page: ``python -m tailrace.config.reference docs/reference/pipeline.md`` renews them.

The page is written by hand but for what stands between ``<!-- keys: MODEL -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tailrace.config.json_schema import json_schema
from tailrace.config.units import DURATION_PATTERN, SIZE_PATTERN

_BLOCK = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_UNITS = {DURATION_PATTERN: "duration", SIZE_PATTERN: "size"}
#: The marker's name for the keys at the top of the file, which are no definition of their own.
TOP = "PipelineFile"


def renewed(page: str) -> str:
    """The page with every table as the models have it now.

    Raises:
        KeyError: a marker names no model.
    """
    schema = json_schema()
    definitions = {TOP: schema, **schema["$defs"]}
    return _BLOCK.sub(lambda block: block[1] + _table(definitions[block[2]]) + block[3], page)


def _table(model: dict[str, Any]) -> str:
    required = model.get("required", [])
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, field in model["properties"].items():
        default = "required" if key in required else _default(field)
        meaning = field["description"].replace("|", "\\|")
        lines.append(f"| `{key}` | {_type(field)} | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def _type(field: dict[str, Any]) -> str:
    if "const" in field:
        return _code(field["const"])
    if "enum" in field:
        return ", ".join(_code(choice) for choice in field["enum"])
    if unit := _UNITS.get(field.get("pattern", "")):
        return unit
    if field.get("type") == "array":
        items = field["items"]
        return "array of tables" if "type" not in items else f"array of {items['type']}s"
    return "table" if "$ref" in field or field["type"] == "object" else str(field["type"])


def _default(field: dict[str, Any]) -> str:
    return _code(field["default"]) if "default" in field else ""


def _code(value: object) -> str:
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(renewed(path.read_text()))
