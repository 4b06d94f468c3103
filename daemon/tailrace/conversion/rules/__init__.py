"""What a conversion goes by: tables in TOML, ours as package data, a person's own put before them."""

from tailrace.conversion.rules.model import (
    CollationRule,
    ExpressionRule,
    FunctionRule,
    NameRule,
    TypeRule,
)
from tailrace.conversion.rules.rules import Rules, load

__all__ = ["CollationRule", "ExpressionRule", "FunctionRule", "NameRule", "Rules", "TypeRule", "load"]
