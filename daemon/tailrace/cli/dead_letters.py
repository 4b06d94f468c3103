"""`tailrace dead-letters`: what targets refused, and what is to become of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from fnmatch import fnmatchcase
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from tailrace.cli.output import console, number, print_json
from tailrace.config import Pipeline, load
from tailrace.dead_letters import DeadLetter, DeadLetterStore, Wanted
from tailrace.errors import ConfigError, NotRunningError, StuckError
from tailrace.http.client import ask
from tailrace.supervisor import folder

#: A worker looks for what is wanted every two seconds, between two transactions, of which one may be long.
ACT_SECONDS = 60.0
_POLL_SECONDS = 0.3


def listed(file: str, as_json: bool, sink: str, table: str) -> int:
    """0: what is parked is shown, oldest first."""
    with _stores(load(file), sink) as stores:
        found = [(name, letter) for name, store in stores.items() for letter in _sorted(store, table)]
    if as_json:
        print_json({"dead_letters": [_shown(name, letter) for name, letter in found]})
        return 0
    if not found:
        console().print("nothing is parked")
        return 0
    view = Table("sink", "id", "table", "op", "key", "since", "reason", box=None, header_style="bold")
    told = ""
    for name, letter in found:
        reason = letter.reason or "(behind one that was refused)"
        if letter.wanted:
            reason = f"({letter.wanted} is noted) {reason}"
        elif letter.reason and letter.reason == told:
            reason = "(the same)"
        told = letter.reason or told
        view.add_row(*map(Text, (name, letter.id, letter.table, letter.op, letter.key, letter.since, reason)))
    console().print(view)
    console().print(f"{_events(len(found))} parked")
    return 0


def shown(file: str, letter_id: str, sink: str) -> int:
    """0: the event is shown, as JSON; 1: there is none."""
    with _stores(load(file), sink) as stores:
        found = [(name, letter) for name, store in stores.items() for letter in store.read([letter_id])]
    for name, letter in found:
        print_json({**_shown(name, letter), "event": orjson.Fragment(letter.event)})
    if not found:
        console().print(f"nothing is parked as {letter_id}", style="red", highlight=False, markup=False)
    return 0 if found else 1


def asked(file: str, wanted: Wanted, ids: Sequence[str], every: bool, sink: str, table: str) -> int:
    """0: done, or noted for the next start; 1: some were refused again, or are not parked.

    Raises:
        ConfigError: it is not said which.
        StuckError: the worker of a running pipeline does not act on it.
    """
    if sum((bool(ids), every, bool(table))) != 1:
        raise ConfigError("it is not said which parked events", fix="give their ids, or --table, or --all")
    pipeline = load(file)
    folder.refuse_another_s(pipeline.state_dir, pipeline.name)
    out = console()

    def say(line: str, style: str = "") -> None:
        out.print(line, style=style, highlight=False, markup=False, soft_wrap=True)

    code = 0
    with _stores(pipeline, sink) as stores:
        waited: dict[str, list[DeadLetter]] = {}
        unknown = set(ids)
        for name, store in stores.items():
            letters = _sorted(store, table)
            chosen = [letter for letter in letters if not ids or letter.id in ids]
            unknown -= {letter.id for letter in chosen}
            if wanted == "retry":  # of a row all, in their order
                chains = {(letter.topic, letter.chain) for letter in chosen}
                chosen = [letter for letter in letters if (letter.topic, letter.chain) in chains]
            if chosen:
                store.ask([letter.id for letter in chosen], wanted)
                waited[name] = chosen
        for letter_id in sorted(unknown):
            say(f"nothing is parked as {letter_id}", "red")
            code = 1
        count = sum(map(len, waited.values()))
        if not count:
            say("nothing is to be done")
            return code
        try:
            refused = _wait(stores, waited, pipeline)
        except NotRunningError:
            say(f"{wanted} of {_events(count)} is noted: it is done when the pipeline starts")
            return code
        behind = sum(len(_behind(stores[name], letters)) for name, letters in waited.items())
    for name, letter in refused:
        say(f"{name}: {letter.id} ({letter.table}) is refused again: {letter.reason or 'one before it is'}", "red")
    word = "applied" if wanted == "retry" else "discarded"
    say(f"{_events(count - len(refused))} {word}")
    if wanted == "discard" and behind:
        say(f"{_events(behind)} behind in the same rows stay parked: retry or discard these too")
    return 1 if refused else code


def _wait(
    stores: dict[str, DeadLetterStore], waited: dict[str, list[DeadLetter]], pipeline: Pipeline
) -> list[tuple[str, DeadLetter]]:
    """Those that are still parked once the workers have acted.

    Raises:
        NotRunningError: the pipeline is not running, or not any more.
        StuckError: a worker does not act.
    """
    deadline = time.monotonic() + ACT_SECONDS
    while True:
        status = ask(pipeline.state_dir, pipeline.name, "/status")
        refused: list[tuple[str, DeadLetter]] = []
        waiting = ""
        for name, letters in waited.items():
            left = {letter.id: letter for letter in stores[name].heads()}
            still = [left[letter.id] for letter in letters if letter.id in left]
            if any(letter.wanted for letter in still):
                waiting = name
            refused += [(name, letter) for letter in still]
        if not waiting:
            return refused
        if time.monotonic() > deadline:
            worker: dict[str, Any] = next((worker for worker in status["workers"] if worker["name"] == waiting), {})
            raise StuckError(
                f"sink {waiting} is {worker.get('state', 'away')}, and has not come to it"
                + (f": {error}" if (error := worker.get("error")) else ""),
                where=pipeline.name,
                fix="it stays noted; see tailrace status",
            )
        time.sleep(_POLL_SECONDS)


def _events(count: int) -> str:
    return f"{number(count)} event{'' if count == 1 else 's'}"


def _behind(store: DeadLetterStore, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """What is parked of the same rows."""
    chains = {(letter.topic, letter.chain) for letter in letters}
    return [letter for letter in store.heads() if (letter.topic, letter.chain) in chains]


@contextmanager
def _stores(pipeline: Pipeline, sink: str) -> Iterator[dict[str, DeadLetterStore]]:
    """The dead letters of the chosen sinks, by name.

    Raises:
        ConfigError: there is no such sink, or a secret is missing.
    """
    names: list[str] = [pipeline.sink(sink).name] if sink else [settings.name for settings in pipeline.sinks]
    pipeline.resolve_secrets(source=False, stream=False, sinks=names)
    with ExitStack() as stack:
        yield {name: stack.enter_context(closing(pipeline.create_sink(name))).dead_letters for name in names}


def _sorted(store: DeadLetterStore, table: str) -> list[DeadLetter]:
    letters = sorted(store.heads(), key=lambda letter: letter.place)
    return [letter for letter in letters if not table or fnmatchcase(letter.table, table)]


def _shown(sink: str, letter: DeadLetter) -> dict[str, Any]:
    return {
        "sink": sink,
        "id": letter.id,
        "table": letter.table,
        "op": letter.op,
        "key": orjson.Fragment(letter.key) if letter.key else None,
        "reason": letter.reason,
        "behind": not letter.reason,
        "since": letter.since,
        "wanted": letter.wanted,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tailrace_seq": letter.seq,
    }
