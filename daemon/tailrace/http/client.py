"""Asks a running pipeline over its `control.sock`."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any

import orjson

from tailrace.errors import NotRunningError, StuckError
from tailrace.http.sockets import short_path
from tailrace.supervisor import folder
from tailrace.supervisor.role import Role

#: A supervisor does nothing that takes long; one that does not answer by then is stuck.
ANSWER_SECONDS = 5.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(ANSWER_SECONDS)
        try:
            with short_path(self._path) as name:
                connection.connect(name)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


def ask(state_dir: Path, name: str, path: str, given: Any = None, role: Role = Role.BOTH) -> Any:
    """The JSON object that the pipeline `name` answers at `path`, such as ``/status``.

    Args:
        given: posted as JSON, to steer it; None: it is only asked.
        role: of the daemon that is asked; one with capture answers in one place, with or without the sinks.

    Raises:
        NotRunningError: nobody answers.
        RefusedError: this user may not ask.
        StuckError: somebody is there, and does not answer.
    """
    connection = _Connection(state_dir / role.socket)
    try:
        connection.request("GET" if given is None else "POST", path, None if given is None else orjson.dumps(given))
        return orjson.loads(connection.getresponse().read())
    except PermissionError as error:
        raise folder.no_permission(state_dir) from error
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise _not_running(state_dir, name, role) from error
    except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as error:
        raise StuckError(
            f"the supervisor of pipeline {name} does not answer", where=str(state_dir), fix="look into its log"
        ) from error
    finally:
        connection.close()


def _not_running(state_dir: Path, name: str, role: Role) -> NotRunningError:
    if role is Role.BOTH and (state_dir / Role.APPLY.socket).exists():
        return NotRunningError(
            f"of pipeline {name} only the sinks run here (--role apply)", fix="ask on the machine that runs its capture"
        )
    return NotRunningError(f"pipeline {name} is not running", fix="start it with tailrace run")
