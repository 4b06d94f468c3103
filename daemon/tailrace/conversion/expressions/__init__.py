"""SQL expressions of one dialect in the words of another, where they surely mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tailrace.conversion.expressions.translator import translate

__all__ = ["translate"]


def __getattr__(name: str) -> Any:
    """A parser of SQL is loaded once something is to be translated: sinks seldom need it, and its 25 MB."""
    if name != "translate":
        raise AttributeError(f"module {__name__} has no {name}")
    from tailrace.conversion.expressions.translator import translate

    return translate
