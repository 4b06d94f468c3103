"""HTTP as a monitoring system sees it, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tailrace import __version__
from tailrace.errors import NotRunningError, RefusedError, StuckError
from tailrace.http.app import create_app
from tailrace.http.client import ask
from tailrace.http.server import serving
from tailrace.http.sockets import bind_tcp, bind_unix
from tailrace.report import TableReport, WorkerReport
from tailrace.supervisor.health import WorkerHealth
from tailrace.supervisor.role import Role


class View:
    """A pipeline with a capture worker and a sink."""

    def __init__(self) -> None:
        self.capture = WorkerHealth("capture")
        self.sink = WorkerHealth("kv")
        self.workers = [self.capture, self.sink]

    def problems(self) -> list[str]:
        return [complaint for worker in self.workers if (complaint := worker.complaint())]

    def unready(self) -> list[str]:
        return [worker.name for worker in self.workers if not worker.settled]

    def status(self) -> dict[str, Any]:
        return {"name": "shop", "state": "running"}

    def labels(self) -> dict[str, str]:
        return {"pipeline": "shop", "mode": "cdc", "source": "mysql", "stream": "embedded"}

    async def reload(self, globs: Sequence[str], where: str, resync: bool) -> tuple[dict[str, list[int]], list[str]]:
        return {glob: [0, 0] for glob in globs}, [where]

    async def hold(self, sink: str, seconds: float) -> bool:
        return seconds >= 0


def serve(view: View, sockets: list[socket.socket], asker: Callable[[], None]) -> None:
    async def run() -> None:
        async with serving(create_app(view), sockets):
            await asyncio.to_thread(asker)

    asyncio.run(asyncio.wait_for(run(), 20))


def get(view: View, path: str, **headers: str) -> tuple[int, str, str]:
    """Code, content type and body of one request over TCP."""
    listener = bind_tcp("127.0.0.1", 0)
    answers: list[tuple[int, str, str]] = []

    def asker() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        answers.append((response.status, response.getheader("content-type", ""), response.read().decode()))
        connection.close()

    serve(view, [listener], asker)
    return answers[0]


def working() -> View:
    view = View()
    view.capture.started(1)
    tables = [
        TableReport("shop.users", "streaming", rows=20, events=25, bytes=2500),
        TableReport("shop.log", "suspended", reason="no key", lag_seconds=60.0),
        TableReport("shop.new", "loading"),
    ]
    view.capture.take(
        WorkerReport(
            "capture", "streaming", lag_seconds=0.5, lag_bytes=100, progress=1, events=7, bytes=5600, tables=tables
        )
    )
    view.sink.started(2)
    behind = [
        TableReport("shop.users", "streaming", events=5, bytes=400, lag_seconds=7.5, lag_bytes=300),
        TableReport("shop.log", "streaming", lag_seconds=0.0, lag_bytes=0),
    ]
    view.sink.take(
        WorkerReport("kv", "streaming", progress=1, events=5, bytes=400, one_log=False, tables=behind, lag_bytes=300)
    )
    return view


def test_healthz_is_200_while_all_is_well() -> None:
    code, content_type, body = get(working(), "/healthz")
    assert (code, json.loads(body)) == (200, {"ok": True, "reasons": []})
    assert content_type == "application/json"


def test_healthz_is_503_with_the_reason() -> None:
    view = working()
    view.sink.take(WorkerReport("kv", "retrying", error="db: no answer"))
    code, _, body = get(view, "/healthz")
    assert (code, json.loads(body)) == (503, {"ok": False, "reasons": ["kv is retrying: db: no answer"]})


def test_readyz_is_200_once_all_workers_have_been_at_work() -> None:
    view = View()
    assert get(view, "/readyz")[0] == 503
    view = working()
    assert get(view, "/readyz")[0] == 200
    view.sink.ended("restarting", "killed")
    assert get(view, "/readyz")[0] == 200


def test_status_and_unknown_paths() -> None:
    assert json.loads(get(working(), "/status")[2]) == {"name": "shop", "state": "running"}
    assert get(working(), "/")[0] == 404


def scraped(view: View) -> Callable[..., float | None]:
    """A sample of /metrics by its name and labels; None where there is none."""
    code, content_type, body = get(view, "/metrics")
    assert code == 200
    assert content_type.startswith("text/plain; version=")
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }

    def value(name: str, **labels: str) -> float | None:
        return samples.get((name, *sorted({"pipeline": "shop", **labels}.items())))

    return value


def test_metrics() -> None:
    view = working()
    view.sink.ended("restarting", "killed by SIGKILL")
    value = scraped(view)
    info = {"version": __version__, "mode": "cdc", "source": "mysql", "stream": "embedded"}
    assert value("tailrace_info", **info) == 1
    assert value("tailrace_healthy") == 0
    assert value("tailrace_worker_up", worker="capture") == 1
    assert value("tailrace_worker_up", worker="kv") == 0
    assert value("tailrace_worker_state", worker="kv", state="restarting") == 1
    assert value("tailrace_events_total", worker="capture") == 7
    assert value("tailrace_bytes_total", worker="capture") == 5600
    assert value("tailrace_lag_seconds", worker="capture") == 0.5
    assert value("tailrace_lag_bytes", worker="capture") == 100
    assert value("tailrace_lag_seconds", worker="kv") is None
    assert value("tailrace_worker_restarts_total", worker="kv") == 1
    assert value("tailrace_worker_errors_total", worker="kv") == 1
    assert value("tailrace_table_rows", worker="capture", table="shop.users") == 20
    assert value("tailrace_table_suspended", worker="capture", table="shop.log") == 1


def test_metrics_of_tables() -> None:
    value = scraped(working())

    def table(metric: str, worker: str, name: str) -> float | None:
        return value(f"tailrace_table_{metric}", worker=worker, table=name)

    assert table("events_total", "capture", "shop.users") == 25
    assert table("bytes_total", "capture", "shop.users") == 2500
    assert table("events_total", "kv", "shop.users") == 5
    assert table("bytes_total", "kv", "shop.users") == 400
    # Capture reads one log: a table is as far behind in it as capture is, unless it is not carried on at all.
    assert table("lag_seconds", "capture", "shop.users") == 0.5
    assert table("lag_seconds", "capture", "shop.log") == 60
    assert table("lag_seconds", "capture", "shop.new") is None
    assert table("lag_bytes", "capture", "shop.users") is None
    # A sink of a stream with a topic for each table tells them apart.
    assert table("lag_seconds", "kv", "shop.users") == 7.5
    assert table("lag_bytes", "kv", "shop.users") == 300
    assert table("lag_seconds", "kv", "shop.log") == 0
    assert table("lag_bytes", "kv", "shop.log") == 0


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text()
    documented = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `tailrace_")}
    body = get(working(), "/metrics")[2]
    assert {line.split()[2] for line in body.splitlines() if line.startswith("# HELP")} == documented


def test_metrics_as_openmetrics() -> None:
    _, content_type, body = get(working(), "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_a_taken_port_is_one_clear_line() -> None:
    with bind_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RefusedError) as caught:
            bind_tcp("127.0.0.1", port)
    assert caught.value.exit_code == 5
    assert str(caught.value) == (
        f"[http] listen 127.0.0.1:{port}: another process listens on this address; stop it, or choose another port"
    )


def test_an_address_of_another_machine_is_one_clear_line() -> None:
    with pytest.raises(
        RefusedError, match=r"\[http\] listen 192\.0\.2\.1:9464: cannot listen: .*; correct the address"
    ):
        bind_tcp("192.0.2.1", 9464)


def test_ipv6() -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        with pytest.raises(RefusedError):
            bind_tcp("::1", 0)
        return
    with bind_tcp("::1", 0) as listener:
        assert listener.family == socket.AF_INET6


# ---- control.sock


def test_the_control_socket_works_however_deep_the_folder_lies(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    listener = bind_unix(deep / "control.sock")
    assert (deep / "control.sock").stat().st_mode & 0o777 == 0o600
    answers: list[Any] = []
    serve(working(), [listener], lambda: answers.append(ask(deep, "shop", "/status")))
    assert answers == [{"name": "shop", "state": "running"}]


def test_a_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    bind_unix(tmp_path / "control.sock").close()
    with pytest.raises(NotRunningError):
        ask(tmp_path, "shop", "/status")
    bind_unix(tmp_path / "control.sock").close()


def test_a_folder_without_a_socket_is_not_running(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(NotRunningError, match="pipeline shop is not running; start it"):
            ask(folder, "shop", "/status")


def test_a_supervisor_that_does_not_answer_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tailrace.http.client.ANSWER_SECONDS", 0.2)
    with bind_unix(tmp_path / "control.sock"), pytest.raises(StuckError, match="does not answer"):
        ask(tmp_path, "shop", "/status")


def test_a_pipeline_is_steered_over_its_own_socket_alone(tmp_path: Path) -> None:
    """Whoever may read metrics over TCP must not be able to load tables again."""
    (tmp_path / "state").mkdir()
    view = View()
    given = {"tables": ["shop.users"], "where": "id > 5", "resync": False}
    answers: list[object] = []

    async def run() -> None:
        listener = bind_tcp("127.0.0.1", 0)
        control = bind_unix(tmp_path / "state" / Role.BOTH.socket)
        async with serving(create_app(view), [listener]), serving(create_app(view, steered=True), [control]):

            def asker() -> None:
                host, port = listener.getsockname()
                connection = http.client.HTTPConnection(host, port, timeout=5)
                with contextlib.closing(connection):
                    connection.request("POST", "/reload", orjson.dumps(given))
                    answers.append(connection.getresponse().status)
                answers.append(ask(tmp_path / "state", "shop", "/reload", given))
                answers.append(ask(tmp_path / "state", "shop", "/hold", {"sink": "wh", "seconds": 30}))

            await asyncio.to_thread(asker)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert answers == [404, {"tables": {"shop.users": [0, 0]}, "problems": ["id > 5"]}, {"told": True}]
