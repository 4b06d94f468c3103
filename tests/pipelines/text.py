"""Pipeline files for tests, written as a user would write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.servers import unique_name


def connector_of(url: str) -> str:
    scheme = url.partition(":")[0]
    return {"postgresql": "postgres"}.get(scheme, scheme)


#: Of an idle source the position moves this often at the latest: what waits for it need not wait for long.
HEARTBEAT = "0.3s"


def source(url: str, tables: Sequence[str] = (), **more: str) -> str:
    """`[source]`; `more` are further keys, strings all."""
    lines = ["[source]", f'connector = "{connector_of(url)}"', f"url = {json.dumps(url)}", f'heartbeat = "{HEARTBEAT}"']
    if tables:
        lines.append(f"tables = {json.dumps(list(tables))}")
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in more.items()), ""])


def kafka(bootstrap: str) -> str:
    return f'[stream]\nconnector = "kafka"\n[stream.kafka]\n"bootstrap.servers" = "{bootstrap}"\n'


def sink(name: str, url: str) -> str:
    return f'[[sinks]]\nname = "{name}"\nconnector = "{connector_of(url)}"\nurl = {json.dumps(url)}\n'


def pipeline(folder: Path, *parts: str, top: str = "", name: str = "") -> str:
    """The file's text: a name of its own, its state in the test's folder, then the parts as they are.

    Args:
        top: further lines above the first table, or another `state_dir`.
    """
    state = "" if "state_dir" in top else f'state_dir = "{folder / "state"}"\n'
    return f'name = "{name or unique_name("p").lower()}"\n{state}{top}\n{"".join(parts)}'
