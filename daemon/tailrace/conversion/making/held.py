"""What `tailrace schema --apply` leaves to `tailrace cutover`: for which sinks, by which rules.

A file of the state folder. The statements themselves are not kept: they are made anew from what the source has then.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from tailrace.config import Pipeline
from tailrace.supervisor import folder


def note(pipeline: Pipeline, sink: str, rules: Sequence[Path]) -> None:
    """Has cut-over complete this sink's schema.

    Raises:
        RefusedError: the state folder is another pipeline's, or cannot be written.
    """
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    folder.create(pipeline.state_dir)
    sinks = {**noted(pipeline), sink: [str(path.resolve()) for path in rules]}
    content = orjson.dumps({"pipeline": pipeline.name, "sinks": sinks})
    folder.replace(pipeline.state_dir / folder.SCHEMA, content)


def noted(pipeline: Pipeline) -> dict[str, list[str]]:
    """By sink, the files of rules that were given besides the pipeline's own; empty where nothing was applied.

    Raises:
        RefusedError: no permission to look.
    """
    path = pipeline.state_dir / folder.SCHEMA
    try:
        raw = orjson.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except PermissionError as error:
        raise folder.no_permission(path) from error
    return dict(raw["sinks"]) if raw["pipeline"] == pipeline.name else {}
