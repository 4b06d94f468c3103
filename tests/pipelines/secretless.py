"""A pipeline file whose secret is nowhere: for commands that need none, and must not miss it."""

from __future__ import annotations

from pathlib import Path

FILE = """
name = "shop"
state_dir = "state"
[source]
connector = "mysql"
url = "mysql://repl:${SHOP_PASSWORD_OF_NOBODY}@127.0.0.1:3306/shop"
[[sinks]]
name = "copy"
connector = "sqlite"
url = "sqlite:////tmp/tailrace-copy.db"
"""


def written(folder: Path) -> str:
    """The file's path; its state folder is `state` beside it."""
    path = folder / "shop.toml"
    path.write_text(FILE)
    return str(path)
