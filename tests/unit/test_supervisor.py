"""The supervisor with real worker processes that do what the test says."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from tailrace.errors import RefusedError
from tailrace.notify import Notifier
from tailrace.supervisor import folder, policy, supervisor
from tailrace.supervisor.role import Role
from tailrace.supervisor.supervisor import Outcome, Supervisor
from tests.doubles.pipeline import COMMAND, ERRORS, DoublePipeline, Errors, pipeline

Behaviours = dict[str, list[str]]


class Run:
    """A supervisor in this process's loop."""

    def __init__(self, folder: Path, behaviours: Behaviours, **options: Any) -> None:
        errors = Errors(options.pop("connection", "retry"))
        self.pipeline: DoublePipeline = pipeline(folder / "state", dict(behaviours), errors=errors)
        double: Any = self.pipeline
        self.supervisor = Supervisor(double, command=COMMAND, first_backoff=0.05, **options)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    def worker(self, name: str) -> dict[str, Any]:
        worker: dict[str, Any] = next(w for w in self.supervisor.status()["workers"] if w["name"] == name)
        return worker

    def starts(self, name: str) -> int:
        return len(self.pipeline.starts(name))

    def outcome(self, script: Callable[[], Coroutine[Any, Any, None]] | None = None) -> Outcome:
        """Runs to the end; `script` acts meanwhile."""

        async def both() -> Outcome:
            async with asyncio.timeout(40):
                run = asyncio.create_task(self.supervisor.run())
                if script is not None:
                    acting = asyncio.create_task(script())
                    await asyncio.wait([run, acting], return_when=asyncio.FIRST_COMPLETED)
                    if not acting.done():  # the run ended before the script did
                        acting.cancel()
                    else:
                        acting.result()
                return await run

        return asyncio.run(both())


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# ---- until caught up


def test_sinks_are_told_to_finish_when_capture_has(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"], "sql": ["stream"]}, until_caught_up=True)
    assert run.outcome() == Outcome(0)
    assert run.pipeline.starts("capture")[0]["finish"] is True
    assert run.pipeline.starts("kv")[0]["finish"] is False
    assert {w["state"] for w in run.supervisor.status()["workers"]} == {"finished"}


def test_a_worker_that_crashes_on_the_way_is_started_again(tmp_path: Path) -> None:
    behaviours = {"capture": ["bug", "stream"], "kv": ["die:0.05", "die:0.05", "stream"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    assert run.outcome() == Outcome(0)
    assert run.starts("kv") >= 2


def test_a_sink_started_again_after_capture_finished_is_told_to_finish(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["deaf:0", "stream"]}, until_caught_up=True)

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready() and run.worker("capture")["state"] == "finished")
        os.kill(run.worker("kv")["pid"], signal.SIGKILL)

    assert run.outcome(script) == Outcome(0)
    assert [start["finish"] for start in run.pipeline.starts("kv")] == [False, True]


def test_crashes_without_end_end_the_run(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["bug"]}, until_caught_up=True)
    outcome = run.outcome()
    assert outcome.exit_code == 1
    assert run.starts("capture") == 5
    assert "unexpected error: KeyError at tailrace.worker:" in outcome.error
    assert "secret" not in outcome.error


def test_a_suspended_table_is_exit_4(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["suspended"]}, until_caught_up=True)
    assert run.outcome() == Outcome(4, "table shop.users is suspended: no key")


def test_a_stuck_sink_is_exit_4_after_the_others_finished(tmp_path: Path) -> None:
    behaviours = {"capture": ["stream"], "kv": ["fails later:stuck"], "sql": ["stream"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    assert run.outcome() == Outcome(4, f"sink kv: {ERRORS['stuck']}")
    assert run.worker("sql")["state"] == "finished"


def test_a_worker_that_stays_stuck_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "STUCK_SECONDS", 0.5)
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["says stuck"]}, until_caught_up=True)
    assert run.outcome() == Outcome(4, f"sink kv: {ERRORS['stuck']}")


