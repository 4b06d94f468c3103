"""The page of types says what the code does."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.types_page import renewed

PAGE = Path(__file__).parents[2] / "docs/reference/types.md"


def test_the_page_of_types_is_what_the_code_generates() -> None:
    page = PAGE.read_text()
    assert page == renewed(page), f"run: python -m tests.conformance.types_page {PAGE.name}"
