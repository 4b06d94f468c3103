"""SIGHUP: what a changed pipeline file would need (workers keep theirs). And which tables can be loaded again."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from tailrace.config import load
from tailrace.report import TableReport


def changed_keys(old: str, new: str) -> list[str]:
    """The keys whose values differ between two pipeline files, as a person would name them; never the values.

    An entry of an array of tables is named after its `name` or `match`: ``sinks[warehouse].url``.
    """
    before, after = _flat(tomllib.loads(old)), _flat(tomllib.loads(new))
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def changes(file: str, running: str) -> list[str]:
    """The keys that the file now has otherwise than `running`, the text the pipeline was started with.

    Raises:
        ConfigError: the file as it is now is wrong.
    """
    return changed_keys(running, load(file).text)


def chosen(tables: Iterable[TableReport], globs: Sequence[str]) -> tuple[dict[str, list[int]], list[str]]:
    """Which tables the globs name, each with how often it was loaded again, and how often that was refused; and which
    globs name none. Whether one can be loaded, capture says."""
    found: dict[str, list[int]] = {}
    problems: list[str] = []
    tables = list(tables)
    for glob in globs:
        named = [table for table in tables if fnmatchcase(table.name, glob)]
        if not named:
            problems.append(f"no captured table is named {glob}")
        found.update((table.name, [table.loads, table.refusals]) for table in named)
    return found, problems


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        flat: dict[str, Any] = {}
        for key, inner in value.items():
            flat.update(_flat(inner, f"{path}.{key}" if path else key))
        return flat
    if isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        flat = {}
        for number, entry in enumerate(value):
            label = entry.get("name") or entry.get("match") or number
            flat.update(_flat(entry, f"{path}[{label}]"))
        return flat
    return {path: value}