@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_an_unreachable_system_at_start_is_exit_5(tmp_path: Path, worker: str) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"]} | {worker: ["retrying"]}, until_caught_up=True)
    if worker == "kv":
        run.pipeline.behaviours["capture"][0] = "deaf:0"
    assert run.outcome() == Outcome(5, of_worker(worker, str(ERRORS["unreachable"])))


def test_a_lost_connection_ends_the_run_where_the_file_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["away"]}, connection="stop")
    assert run.outcome() == Outcome(5, f"sink kv: {ERRORS['unreachable']}")


@pytest.mark.parametrize("behaviour", ["away", "connects"])
@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_a_system_that_goes_away_and_stays_away_is_exit_5(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: str, behaviour: str
) -> None:
    monkeypatch.setattr(policy, "RETRYING_SECONDS", 1.0)
    behaviours = {"capture": ["stream"], "kv": ["stream"], "sql": ["stream"]} | {worker: [behaviour]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    assert run.outcome() == Outcome(5, of_worker(worker, str(ERRORS["unreachable"])))
    assert run.starts(worker) == 1
    if worker == "kv":
        assert run.worker("sql")["state"] == "finished"


@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_a_system_that_comes_back_is_worth_waiting_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    behaviours = {"capture": ["stream"], "kv": ["stream"]} | {worker: ["back:0.5"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    retried: list[str] = []
    take = run.supervisor._on_report

    def watched(of: Any, report: Any) -> None:
        retried.extend([of.name] if report.state == "retrying" else [])
        take(of, report)

    monkeypatch.setattr(run.supervisor, "_on_report", watched)
    assert run.outcome() == Outcome(0)
    assert set(retried) == {worker}
    assert run.starts(worker) == 1


def test_a_worker_that_does_not_leave_when_given_up_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "RETRYING_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["deaf:60"]}, until_caught_up=True)

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        health = run.supervisor.workers[1]
        health.take(replace(health.report, state="retrying", error="no answer"))

    assert run.outcome(script) == Outcome(5, "sink kv: no answer")
    assert not alive(run.pipeline.starts("kv")[0]["pid"])


def test_a_worker_knows_that_one_before_it_was_at_work(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["bug", "stream"], "kv": ["die:0.05", "stream"]}, until_caught_up=True)
    assert run.outcome() == Outcome(0)
    assert [start["settled"] for start in run.pipeline.starts("capture")] == [False, False]
    assert [start["settled"] for start in run.pipeline.starts("kv")][:2] == [False, True]


def test_a_full_stream_that_waits_for_a_failed_sink_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "BLOCKED_SECONDS", 0.5)
    behaviours = {"capture": ["paused"], "kv": ["stuck"], "sql": ["caught up"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    assert run.outcome() == Outcome(4, f"sink kv: {ERRORS['stuck']}")


@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_a_worker_that_somebody_else_stopped_has_not_finished(tmp_path: Path, worker: str) -> None:
    behaviours = {"capture": ["stream"], "kv": ["stream"]} | {worker: ["deaf:0", "stream"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)

    async def script() -> None:
        await run.until(lambda: run.worker(worker)["state"] == "streaming")
        if worker == "kv":
            await run.until(lambda: run.worker("capture")["state"] == "finished")
        os.kill(run.worker(worker)["pid"], signal.SIGTERM)

    assert run.outcome(script) == Outcome(0)
    assert run.starts(worker) == 2


@pytest.mark.parametrize("worker", ["capture", "kv"])
@pytest.mark.parametrize("killer", ["SIGABRT", "SIGKILL"])
def test_a_signal_s_number_is_no_exit_code(tmp_path: Path, worker: str, killer: str) -> None:
    behaviours = {"capture": ["stream"], "kv": ["stream"]} | {worker: [f"signal:{killer}"]}
    run = Run(tmp_path, behaviours, until_caught_up=True)
    assert run.outcome() == Outcome(1, of_worker(worker, f"the process was killed by {killer}"))
    assert run.starts(worker) == 5


# ---- refusals


@pytest.mark.parametrize(("behaviour", "code"), [("refused", 5), ("config", 2)])
@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_what_a_person_must_mend_ends_the_run_at_its_start(
    tmp_path: Path, worker: str, behaviour: str, code: int
) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"]} | {worker: [behaviour]})
    assert run.outcome() == Outcome(code, of_worker(worker, str(ERRORS[behaviour])))


def of_worker(name: str, error: str) -> str:
    """A sink's error says which sink's it is."""
    return error if name == "capture" else f"sink {name}: {error}"


def test_a_refusal_later_on_is_waited_out(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["fails later:refused", "refused", "stream"]})

    async def script() -> None:
        await run.until(lambda: run.starts("kv") == 2)
        assert run.worker("capture")["state"] == "streaming"
        await run.until(lambda: run.starts("kv") == 3 and run.worker("kv")["state"] == "streaming")
        assert run.worker("kv")["restarts"] == 2
        assert run.worker("kv")["error"] == ""
        stop()

    assert run.outcome(script) == Outcome(0)
    assert run.starts("capture") == 1


def test_the_error_is_shown_until_the_worker_is_well_again(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["fails later:stuck", "stuck"]})

    async def script() -> None:
        await run.until(lambda: run.starts("kv") == 3)
        assert run.worker("kv")["error"] == str(ERRORS["stuck"])
        assert run.supervisor.state() == "stuck"
        assert len(run.supervisor.problems()) == 1
        stop()

    assert run.outcome(script) == Outcome(0)


# ---- losing data


def test_capture_that_would_lose_data_ends_the_run_and_is_not_restarted(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["fails later:data loss"], "kv": ["stream"]})
    assert run.outcome() == Outcome(6, str(ERRORS["data loss"]))
    assert run.starts("capture") == 1


def test_a_sink_that_would_lose_data_stops_no_other(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["data loss"], "sql": ["stream"]})

    async def script() -> None:
        await run.until(lambda: run.worker("kv")["state"] == "failed")
        await run.until(lambda: run.worker("sql")["state"] == "streaming")
        assert run.supervisor.problems() == [f"kv has failed and is not started again: {ERRORS['data loss']}"]
        stop()

    assert run.outcome(script) == Outcome(0)
    assert run.starts("kv") == 1


