"""A pipeline whose links go through proxies, while somebody writes to its source without a pause.

What is written lets everything be counted: each transaction has a number n, raises a counter of one of ten rows by one,
and adds n to a table without a key. So a stream that has lost or doubled an event, and a target that has applied one
twice or not at all, can be told from one that has not.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tailrace.config import load
from tests.faults import proxy
from tests.faults.items import Items
from tests.faults.proxy import Proxy
from tests.pipelines import text
from tests.pipelines.daemon import PipelineFile, until
from tests.servers import Database, Kafka, unique_name
from tests.servers.process import free_port

#: What a monitoring system is promised, and how late it may ask.
TOLD_SECONDS = 30 + 2
#: The longest pause between two attempts, and what those take.
BACK_SECONDS = 75
ROWS = 10
_PAUSE_SECONDS = 0.02
_COUNTED, _TOLD = "SELECT id, n, note FROM counted ORDER BY id", "SELECT n FROM told ORDER BY n"


class ProxiedKafka(Kafka):
    """A broker with a second listener, whose clients are told a proxy's address."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self._inner = free_port()
        self.link = proxy.start("127.0.0.1", self._inner)

    def properties(self, logs: Path) -> str:
        """The last line with a name counts."""
        return super().properties(logs) + (
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{self._inner},"
            f"CONTROLLER://127.0.0.1:{self._controller_port}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port},PROXIED://127.0.0.1:{self.link.port}\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            "inter.broker.listener.name=PLAINTEXT\n"
        )

    def stop(self) -> None:
        super().stop()
        self.link.close()


