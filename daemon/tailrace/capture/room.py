"""How much of the full load may wait to be sent (I6)."""

from __future__ import annotations

import threading
import time


class Room:
    """Bytes that readers' threads may hand over before others were sent; one chunk in any case.

    Args:
        limit: bytes, of all that waits.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._changed = threading.Condition()

    def take(self, size: int, seconds: float) -> bool:
        """Waits for room; False where there was none in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._used and self._used + size > self._limit:
                if not self._changed.wait(deadline - time.monotonic()):
                    return False
            self._used += size
        return True

    def give_back(self, size: int) -> None:
        """So much does not wait any more."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()
