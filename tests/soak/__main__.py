"""`python -m tests.soak`: a soak on servers of its own; the last line is the scorecard as JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests import servers
from tests.faults import proxy
from tests.pipelines import failing
from tests.soak import targets
from tests.soak.faults import TABLE, TARGET, Deck, Rig
from tests.soak.line import Line
from tests.soak.soak import Soak

ENGINES = ("postgres18", "postgres15", "mariadb", "mysql")
STREAMS = ("kafka", "embedded")
ENGINE_OF_TARGET = "postgres15"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument(
        "--pipelines",
        nargs="+",
        default=["postgres18:kafka", "mariadb:embedded"],
        metavar="SOURCE:STREAM",
        help=f"that run side by side, one of each source ({', '.join(ENGINES)}; {', '.join(STREAMS)})",
    )
    parser.add_argument("--seconds", type=float, default=600, help="how long faults come (default 600)")
    parser.add_argument("--every", type=float, default=20, help="seconds between them (default 20)")
    parser.add_argument("--faults", nargs="+", default=(), choices=[fault.name for fault in TABLE], metavar="FAULT")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    options = parser.parse_args()
    say = partial(print, flush=True)
    say(f"seed {options.seed}; faults: {', '.join(options.faults or [fault.name for fault in TABLE])}")
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    with contextlib.ExitStack() as stack:
        rig = _rig(stack, folder, options)
        deck = Deck(rig, options.seed, options.faults)
        card = Soak(rig, deck, options.seed, options.seconds, options.every, say=say).run()
    say(card.text())
    if card.good:
        shutil.rmtree(folder)
    else:
        say(f"logs and state are in {folder}")
    say(json.dumps(card.to_json()))
    return 0 if card.good else 1


def _rig(stack: contextlib.ExitStack, folder: Path, options: argparse.Namespace) -> Rig:
    def start(kind: str) -> Any:
        return stack.enter_context(servers.start(kind))

    os.environ.update(servers.CREDENTIALS, AWS_EC2_METADATA_DISABLED="true")
    chosen = dict(pipeline.split(":") for pipeline in options.pipelines)
    if len(chosen) < len(options.pipelines) or set(chosen) - set(ENGINES) or set(chosen.values()) - set(STREAMS):
        raise SystemExit(f"--pipelines {' '.join(options.pipelines)}: each SOURCE:STREAM, with another source")
    broker: servers.Kafka | None = start("kafka") if "kafka" in chosen.values() else None
    target, kv = start(ENGINE_OF_TARGET), start("dynamodb")
    links = {TARGET: stack.enter_context(proxy.start("127.0.0.1", target.port))}
    sources, lines = {}, []
    for engine, stream in chosen.items():
        sources[engine] = start(engine)
        source = stack.enter_context(sources[engine].database("soak"))
        links[engine] = stack.enter_context(proxy.start("127.0.0.1", sources[engine].port))
        copy = stack.enter_context(target.database("soak"))
        place = folder / engine
        place.mkdir()
        sinks = [targets.sql("pg", copy, _by(copy, links[TARGET])), targets.lite(place), targets.kv(kv)]
        text = failing.kafka_of_partitions(broker.bootstrap) if broker is not None and stream == "kafka" else ""
        lines.append(Line(engine, place, source, text, sinks, options.seed, _by(source, links[engine])))
    return Rig(lines, sources, broker, target, kv, links)


def _by(database: servers.Database, link: proxy.Proxy) -> str:
    """The database's URL, by a link."""
    return database.url.replace(f":{database.server.port}/", f":{link.port}/")


if __name__ == "__main__":
    sys.exit(main())
