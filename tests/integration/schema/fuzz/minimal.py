"""A failing draft without what its failure does not need."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.integration.schema.fuzz.draft import Draft


def smallest(draft: Draft, fails: Callable[[Draft], bool], seconds: float = 60.0) -> Draft:
    """
    Args:
        fails: whether a draft still fails alike.
        seconds: after so many the smallest one so far is taken.
    """
    end = time.monotonic() + seconds
    smaller = True
    while smaller:
        smaller = False
        for thinner in draft.thinner():
            if time.monotonic() > end:
                return draft
            if fails(thinner):
                draft, smaller = thinner, True
                break
    return draft