def test_the_run_ends_when_no_sink_is_left(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["data loss"], "sql": ["data loss"]})
    assert run.outcome() == Outcome(6, f"sink kv: {ERRORS['data loss']}")


# ---- stopping


def test_a_stop_drains_and_is_exit_0(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["deaf:0.5"]})

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        stop()

    assert run.outcome(script) == Outcome(0)
    assert {w["state"] for w in run.supervisor.status()["workers"]} == {"stopped"}
    assert not any(alive(start["pid"]) for name in ("capture", "kv") for start in run.pipeline.starts(name))


def test_a_worker_that_does_not_drain_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 0.5)
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["deaf:60"]})

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        stop()

    assert run.outcome(script) == Outcome(0)
    assert not alive(run.pipeline.starts("kv")[0]["pid"])


def test_a_second_signal_hurries(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["deaf:60"]})

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        stop()
        await run.until(lambda: run.supervisor.state() == "stopping")
        stop()

    assert run.outcome(script) == Outcome(0)  # well within the drain's time, by the timeout of `outcome`
    assert not alive(run.pipeline.starts("capture")[0]["pid"])


def test_a_stop_does_not_wait_for_a_restart(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["die:0.1"]})
    run.supervisor._workers[1].backoff._next = 60.0

    async def script() -> None:
        await run.until(lambda: run.worker("kv")["state"] == "restarting")
        stop()

    assert run.outcome(script) == Outcome(0)


