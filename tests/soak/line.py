"""One pipeline under load: its daemon, its source, its targets, and what is asked of them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tailrace.errors import NotRunningError, TailraceError
from tailrace.http.client import ask
from tests.checking.anomalies import Anomalies
from tests.checking.history import History
from tests.pipelines import failing
from tests.pipelines.bank import TABLES, Bank, read_rows
from tests.pipelines.daemon import kill_all
from tests.servers import Database, wait_until
from tests.soak.load import COUNTERS, MARKERS, Counters, Markers, beside, working
from tests.soak.targets import Target

CAPTURE = "capture"
ACCOUNTS = 200
EVERY_TABLE = (*TABLES, COUNTERS, MARKERS)
START_SECONDS = 120
#: Between two looks into a target; after one that it did not answer.
LOOK_SECONDS, UNANSWERED_SECONDS = 0.1, 0.5

Status = Mapping[str, Any]


class Line:
    """
    Args:
        stream: the text of `[stream]`; "": the embedded one.
        url: of the source, as the daemon goes to it; "": as everybody.

    Attributes:
        anomalies: see `tests.checking.anomalies`; what looks into targets have found among them.
        looks: into targets, in which the sums were right.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        source: Database,
        stream: str,
        targets: Sequence[Target],
        seed: int,
        url: str = "",
    ) -> None:
        self.name = name
        self.source = source
        self.stream = stream
        self.targets = targets
        self.anomalies = Anomalies()
        self.looks = 0
        self._file = failing.pipeline(folder, source, stream, "".join(target.sink for target in targets), url)
        document = tomllib.loads(self._file.path.read_text())
        self._asked = Path(document["state_dir"]), str(document["name"])
        self._bank, self._counters, self.markers = Bank(source, seed), Counters(source, seed), Markers(source)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def workers(self) -> list[str]:
        return [CAPTURE, *(target.name for target in self.targets)]

    # ---- the daemon

    def start(self) -> None:
        self.process = self._file.start()

    def stop(self) -> None:
        """SIGTERM; see `PipelineFile.stop`."""
        assert self.process is not None
        self._file.stop(self.process)

    def kill(self) -> None:
        """SIGKILL of the supervisor alone, whose workers leave by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_all(self) -> None:
        if self.process is not None:
            kill_all(self.process)

    def status(self) -> Status:
        """What the daemon says of itself; with the state "stopped" nobody is there, "silent": nobody answers."""
        try:
            answer: Status = ask(*self._asked, "/status")
        except TailraceError as error:
            return {"state": "stopped" if isinstance(error, NotRunningError) else "silent", "workers": []}
        return answer

    def said(self) -> str:
        return self._file.said()

    @property
    def well(self) -> bool:
        return str(self.status()["state"]) == "running"

    # ---- at work

    @contextmanager
    def working(self) -> Iterator[None]:
        """Loaded and streaming; the block runs beside the load, with eyes on the targets."""
        self._bank.create(ACCOUNTS)
        self._counters.create()
        self.markers.create()
        self.start()
        try:
            first = self.markers.write()
            wait_until(lambda: self.well and not self.missing(first), START_SECONDS, f"{self.name} is loaded")
            with working(self._bank, self._counters), self._looking():
                yield
        except BaseException:
            self.kill_all()
            raise

    def missing(self, marker: int) -> list[str]:
        """The targets that it has not come to."""
        return [target.name for target in self.targets if not _holds(target, marker)]

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Readers of the targets never see half of a transfer, nor an older version behind a newer one."""
        done = threading.Event()

        def look(target: Target) -> None:
            last = 0
            while not done.wait(LOOK_SECONDS):
                assert target.look is not None
                try:
                    balances, versions = target.look()
                except Exception:  # it is down, hung or locked: that is what the soak does
                    done.wait(UNANSWERED_SECONDS)
                    continue
                if not self.stream and balances != self._bank.total:  # one log: transactions arrive whole
                    self.anomalies.add("wrong", f"{target.name}: balances of {balances}, not {self._bank.total}")
                if versions < last:
                    self.anomalies.add("nonmonotonic", f"{target.name}: versions of {versions} after {last}")
                last = max(last, versions)
                self.looks += 1

        threads = [threading.Thread(target=look, args=(target,)) for target in self.targets if target.look]
        with beside(threads, done):
            yield

    # ---- the end

    def check(self) -> None:
        """Stops the daemon, brings the rest into the targets, and holds all against the source; see `anomalies`."""
        self.stop()
        caught_up = self._file.until_caught_up(timeout=300)
        assert caught_up.code == 0, caught_up.stderr[-3000:]
        rows = {table: read_rows(self.source, table) for table in EVERY_TABLE}
        history = History(self.anomalies)
        with contextlib.closing(failing.follower(self._file)) as records:
            history.take(records.records())
        history.hold_against(rows, self._bank.journal)
        for target in self.targets:
            for table in EVERY_TABLE if target.read is not None else ():
                self._hold(f"{target.name}: {table}", failing.by_id(rows[table]), failing.by_id(target.rows(table)))
        self._verify()
        assert self._file.command("teardown", "--yes").code == 0

    def _hold(self, where: str, expected: Mapping[int, Any], found: Mapping[int, Any]) -> None:
        for key, row in expected.items():
            if key not in found:
                self.anomalies.add("lost", f"{where} {key}: not in the target")
            elif found[key] != row:
                self.anomalies.add("wrong", f"{where}: {found[key]} where the source has {row}")
        for key in found.keys() - expected.keys():
            self.anomalies.add("wrong", f"{where} {key}: in the target alone")

    def _verify(self) -> None:
        """By `tailrace verify`; what was found already in targets that could be read is not counted again."""
        verified = self._file.command("verify", "--json", timeout=300)
        assert verified.code in (0, 1), verified.stderr[-3000:]
        unread = {target.name for target in self.targets if target.read is None}
        for table in json.loads(verified.stdout)["tables"]:
            where = f"{table['sink']}: {table['table']}, by verify"
            for field, kind in (("missing", "lost"), ("extra", "wrong"), ("different", "wrong")):
                for _ in range(table[field] if table["sink"] in unread else 0):
                    self.anomalies.add(kind, f"{where}: {field}")
        if verified.code and not self.anomalies.counts:
            self.anomalies.add("wrong", f"verify says unequal: {verified.stdout[-1000:]}")


def _holds(target: Target, marker: int) -> bool:
    try:
        return target.holds(marker)
    except Exception:  # not made yet, or not there
        return False
