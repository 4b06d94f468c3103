"""Where a pipeline keeps its state: the rule that the daemon and an administrator's shell must agree on."""

from __future__ import annotations

import os
from pathlib import Path

from tailrace.config.problems import at
from tailrace.errors import ConfigError

SYSTEM = Path("/var/lib/tailrace")


def state_folder(configured: str | None, name: str, file: str) -> Path:
    """The absolute path of the pipeline's folder, which need not exist yet.

    Args:
        configured: the key `state_dir`; a relative path starts at the folder of `file`.
        name: the pipeline's.

    Raises:
        ConfigError: a home folder is needed and there is none.
    """
    try:
        if configured is not None:
            return Path(os.path.abspath(Path(file).parent / Path(configured).expanduser()))
        # systemd lists several folders with colons, and ours (`StateDirectory=tailrace/NAME`) first.
        if given := os.environ.get("STATE_DIRECTORY", "").split(":")[0]:
            return Path(given)
        if _exists(SYSTEM / name):
            return SYSTEM / name
        return Path.home() / ".local/state/tailrace" / name
    except RuntimeError:
        raise ConfigError(
            "the user has no home folder", where=at(file, ("state_dir",)), fix="add an absolute state_dir"
        ) from None


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        # DynamicUser= hides the folder from an administrator's shell. It must be taken for what it is all the
        # same: then "no permission" is said, and not "not running".
        return True
    except OSError:
        return False
    return True
