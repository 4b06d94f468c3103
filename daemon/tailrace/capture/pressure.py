"""Whether the source and its replicas can bear the full load: asked once a second, on a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tailrace.config.file import LoadSettings
from tailrace.errors import TailraceError
from tailrace.logs import logger
from tailrace.source import Finding, Gauge, Gauges, Source

ASK_SECONDS = 1.0
#: What was known longer ago than this is known no more.
STALE_SECONDS = 5.0

log = logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """Above which the load pauses; None: not asked for.

    Attributes:
        sessions: active at the source.
        lag_seconds: of the replica that is furthest behind.
    """

    sessions: int | None
    lag_seconds: float | None

    @classmethod
    def of(cls, settings: LoadSettings) -> Limits | None:
        """None where the file has none."""
        limits = cls(settings.throttle_active_sessions, settings.throttle_replica_lag)
        return None if limits == cls(None, None) else limits

    def exceeded(self, gauges: Gauges) -> list[str]:
        """What is above its limit now, or cannot be known.

        Raises:
            TailraceError: the source does not answer, or refuses.
        """
        found = []
        if self.sessions is not None:
            found.append(_over(gauges.active_sessions(), self.sessions, ""))
        if self.lag_seconds is not None:
            found += [_over(lag, self.lag_seconds, " s") for lag in gauges.replica_lags()]
        return [text for text in found if text]


class Watch:
    """Asks until closed; after that it may begin anew.

    Args:
        connect: opens the gauges; called on the thread.
    """

    def __init__(self, connect: Callable[[], Gauges], limits: Limits) -> None:
        self._connect = connect
        self._limits = limits
        self._ended: threading.Event | None = None
        self._reason: str | None = None  # None: not asked yet
        self._answered = 0.0

    @property
    def reason(self) -> str:
        """Why the load pauses; "" where it may go on, or where nothing is known yet."""
        silent = time.monotonic() - self._answered
        if self._ended is not None and silent > STALE_SECONDS:
            return f"loading paused: the source's state is unknown: no answer for {silent:.0f} s"
        return self._reason or ""

    @property
    def clear(self) -> bool:
        """Whether a chunk may be begun. The first question is asked when this is."""
        if self._ended is None:
            self._ended = threading.Event()
            self._answered = time.monotonic()
            threading.Thread(target=self._work, args=(self._ended,), name="load-pressure", daemon=True).start()
        return self._reason is not None and not self.reason

    def close(self) -> None:
        """No more questions; an answer that the server still owes is not waited for."""
        if self._ended is not None:
            self._ended.set()
        self._ended = self._reason = None

    def _work(self, ended: threading.Event) -> None:
        gauges: Gauges | None = None
        while not ended.is_set():
            try:
                if gauges is None:
                    gauges = self._connect()
                exceeded = self._limits.exceeded(gauges)
            except TailraceError as error:
                exceeded = [f"the source's state is unknown: {error}"]
                _close(gauges)
                gauges = None
            except Exception as error:  # a bug, or a driver's own error: the load must not run unwatched
                exceeded = [f"the source's state is unknown: {type(error).__name__}"]
                log.exception("the source's state cannot be asked for")
                _close(gauges)
                gauges = None
            if not ended.is_set():
                self._tell(exceeded)
                ended.wait(ASK_SECONDS)
        _close(gauges)

    def _tell(self, exceeded: list[str]) -> None:
        reason = "loading paused: " + "; ".join(exceeded) if exceeded else ""
        if bool(reason) != bool(self._reason):
            if reason:
                log.warning("the full load pauses", reason=exceeded)
            elif self._reason is not None:
                log.info("the full load goes on")
        self._answered = time.monotonic()
        self._reason = reason


def findings(source: Source, settings: LoadSettings) -> Iterator[Finding]:
    """For `check`: whether what the limits need to know can be known."""
    limits = Limits.of(settings)
    if limits is None:
        return
    try:
        with contextlib.closing(source.gauges(settings.throttle_replicas)) as gauges:
            asked = [gauges.active_sessions()] if limits.sessions is not None else []
            asked += gauges.replica_lags() if limits.lag_seconds is not None else []
    except TailraceError as error:
        detail = f"{error.where}: {error.what}" if error.where else error.what
        yield Finding("load throttle", False, detail, error.fix)
        return
    for gauge in asked:
        if gauge.value is None:
            yield Finding("load throttle", None, f"{gauge.name} is unknown: {gauge.problem}", "the load waits for it")
        else:
            yield Finding("load throttle", True, f"{gauge.name} is {gauge.value:g}")


def _over(gauge: Gauge, limit: float, unit: str) -> str:
    if gauge.value is None:
        return f"{gauge.name} is unknown: {gauge.problem}"
    return f"{gauge.name} {gauge.value:.0f}{unit} > {limit:g}{unit}" if gauge.value > limit else ""


def _close(gauges: Gauges | None) -> None:
    if gauges is not None:
        with contextlib.suppress(Exception):
            gauges.close()
