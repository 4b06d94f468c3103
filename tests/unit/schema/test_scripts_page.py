"""The page of scripts says what the code does."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.scripts_page import renewed

PAGE = Path(__file__).parents[3] / "docs/reference/scripts.md"


def test_the_page_of_scripts_is_what_the_code_generates() -> None:
    page = PAGE.read_text()
    assert page == renewed(page), f"run: python -m tests.conformance.scripts_page {PAGE.name}"