@pytest.mark.parametrize(("behaviour", "code"), [("stream", 0), ("data loss", 6)])
def test_a_folder_that_cannot_be_written_any_more_does_not_change_the_exit_code(
    tmp_path: Path, behaviour: str, code: int
) -> None:
    run = Run(tmp_path, {"capture": [behaviour]})
    state_dir = run.pipeline.state_dir
    (state_dir / f"{Role.BOTH.status}.new").mkdir(parents=True)  # in the way of the file, as a full disk would be

    async def script() -> None:
        socket = state_dir / Role.BOTH.socket
        await run.until(socket.exists)
        socket.unlink()
        socket.mkdir()
        if code == 0:
            await run.until(lambda: not run.supervisor.unready())
            stop()

    with structlog.testing.capture_logs() as log:
        assert run.outcome(script).exit_code == code
    warnings = [entry["event"] for entry in log if entry["log_level"] == "warning"]
    assert warnings[-2:] == ["cannot store the last status", "cannot remove the control socket"]


def test_how_far_the_load_is_is_logged_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(supervisor, "LOADING_SECONDS", 0.1)
    run = Run(tmp_path, {"capture": ["loading:250/1000"]})
    with structlog.testing.capture_logs() as log:

        async def script() -> None:
            await run.until(lambda: any(entry["event"] == "loading" for entry in log))
            stop()

        run.outcome(script)
    said = next(entry for entry in log if entry["event"] == "loading")
    assert (said["tables"], said["rows"], said["percent"]) == (1, 250, 25.0)


# ---- the service manager


class Ear(Notifier):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def send(self, *lines: str) -> None:
        self.heard.extend(line for line in lines if not line.startswith(("STATUS=", "MONOTONIC_USEC=")))


def test_a_reload_does_not_say_ready_before_the_workers_have_reported_nor_while_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ear = Ear()
    run = Run(tmp_path, {"capture": ["deaf:60"]}, notifier=ear)
    reads: list[str] = []

    def changes(file: str, running: str) -> list[str]:
        reads.append(file)
        return []

    monkeypatch.setattr(supervisor, "changes", changes)
    mute = (sys.executable, "-c", "import sys; sys.stdin.read()")  # a worker that never reports
    run.supervisor._command = mute

    async def reload() -> None:
        before, tasks = len(reads), len(run.supervisor._tasks)
        os.kill(os.getpid(), signal.SIGHUP)
        await run.until(lambda: len(reads) > before and len(run.supervisor._tasks) == tasks)

    async def script() -> None:
        await run.until(lambda: run.supervisor.workers[0].pid != 0)
        await reload()
        assert ear.heard == []
        run.supervisor._command = COMMAND
        os.kill(run.supervisor.workers[0].pid, signal.SIGKILL)
        await run.until(lambda: not run.supervisor.unready())
        assert ear.heard == ["READY=1"]
        await reload()
        assert ear.heard == ["READY=1", "RELOADING=1", "READY=1"]
        stop()
        await run.until(lambda: ear.heard[-1] == "STOPPING=1")
        await reload()
        stop()

    assert run.outcome(script) == Outcome(0)
    assert ear.heard == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


# ---- beginnings


@pytest.mark.parametrize("worker", ["capture", "kv"])
def test_a_worker_that_leaves_unasked_is_started_again(tmp_path: Path, worker: str) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"]} | {worker: ["ends", "stream"]})

    async def script() -> None:
        await run.until(lambda: run.starts(worker) == 2)
        stop()

    assert run.outcome(script) == Outcome(0)


def test_a_second_run_of_the_pipeline_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"]})
    second = Run(tmp_path, {"capture": ["stream"]})

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        with pytest.raises(RefusedError, match=rf"already running \(pid {os.getpid()}\)"):
            await second.supervisor.run()
        stop()

    assert run.outcome(script) == Outcome(0)


