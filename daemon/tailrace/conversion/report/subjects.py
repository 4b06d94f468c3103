"""What the items of a code are about, in words for whoever decides."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


def title(code: str) -> str:
    """``Time zones``; of a code that nothing is said of, its own words."""
    said = _subjects().get(code)
    return said["title"] if said else code.replace("-", " ").capitalize()


def plain(code: str) -> str:
    """A sentence; "" where there is none."""
    said = _subjects().get(code)
    return said["plain"] if said else ""


@cache
def _subjects() -> dict[str, dict[str, str]]:
    text = files("tailrace.conversion.report").joinpath("subjects.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