class Writer:
    """Changes the source, past all proxies; a source that is down is waited for.

    Attributes:
        n: how many transactions were committed.
    """

    def __init__(self, database: Database) -> None:
        self.n = 0
        self._database = database
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="writer", daemon=True)

    def create(self) -> None:
        database = self._database
        database.script(
            "CREATE TABLE counted (id INT PRIMARY KEY, n INT NOT NULL, note VARCHAR(100))",
            "CREATE TABLE told (n INT NOT NULL)",
        )
        database.executemany("INSERT INTO counted VALUES (%s, 0, 'from the load')", [(id,) for id in range(ROWS)])
        if database.server.login.scheme == "postgresql":
            database.execute("ALTER TABLE told REPLICA IDENTITY FULL")

    def _write(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(Exception):
                connection = self._database.connect(autocommit=False)
                with contextlib.closing(connection), contextlib.closing(connection.cursor()) as cursor:
                    self._write_to(connection, cursor)
            self._ended.wait(0.1)

    def _write_to(self, connection: Any, cursor: Any) -> None:
        # Whether the last one was committed before: the server may have gone between commit and answer.
        cursor.execute("SELECT count(*) FROM told")
        self.n = cursor.fetchone()[0]
        connection.rollback()
        while not self._ended.wait(_PAUSE_SECONDS):
            cursor.execute(f"UPDATE counted SET n = n + 1 WHERE id = {(self.n + 1) % ROWS}")
            cursor.execute(f"INSERT INTO told VALUES ({self.n + 1})")
            connection.commit()
            self.n += 1

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(30)


class Rig:
    """One pipeline.

    Attributes:
        links: the proxies by name: "source", "stream" of Kafka's, and those of the sinks.
        exactly_once: the stream holds no event twice.
    """

    exactly_once = True

    def __init__(
        self,
        folder: Path,
        source: Database,
        sinks: Mapping[str, Database | Items | str],
        kafka: ProxiedKafka | None = None,
        *,
        bootstrap: str = "",
        stream: str = "",
        source_keys: Mapping[str, str] | None = None,
        urls: Mapping[str, str] | None = None,
        sink_keys: Mapping[str, str] | None = None,
        more: str = "",
    ) -> None:
        """
        Args:
            sinks: the targets; a text is the url of a SQLite file.
            kafka: with a link in front of it.
            bootstrap: of a cluster without one.
            stream: further lines of `[stream]`.
            source_keys: further keys of `[source]`, as TOML has them.
            urls: of "source" and sinks, where they are not the administrator's.
            sink_keys: further lines of sinks.
            more: further tables of the file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.source = source
        self.sinks = dict(sinks)
        self.links: dict[str, Proxy] = {}
        if kafka is not None:
            self.links["stream"] = kafka.link
            bootstrap = f"127.0.0.1:{kafka.link.port}"
        self.writer = Writer(source)
        self.port = free_port()
        self.name = unique_name("p").lower()
        urls = urls or {}
        parts = [text.source(self._through("source", source, urls.get("source", source.url)))]
        parts += [f"{key} = {value}\n" for key, value in (source_keys or {}).items()]
        if bootstrap:
            parts.append(text.kafka(bootstrap).replace("[stream.kafka]", f"{stream}[stream.kafka]"))
        for name, target in sinks.items():
            if isinstance(target, Items):
                self.links[name] = proxy.start("127.0.0.1", target.server.port)
                parts.append(target.part(name, self.links[name].port))
                continue
            url = target if isinstance(target, str) else self._through(name, target, urls.get(name, target.url))
            parts.append(text.sink(name, url) + (sink_keys or {}).get(name, ""))
        parts.append(f'[http]\nlisten = "127.0.0.1:{self.port}"\n{more}')
        self.file = PipelineFile(folder, text.pipeline(folder, *parts, name=self.name))

    def _through(self, name: str, database: Database, url: str) -> str:
        port = database.server.port
        link = self.links[name] = proxy.start("127.0.0.1", port)
        return url.replace(f":{port}/", f":{link.port}/")

    @contextlib.contextmanager
    def running(self, env: Mapping[str, str] | None = None) -> Iterator[None]:
        """Loaded, at work and written to; in the end everything must have arrived exactly once."""
        self.writer.create()
        try:
            with self.file.running(env):
                self.until_well(60)
                self.writer.begin()
                yield
                self.until_well(BACK_SECONDS)
                self.writer.end()
                self.until_equal()
            self.require_stream()
        finally:
            self.writer.end()
            for link in self.links.values():
                link.mode("pass")
            torn_down = self.file.command("teardown", "--yes")
            for name, link in self.links.items():
                if name != "stream":
                    link.close()
        assert torn_down.code == 0, torn_down.stderr

    # -- what the daemon says

    def health(self) -> tuple[int, list[str]]:
        """`/healthz`: the code and the reasons."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status, []
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["reasons"]
        except OSError as error:
            return 0, [str(error)]

    def until_told(self, worker: str, words: Sequence[str] = ("",), seconds: float = TOLD_SECONDS) -> float:
        """Until `/healthz` and `status` say that this worker is not well; returns the seconds that it took.

        Args:
            words: one of these is in the reason.
        """
        begun = time.monotonic()

        def told() -> bool:
            code, reasons = self.health()
            named = any(reason.startswith(f"{worker} ") and any(word in reason for word in words) for reason in reasons)
            return code == 503 and named and self.file.status()["state"] == "stuck"

        self.until(told, seconds, f"{worker} is said to be ill ({words})")
        return time.monotonic() - begun

    def until_well(self, seconds: float) -> float:
        """Until `/healthz` is 200 and every worker at work; returns the seconds that it took."""
        begun = time.monotonic()

        def well() -> bool:
            states = self.file.states()
            return self.health()[0] == 200 and bool(states) and set(states.values()) == {"streaming"}

        self.until(well, seconds, "everything is well again")
        return time.monotonic() - begun

    def until_moved(self, seconds: float) -> None:
        """Until the targets have what was committed up to now."""
        goal = self.writer.n
        self.until(
            lambda: all(self._applied(name) >= goal for name in self.sinks),
            seconds,
            f"targets have {goal} transactions",
        )

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """As `until` of the pipelines; the error says how things stand."""
        try:
            until(condition, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.health()} {self.file.states()}\n{self.log()}") from None

    def log(self) -> str:
        return self.file.log.read_text()[-3000:] if self.file.log.exists() else ""

    # -- what is where

    def _applied(self, name: str) -> int:
        """How many transactions a target has, at least; 0 where it has no table yet."""
        target = self.sinks[name]
        with contextlib.suppress(Exception):
            if isinstance(target, Items):
                return sum(n for _, n, _ in target.counted())
            return int(self.rows(name, "SELECT coalesce(max(n), 0) FROM told")[0][0])
        return 0

    def rows(self, name: str, sql: str) -> list[tuple[Any, ...]]:
        """Of a SQL target."""
        target = self.sinks[name]
        assert not isinstance(target, Items)
        if isinstance(target, str):
            with contextlib.closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as lite:
                return lite.execute(sql).fetchall()
        return target.query(sql)

    def until_equal(self) -> None:
        """Each target holds what the source does."""
        numbers = [(n,) for n in range(1, self.writer.n + 1)]
        assert self.source.query(_TOLD) == numbers
        expected = self.source.query(_COUNTED)
        for name, target in self.sinks.items():

            def counted(name: str = name, target: Database | Items | str = target) -> list[tuple[Any, ...]]:
                return target.counted() if isinstance(target, Items) else self.rows(name, _COUNTED)

            self.until(lambda counted=counted: counted() == expected, 60, f"{name} equals the source")  # type: ignore[misc]
            if not isinstance(target, Items):
                told = self.rows(name, _TOLD)
                # Rows without a key cannot be told from their repetition.
                assert (told if self.exactly_once else sorted(set(told))) == numbers, name

    def require_stream(self) -> None:
        """Each change once, and in its order."""
        told = self._once(self.events("told", "c"))
        assert [event["after"]["n"] for event in told] == [*range(1, self.writer.n + 1)]
        counted: dict[int, list[int]] = {}
        for event in self._once(self.events("counted", "u")):
            counted.setdefault(event["after"]["id"], []).append(event["after"]["n"])
        for numbers in counted.values():
            assert numbers == [*range(1, len(numbers) + 1)]
        assert sum(map(len, counted.values())) == self.writer.n

    def _once(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Without repetitions, where the stream may hold some: their fences tell."""
        if self.exactly_once:
            return events
        return list({event["source"]["tailrace_seq"]: event for event in events}.values())

    def events(self, table: str, op: str) -> list[dict[str, Any]]:
        """What the stream holds of a table."""
        found: list[dict[str, Any]] = []
        with contextlib.closing(load(self.file.path).create_stream().reader("")) as reader:
            ends = dict(reader.ends())
            reader.seek({})
            deadline = time.monotonic() + 120
            while any(reader.positions().get(partition, 0) < end for partition, end in ends.items()):
                assert time.monotonic() < deadline
                for piece in reader.poll(1.0, 4 << 20):
                    for run in piece.runs:
                        if run.topic.endswith(f".{table}"):
                            events = (orjson.loads(value) for value in run.values if value is not None)
                            found += [event for event in events if event["op"] == op]
        return found
