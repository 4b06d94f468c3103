"""sd_notify on real sockets."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.notify import Notifier


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        yield listener


def test_a_message_is_one_datagram(manager: socket.socket, tmp_path: Path) -> None:
    manager.bind(str(tmp_path / "notify"))
    Notifier(str(tmp_path / "notify")).send("READY=1", "STATUS=shop is running")
    assert manager.recv(4096) == b"READY=1\nSTATUS=shop is running"


def test_an_abstract_address(manager: socket.socket) -> None:
    name = f"tailrace-test-{os.getpid()}"
    manager.bind("\0" + name)
    Notifier("@" + name).send("STOPPING=1")
    assert manager.recv(4096) == b"STOPPING=1"


def test_a_reload_names_its_time(manager: socket.socket, tmp_path: Path) -> None:
    manager.bind(str(tmp_path / "notify"))
    Notifier(str(tmp_path / "notify")).reloading()
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d{6,}", manager.recv(4096))


def test_the_environment_is_taken_and_not_passed_on() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid()), "PATH": "/bin"}
    assert Notifier.from_environment(environ).watchdog_interval == 30.0
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "/run/x"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "60000000"},
    ],
)
def test_no_watchdog_where_none_is_meant(environ: dict[str, str]) -> None:
    assert Notifier.from_environment(environ).watchdog_interval is None


def test_a_manager_that_does_not_listen_is_no_error(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "nobody")).send("READY=1")
    Notifier().send("READY=1")


def test_a_manager_that_reads_nothing_does_not_hold_us_up(manager: socket.socket, tmp_path: Path) -> None:
    manager.bind(str(tmp_path / "notify"))
    notifier = Notifier(str(tmp_path / "notify"))
    for _ in range(5000):
        notifier.send("STATUS=" + "x" * 200)
