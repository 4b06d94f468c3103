"""systemd's readiness protocol (sd_notify(3)): datagrams of KEY=VALUE lines on $NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Notifier:
    """Tells the service manager how this process is; says nothing where there is no service manager.

    Args:
        address: $NOTIFY_SOCKET, a path or ``@`` and an abstract name; "" for none.
        watchdog_usec: the manager's patience in microseconds; 0: no watchdog.
    """

    def __init__(self, address: str = "", watchdog_usec: int = 0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        #: Seconds between two WATCHDOG=1 (half the manager's patience); None without a watchdog.
        self.watchdog_interval = watchdog_usec / 2_000_000 if address and watchdog_usec > 0 else None

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> Notifier:
        """Takes the variables out of the environment: workers must not speak for the service."""
        address, usec, pid = (environ.pop(name, "") for name in _VARIABLES)
        meant = not pid or pid == str(os.getpid())
        return cls(address, int(usec) if meant and usec.isdigit() else 0)

    def send(self, *lines: str) -> None:
        """One datagram. A manager that does not listen is no reason to stop working."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender, suppress(OSError):
            sender.setblocking(False)
            sender.sendto("\n".join(lines).encode(), self._address)

    def reloading(self) -> None:
        """To be followed by READY=1; the time tells the manager which reload request is meant."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
