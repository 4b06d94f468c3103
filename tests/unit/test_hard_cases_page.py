"""The page of hard cases names tests, values and statements that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/hard-cases.md").read_text()


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text())


def defined(file: str) -> set[str]:
    """Functions and names that a module has at its top."""
    names: set[str] = set()
    for node in tree(file).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def cases(file: str) -> set[str]:
    """The names of its `Case` calls."""
    calls = (node for node in ast.walk(tree(file)) if isinstance(node, ast.Call))
    return {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Case" and isinstance(call.args[0], ast.Constant)
    }


def test_what_the_page_names_exists() -> None:
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    values = re.findall(r"`((?:mysql|postgres)_(?:numbers|texts))\.(\w+)`", PAGE)
    statements = re.findall(r"“([^”]+)” of `(\w+_cases)`", PAGE)
    assert len(tests) > 100
    assert len(values) > 30
    assert len(statements) > 8
    wrong = [f"{file}::{name}" for file, name in tests if name not in defined(file)]
    wrong += [f"{m}.{name}" for m, name in values if name not in defined(f"tests/conformance/zoo/{m}.py")]
    wrong += [f"{name} of {m}" for name, m in statements if name not in cases(f"tests/statements/{m}.py")]
    assert not wrong, "\n".join(wrong)


def test_every_line_of_the_page_is_held_by_something() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| case |")]
    assert len(lines) > 80
    assert not [line for line in lines if line.count("|") != 3]
    assert not [line for line in lines if not re.search(r"::test_|_(numbers|texts)\.|_cases`", line)]
