"""The faults: what each does, how it is undone, and what status must say of it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from tests.faults.proxy import Proxy
from tests.servers import Server, wait_until
from tests.soak.line import CAPTURE, Line
from tests.soak.targets import Target
from tests.soak.telling import Says, anything, behind, gone, restarted, retrying, silent

TARGET = "target"


@dataclass(frozen=True, slots=True)
class Rig:
    """What there is to break. Servers that are None, or not in `sources`, are somebody else's and stay whole.

    Attributes:
        lines: each by the name of its source's engine, with sinks of the same names.
        sources: the servers of the lines' sources.
        broker: of the lines whose stream is Kafka.
        target: that all lines' sink `pg` writes to.
        kv: that all lines' sink `kv` writes to.
        links: by which daemons go to the source of the line of that name, and to the target by `TARGET`.
    """

    lines: Sequence[Line]
    sources: dict[str, Server]
    broker: Server | None = None
    target: Server | None = None
    kv: Server | None = None
    links: Mapping[str, Proxy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Victim:
    """Whom a fault meets.

    Attributes:
        name: for a person.
        lines: that it meets, and whose status must tell it.
        workers: of each of these, which cannot work.
    """

    name: str
    lines: Sequence[Line]
    workers: tuple[str, ...]
    server: Server | None = None
    target: Target | None = None
    link: Proxy | None = None

    @property
    def line(self) -> Line:
        (line,) = self.lines
        return line


#: Finds whom to meet; None where nobody is there.
Finder = Callable[[Rig, random.Random], Victim | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """
    Attributes:
        lasting: what it does lasts until it is undone; else it is over at once.
        make: does it, and undoes it at the block's end.
        says: what status must say.
    """

    name: str
    of: Finder
    lasting: bool
    make: Callable[[Victim], AbstractContextManager[None]]
    says: Says


# ---- whom


def a_capture(rig: Rig, choice: random.Random) -> Victim:
    line = choice.choice(rig.lines)
    return Victim(f"{line.name}: capture", [line], (CAPTURE,))


def a_sink(rig: Rig, choice: random.Random) -> Victim:
    line = choice.choice(rig.lines)
    target = choice.choice(line.targets)
    return Victim(f"{line.name}: sink {target.name}", [line], (target.name,))


def a_daemon(rig: Rig, choice: random.Random) -> Victim:
    line = choice.choice(rig.lines)
    return Victim(f"{line.name}: daemon", [line], tuple(line.workers))


def a_source(rig: Rig, choice: random.Random) -> Victim | None:
    lines = [line for line in rig.lines if line.name in rig.sources]
    if not lines:
        return None
    line = choice.choice(lines)
    return Victim(f"{line.name}: source", [line], (CAPTURE,), rig.sources[line.name])


def a_source_s_link(rig: Rig, choice: random.Random) -> Victim | None:
    lines = [line for line in rig.lines if line.name in rig.links]
    if not lines:
        return None
    line = choice.choice(lines)
    return Victim(f"{line.name}: link to the source", [line], (CAPTURE,), link=rig.links[line.name])


def the_target_s_link(rig: Rig, choice: random.Random) -> Victim | None:
    return Victim("link to target pg", rig.lines, ("pg",), link=rig.links[TARGET]) if TARGET in rig.links else None


def the_broker(rig: Rig, choice: random.Random) -> Victim | None:
    lines = [line for line in rig.lines if line.stream]
    return Victim("broker", lines, tuple(lines[0].workers), rig.broker) if rig.broker and lines else None


def the_target(rig: Rig, choice: random.Random) -> Victim | None:
    return Victim("target pg", rig.lines, ("pg",), rig.target) if rig.target else None


def the_kv(rig: Rig, choice: random.Random) -> Victim | None:
    return Victim("target kv", rig.lines, ("kv",), rig.kv) if rig.kv else None


def a_file(rig: Rig, choice: random.Random) -> Victim | None:
    found = [(line, target) for line in rig.lines for target in line.targets if target.path]
    if not found:
        return None
    line, target = choice.choice(found)
    return Victim(f"{line.name}: target {target.name}", [line], (target.name,), target=target)


# ---- what


def _pid(victim: Victim) -> int:
    """Of the one worker, which may be between two lives."""

    def pid() -> int | None:
        (found,) = (w["pid"] for w in victim.line.status()["workers"] if w["name"] == victim.workers[0])
        return found if isinstance(found, int) else None

    return int(wait_until(pid, 60, f"{victim.name} runs") or 0)


@contextmanager
def worker_gets(number: signal.Signals, victim: Victim) -> Iterator[None]:
    os.kill(_pid(victim), number)
    yield


@contextmanager
def worker_hangs(victim: Victim) -> Iterator[None]:
    with _hanging(_pid(victim)):
        yield


@contextmanager
def daemon_hangs(victim: Victim) -> Iterator[None]:
    assert victim.line.process is not None
    with _hanging(victim.line.process.pid):
        yield


@contextmanager
def _hanging(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def daemon_ends(how: Callable[[Line], None], victim: Victim) -> Iterator[None]:
    how(victim.line)
    yield
    victim.line.start()


@contextmanager
def server_killed(victim: Victim) -> Iterator[None]:
    assert victim.server is not None
    victim.server.kill()
    yield
    victim.server.relaunch()


@contextmanager
def server_hangs(victim: Victim) -> Iterator[None]:
    assert victim.server is not None
    victim.server.pause()
    try:
        yield
    finally:
        victim.server.resume()


@contextmanager
def link_fails(mode: str, victim: Victim) -> Iterator[None]:
    assert victim.link is not None
    victim.link.mode(mode)
    yield
    victim.link.mode("pass")


@contextmanager
def file_locked(victim: Victim) -> Iterator[None]:
    assert victim.target is not None
    assert victim.target.path is not None
    with contextlib.closing(sqlite3.connect(victim.target.path, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


_KILL, _TERM = partial(worker_gets, signal.SIGKILL), partial(worker_gets, signal.SIGTERM)

TABLE: Sequence[Fault] = (
    Fault("capture killed", a_capture, False, _KILL, restarted),
    Fault("capture terminated", a_capture, False, _TERM, restarted),
    Fault("capture hangs", a_capture, True, worker_hangs, behind),
    Fault("sink killed", a_sink, False, _KILL, restarted),
    Fault("sink terminated", a_sink, False, _TERM, restarted),
    Fault("sink hangs", a_sink, True, worker_hangs, behind),
    Fault("supervisor killed", a_daemon, True, partial(daemon_ends, Line.kill), gone),
    Fault("supervisor terminated", a_daemon, True, partial(daemon_ends, Line.stop), gone),
    Fault("supervisor hangs", a_daemon, True, daemon_hangs, silent),
    Fault("everything killed", a_daemon, True, partial(daemon_ends, Line.kill_all), gone),
    Fault("source killed", a_source, True, server_killed, retrying),
    Fault("source hangs", a_source, True, server_hangs, behind),
    Fault("broker killed", the_broker, True, server_killed, behind),
    Fault("broker hangs", the_broker, True, server_hangs, behind),
    Fault("target killed", the_target, True, server_killed, retrying),
    Fault("target hangs", the_target, True, server_hangs, behind),
    Fault("store hangs", the_kv, True, server_hangs, behind),
    Fault("source's link cut", a_source_s_link, True, partial(link_fails, "cut"), retrying),
    Fault("source's link swallows", a_source_s_link, True, partial(link_fails, "black hole"), behind),
    Fault("source's link is slow", a_source_s_link, True, partial(link_fails, "latency"), anything),
    Fault("source's link resets", a_source_s_link, True, partial(link_fails, "resets"), anything),
    Fault("target's link cut", the_target_s_link, True, partial(link_fails, "cut"), retrying),
    Fault("target's link swallows", the_target_s_link, True, partial(link_fails, "black hole"), behind),
    Fault("target's link drips", the_target_s_link, True, partial(link_fails, "trickle"), behind),
    Fault("target's link resets", the_target_s_link, True, partial(link_fails, "resets"), anything),
    Fault("file locked", a_file, True, file_locked, behind),
)


class Deck:
    """Every fault that the rig has something for, in a random order; when all were drawn, in another one."""

    def __init__(self, rig: Rig, seed: int, names: Sequence[str] = ()) -> None:
        """`names`: of the faults to draw; none: all."""
        self._rig = rig
        self._random = random.Random(seed)
        self._faults = [fault for fault in TABLE if not names or fault.name in names]
        assert self._faults, f"there is none of {names}"
        self._left: list[Fault] = []

    def draw(self) -> tuple[Fault, Victim]:
        while True:
            if not self._left:
                self._left = self._random.sample(self._faults, len(self._faults))
            fault = self._left.pop()
            victim = fault.of(self._rig, self._random)
            if victim is not None:
                return fault, victim
