"""The differences that are meant; docs/reference/debezium.md has each with its reason, under the same name.

Each knows what Debezium makes of what tailrace says: another difference in the same column does not pass for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.conformance.debezium.comparison import Found
from tests.conformance.debezium.differences import documents, events, numbers, shapes, times

Rule = Callable[[Found], bool]

#: By name, in the order in which they are tried.
DIFFERENCES: Mapping[str, Rule] = {**events.RULES, **numbers.RULES, **times.RULES, **documents.RULES, **shapes.RULES}


def name_of(found: Found) -> str:
    """The difference that this is; "" if it is none of them."""
    return next((name for name, rule in DIFFERENCES.items() if _holds(rule, found)), "")


def _holds(rule: Rule, found: Found) -> bool:
    try:
        return rule(found)
    except (ValueError, TypeError, LookupError):
        return False  # a value that is none of its type
