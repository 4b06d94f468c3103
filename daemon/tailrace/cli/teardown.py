"""`tailrace teardown`: drops what the pipeline made for itself; never an event topic, never a target's rows."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import typer

from tailrace.config import Pipeline, load
from tailrace.position import POSITION_KEY, Position
from tailrace.supervisor import folder


class Closable(Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has things to drop; `drop(dry_run)` names them."""

    name: str
    drop: Callable[[bool], list[str]]


def teardown(file: str, yes: bool) -> int:
    """Names what it drops, asks, drops.

    Raises:
        RefusedError: the pipeline is running, the state folder is another's, or this user may not look into it.
        UnreachableError: a system holds something of ours and cannot be asked; then nothing is dropped at all.
    """
    pipeline = load(file)
    pipeline.resolve_secrets()
    state_dir = pipeline.state_dir
    folder.refuse_another_s(state_dir, pipeline.name)
    with contextlib.ExitStack() as held:
        if folder.exists(state_dir):
            held.enter_context(folder.exclusive(state_dir, pipeline.name))
        parts = _parts(pipeline)
        named = [(part, part.drop(True)) for part in parts]
        if not any(things for _, things in named):
            print(f"pipeline {pipeline.name} has nothing to drop")  # noqa: T201
            return 0
        said: set[str] = set()
        for part, things in named:
            for thing in things:
                if thing not in said:  # the embedded stream lies in the state folder
                    print(f"{part.name}: {thing}")  # noqa: T201
                said.add(thing)
        sys.stdout.flush()
        if not yes and not typer.confirm(f"Drop all of this of pipeline {pipeline.name}?", err=True):
            raise typer.Abort
        for part, things in named:
            if things:
                part.drop(False)
        if folder.exists(state_dir):
            folder.release_for_good(state_dir)
    print(f"pipeline {pipeline.name} is torn down")  # noqa: T201
    return 0


def _parts(pipeline: Pipeline) -> list[Part]:
    """In the order in which they are dropped: the position is in the stream, so that goes after the source."""
    with contextlib.closing(pipeline.create_stream().reader("")) as reader:
        stored = reader.state().get(POSITION_KEY)
    position = Position.from_json(stored) if stored else None
    return [
        Part("source", lambda dry: _drop(pipeline.create_source, lambda source: source.teardown(position, dry))),
        *(Part(f"sink {settings.name}", _sink(pipeline, str(settings.name))) for settings in pipeline.sinks),
        Part("stream", lambda dry: pipeline.create_stream().teardown(dry)),
        Part("state folder", lambda dry: _state_folder(pipeline.state_dir, dry)),
    ]


def _sink(pipeline: Pipeline, name: str) -> Callable[[bool], list[str]]:
    return lambda dry: _drop(lambda: pipeline.create_sink(name), lambda sink: sink.teardown(dry))


def _drop(create: Callable[[], Closable], teardown: Callable[[Any], list[str]]) -> list[str]:
    with contextlib.closing(create()) as connector:
        return teardown(connector)


def _state_folder(path: Path, dry_run: bool) -> list[str]:
    """What the daemon made there; a target's file, or anything else that somebody put there, stays."""
    entries = folder.own_entries(path)
    if not dry_run:
        for entry in entries:
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    return [str(entry) for entry in entries]
