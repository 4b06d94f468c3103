"""Listening sockets, and the way to a socket in the state folder."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from tailrace.errors import RefusedError

_BACKLOG = 128


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        RefusedError: the address is taken, or is none of this machine.
    """
    where = f"[http] listen {host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise RefusedError(f"cannot listen: {error.strerror}", where=where, fix="correct the address") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            what, fix = "another process listens on this address", "stop it, or choose another port"
        elif error.errno == errno.EACCES:
            what, fix = "no permission to listen on this port", "choose a port above 1023"
        else:
            what, fix = f"cannot listen: {(error.strerror or '').lower()}", "correct the address"
        raise RefusedError(what, where=where, fix=fix) from error
    return listener


def bind_unix(path: Path) -> socket.socket:
    """A listening socket in the file system, for its owner alone; replaces one that a killed process left.

    Raises:
        RefusedError: the folder cannot be written.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with short_path(path) as name:
            listener.bind(name)
            os.chmod(name, 0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise RefusedError(
            f"cannot listen: {(error.strerror or str(error)).lower()}", where=str(path), fix="see the state folder"
        ) from error
    return listener


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of `path` that fits into a socket's address (107 bytes), however deep the folder lies."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
