from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
import structlog

from tailrace.logs import LogFormat, configure, place


def fail() -> Exception:
    try:
        raise KeyError("a secret")
    except KeyError as error:
        return error


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_entry_is_a_line_of_json_with_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON, worker="kv")
    structlog.get_logger().info("sink opened", partitions=3, table="shop.ümlaut")
    structlog.get_logger().debug("not shown")
    (entry,) = logged(capsys)
    assert entry.pop("timestamp")
    assert entry == {"event": "sink opened", "level": "info", "partitions": 3, "table": "shop.ümlaut", "worker": "kv"}


def test_libraries_log_the_same_way_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON, worker="kv")
    logging.getLogger("botocore").info("quiet")
    logging.getLogger("botocore").warning("throttled %d times", 3)
    (entry,) = logged(capsys)
    assert (entry["event"], entry["level"], entry["worker"]) == ("throttled 3 times", "warning", "kv")


def test_an_exception_is_logged_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogFormat.JSON)
    structlog.get_logger().error("unexpected error", exc_info=fail())
    (entry,) = logged(capsys)
    assert entry["exception"] == "KeyError"
    assert "a secret" not in str(entry)
    assert str(entry["frames"]).startswith("['" + __name__)
    configure(LogFormat.JSON, debug=True)
    structlog.get_logger().error("unexpected error", exc_info=fail())
    assert "KeyError: 'a secret'" in str(logged(capsys)[0]["exception"])


def test_the_console_form_is_one_line_without_colours_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogFormat.CONSOLE)
    structlog.get_logger().info("worker started", worker="kv")
    line = capsys.readouterr().err
    assert "worker started worker=kv" in line
    assert "\x1b" not in line


def test_the_place_of_an_error() -> None:
    assert place(fail()).startswith(f"KeyError at {__name__}:")
    assert place(ValueError("never raised")) == "ValueError"


def test_threads_log_the_worker_too() -> None:
    code = (
        "import threading, structlog\nfrom tailrace.logs import *\nconfigure(LogFormat.JSON, worker='kv')\n"
        "thread = threading.Thread(target=lambda: structlog.get_logger().info('x'))\nthread.start()\nthread.join()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["worker"] == "kv"
