"""SQL expressions of one dialect in the words of another, where they surely mean the same."""

from tailrace.conversion.expressions.translator import translate

__all__ = ["translate"]
