"""A request to load everything again: followed once, and as a new beginning only where the log is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tailrace import renewal
from tailrace.capture.load import UNSEEN_KEY
from tailrace.capture.progress import Progress
from tailrace.capture.reloads import Reloads
from tailrace.capture.renewal import Renewal
from tailrace.capture.spans import TableLoad
from tailrace.capture.takeup import TakeUps
from tailrace.cli.main import main
from tailrace.errors import LogGoneError, TableBusyError
from tailrace.position import POSITION_KEY, RENEWED_KEY, load_key, suspension, table_key, take_up_key
from tailrace.report import Control, Reload, WorkerReport
from tailrace.schema import TableName
from tailrace.source import SourceTable
from tests.doubles import loading
from tests.pipelines import secretless

GONE = LogGoneError("replication slot s is gone", where="h")
BEGUN = {POSITION_KEY: b"{}"}


def table(name: str, state: str = "streaming") -> SourceTable:
    return SourceTable(TableName("app", "public", name), f"shop.public.{name}", state, estimated_rows=7)


def test_without_a_request_a_gone_log_is_noted_for_whoever_asks_later(tmp_path: Path) -> None:
    followed = Renewal(tmp_path)
    assert not followed.met(GONE)
    assert renewal.gone(tmp_path) == "h: replication slot s is gone"
    assert not Renewal(tmp_path).renews, "what is noted is no request"
    followed.opened()
    assert renewal.gone(tmp_path) == ""


def test_a_folder_that_takes_no_file_does_not_hide_the_loss(tmp_path: Path) -> None:
    assert not Renewal(tmp_path / "gone").met(GONE)


def test_a_request_that_knows_of_the_loss_begins_anew_at_once(tmp_path: Path) -> None:
    Renewal(tmp_path).met(GONE)
    assert "slot s is gone" in renewal.ask(tmp_path).gone
    followed = Renewal(tmp_path)
    followed.look(BEGUN)
    assert followed.renews
    assert not followed.met(GONE), "a beginning that fails is not begun again and again"


def test_a_request_meets_the_loss_when_the_source_says_so(tmp_path: Path) -> None:
    renewal.ask(tmp_path)
    followed = Renewal(tmp_path)
    followed.look(BEGUN)
    assert (followed.pending, followed.renews) == (True, False)
    assert followed.met(GONE)
    assert followed.renews


def test_a_request_is_followed_once_whatever_crashes(tmp_path: Path) -> None:
    request = renewal.ask(tmp_path)
    followed = Renewal(tmp_path)
    assert followed.entry == {RENEWED_KEY: request.id.encode()}
    again = Renewal(tmp_path)  # killed before anything was stored
    again.look(BEGUN)
    assert again.pending
    behind = Renewal(tmp_path)  # killed before the file was removed
    behind.look({**BEGUN, **followed.entry})
    assert not behind.pending
    assert renewal.asked(tmp_path) is None
    newer = renewal.ask(tmp_path)
    assert newer.id != request.id


def test_a_request_of_before_the_first_start_is_nothing(tmp_path: Path) -> None:
    renewal.ask(tmp_path)
    followed = Renewal(tmp_path)
    followed.look({})
    assert not followed.pending
    assert renewal.asked(tmp_path) is None


def test_all_that_is_captured_is_loaded_behind_a_new_beginning(tmp_path: Path) -> None:
    renewal.ask(tmp_path)
    tables = [table("known"), table("new"), table("refused", "suspended"), table("misfit")]
    state = {
        load_key("shop.public.known"): TableLoad(done=True, rows=5, loads=2).to_json(),
        take_up_key("shop.public.known"): b"1",
        UNSEEN_KEY: orjson.dumps({"epoch": 1, "tokens": ["17"]}),
    }
    recorded = {table_key("shop.public.misfit"): suspension("its entry does not fit")}
    plan = Renewal(tmp_path).plan(tables, recorded, state, 2, "truncate-before-load", resync=True)
    loads = {key: TableLoad.from_json(value) for key, value in plan.items() if value and key.startswith("load:")}
    assert {key: (load.done, load.loads, load.resync, load.prepare) for key, load in loads.items()} == {
        load_key("shop.public.known"): (False, 3, True, "do-nothing"),
        load_key("shop.public.new"): (False, 0, True, "truncate-before-load"),
    }
    assert plan[take_up_key("shop.public.known")] is None
    unseen = plan[UNSEEN_KEY]
    assert unseen is not None
    assert orjson.loads(unseen) == {"epoch": 2, "tokens": []}
    assert RENEWED_KEY in plan


class Source:
    def tables(self) -> list[SourceTable]:
        return [SourceTable(loading.NAME, loading.TOPIC)]


class NoWholeLoads:
    def __init__(self) -> None:
        self.tables: dict[str, TableLoad] = {}

    def suspend(self, topics: list[str]) -> None:
        pass


class Silent:
    def send(self, report: WorkerReport) -> None:
        pass


def test_a_table_that_is_locked_just_then_is_waited_for_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = renewal.ask(tmp_path)
    capture = loading.Capture(idle=True, state={load_key(loading.TOPIC): TableLoad(done=True).to_json()})
    capture.reader.rows_now = [{"id": 1}]
    source: Any = Source()
    whole: Any = NoWholeLoads()
    control = Control()
    reloads = Reloads(
        source,
        capture.emitter,
        control,
        Progress(Silent()),
        capture.load,
        whole,
        TakeUps(source, {}),
        Renewal(tmp_path),
        loads={},
        resync=False,
        suspended=set(),
    )

    def locked(topic: str, where: str) -> loading.Reading:
        raise TableBusyError("it is locked")

    with monkeypatch.context() as patch:
        patch.setattr(capture.reader, "prepare", locked)
        entries = reloads.begin(loading.HERE)
        assert entries == {RENEWED_KEY: request.id.encode()}
        assert not capture.load.done
        assert capture.load.refused == []
        assert reloads.begin(loading.HERE) == {}, "it is followed once"
        assert reloads.pending, "until the stream holds it"
        reloads.stored({RENEWED_KEY})
        assert not reloads.pending
        # Of a single table whoever asked for it is told.
        control.reloads.put(Reload((str(loading.NAME),)))
        reloads.begin(loading.HERE)
        assert capture.load.refused == [(loading.TOPIC, "it is locked")]
    capture.read()
    capture.stream()
    assert [event["after"]["id"] for event in capture.sent] == [1]
    assert capture.load.done


# ---- the command, of a stopped pipeline


@pytest.fixture
def file(tmp_path: Path) -> str:
    return secretless.written(tmp_path)


def test_a_stopped_pipeline_takes_a_request_to_load_everything_and_no_part_of_it(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    for arguments in (("--all",), ("--table", "shop.t", "--resync"), ("--all", "--resync", "--wait")):
        assert main(["reload", file, *arguments]) == 3, arguments
    assert "not running" in capsys.readouterr().err
    assert renewal.asked(folder) is None
    assert main(["reload", file, "--all", "--resync"]) == 0
    assert "it goes on from where it stands" in capsys.readouterr().out
    renewal.note_gone(folder, "slot s is gone")
    assert main(["reload", file, "--all", "--resync"]) == 0
    assert "in a new epoch, because: slot s is gone" in capsys.readouterr().out
    request = renewal.asked(folder)
    assert request is not None
    assert request.gone == "slot s is gone"


def test_a_pipeline_that_never_ran_has_nothing_to_load_again(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reload", file, "--all", "--resync"]) == 3
    assert "never ran" in capsys.readouterr().err
