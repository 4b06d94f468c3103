"""Logs: structlog to stderr, one line an entry, lower-case messages with key=value; data goes to stdout.

Never a row's value nor a secret. Exceptions of libraries quote both, so an exception's own message is logged
only under --debug; otherwise its type and where it was raised.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"


def default_format() -> LogFormat:
    """For people at a terminal the console's; for journals and files JSON."""
    return LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON


class _Stderr:
    """stderr as it is when something is logged, not as it was when the logs were set up."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _json(event: EventDict, **_: Any) -> str:
    import orjson

    return orjson.dumps(event, default=str).decode()


def logger() -> Any:
    """A module's logger (structlog's)."""
    return _structlog().get_logger()


def _structlog() -> ModuleType:
    """structlog without rich, which it would bring into every process for tracebacks that nobody asks it for: a tenth
    of the time that a worker takes to start, and some megabytes of each."""
    if "structlog" not in sys.modules and "rich" not in sys.modules:
        modules: dict[str, Any] = sys.modules  # None in it: an ImportError
        modules["rich"] = None
        try:
            import structlog
        finally:
            del modules["rich"]
        return structlog
    import structlog

    return structlog


def configure(log_format: LogFormat, *, debug: bool = False, **context: str) -> None:
    """Sets up structlog, and the standard library's loggers of our libraries from WARNING on.

    Args:
        debug: log debug messages, and exceptions whole.
        context: goes with every entry (``worker="capture"``).
    """
    structlog = _structlog()  # here, so that the command line's help does not wait for it
    stderr: Any = _Stderr()
    shared: list[Processor] = [
        _bound(context),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if debug else _exception_place,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=_colours(), pad_event_to=0)
    )
    level = logging.DEBUG if debug else logging.INFO
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _colours() -> bool:
    """By the convention of https://force-color.org: a pipe may lead to a terminal."""
    return sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _bound(context: dict[str, str]) -> Processor:
    # Not structlog's context variables: threads would start without them.
    def bind(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {**event, **context}

    return bind


def place(error: BaseException) -> str:
    """An unexpected exception without its message: ``KeyError at tailrace.apply.session:12``."""
    frames = _frames(error)
    if not frames:
        return type(error).__name__
    own = [frame for frame in frames if frame.startswith("tailrace")]
    return f"{type(error).__name__} at {(own or frames)[-1]}"


def _frames(error: BaseException) -> list[str]:
    """Where it came through, outermost first: ``module:line``."""
    return [f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]


def _exception_place(_logger: Any, _method: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = type(error).__name__
        event["frames"] = _frames(error)
    return event