def test_daemons_of_two_roles_get_along_in_one_folder_and_two_of_one_do_not(tmp_path: Path) -> None:
    behaviours = {"capture": ["stream"], "kv": ["stream"]}
    capture, sinks = (Run(tmp_path, behaviours, role=role) for role in (Role.CAPTURE, Role.APPLY))
    outcomes: list[Outcome] = []

    async def apply() -> None:
        outcomes.append(await sinks.supervisor.run())

    async def script() -> None:
        await capture.until(lambda: not capture.supervisor.unready())
        applying = asyncio.create_task(apply())
        await sinks.until(lambda: not sinks.supervisor.unready())
        for role in Role:
            with pytest.raises(RefusedError, match="already running"):
                await Run(tmp_path, behaviours, role=role).supervisor.run()
        assert [w["name"] for w in capture.supervisor.status()["workers"]] == ["capture"]
        assert [w["name"] for w in sinks.supervisor.status()["workers"]] == ["kv"]
        state = capture.pipeline.state_dir
        assert (state / Role.CAPTURE.socket).is_socket()
        assert (state / Role.APPLY.socket).is_socket()
        assert [start["shared"] for start in sinks.pipeline.starts("kv")] == [True]
        stop()  # the later of the two has the signal
        await applying
        capture.supervisor._asked_to_stop("the test")

    assert capture.outcome(script) == Outcome(0)
    assert outcomes == [Outcome(0)]


def test_sinks_alone_finish_at_the_stream_s_ends_as_they_start(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"]}, role=Role.APPLY, until_caught_up=True)
    assert run.outcome() == Outcome(0)
    assert run.pipeline.starts("kv")[0]["finish"]
    assert run.starts("capture") == 0


def test_capture_alone_ends_when_it_has_caught_up(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"], "kv": ["stream"]}, role=Role.CAPTURE, until_caught_up=True)
    assert run.outcome() == Outcome(0)
    assert run.starts("kv") == 0


def test_another_pipeline_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    first, second = (Run(tmp_path, {"capture": ["stream"]}) for _ in range(2))
    object.__setattr__(second.pipeline, "name", "orders")
    refusal = "the state folder belongs to pipeline shop, not to orders"

    async def script() -> None:
        await first.until(lambda: not first.supervisor.unready())
        with pytest.raises(RefusedError, match=refusal):
            await second.supervisor.run()
        stop()

    assert first.outcome(script) == Outcome(0)
    with pytest.raises(RefusedError, match=refusal):
        second.outcome()
    assert second.starts("capture") == 1, "the first one's"


def test_a_folder_of_a_release_that_stored_no_name_is_taken_over(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"]})
    run.pipeline.state_dir.mkdir()
    folder.store_status(run.pipeline.state_dir, {"name": "shop"})
    run.supervisor._until_caught_up = run.supervisor._workers[0].finishing = True
    assert run.outcome() == Outcome(0)
    assert (run.pipeline.state_dir / folder.NAME).read_text() == "shop\n"


def test_workers_do_not_speak_for_the_service_and_their_arguments_hold_no_secret(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"]})
    lines: list[bytes] = []

    async def script() -> None:
        await run.until(lambda: not run.supervisor.unready())
        lines.extend(Path(f"/proc/{run.worker('capture')['pid']}/cmdline").read_bytes().split(b"\0"))
        stop()

    assert run.outcome(script) == Outcome(0)
    assert lines[1:3] == [b"-m", b"tests.doubles.pipeline"]
    assert [line.partition(b"=")[0] for line in lines[3:-1]] == [b"--report-fd", b"--pipeline", b"--worker"]


def test_a_worker_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    run = Run(tmp_path, {"capture": ["stream"]})
    run.supervisor._command = ("/nonexistent/python",)

    async def script() -> None:
        await run.until(lambda: run.worker("capture")["restarts"] == 2)
        assert "cannot start a process" in run.worker("capture")["error"]
        stop()

    assert run.outcome(script) == Outcome(0)
