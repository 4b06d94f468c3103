"""`python -m tests.fuzz ENGINE --seconds N`: random inputs, or atheris where it is installed.

`outcomes` prints what comes of numbered inputs, to hold one form of the decoder against the other.
"""

from __future__ import annotations

import argparse
import importlib
import random
import resource
import sys
import time
from pathlib import Path
from types import FunctionType
from typing import Any

from tailrace.compiled import is_compiled
from tests.fuzz.checks import ENGINES, check, check_memory

CORPUS = Path(__file__).with_name("corpus")
_LONGEST = 400
_MEMORY_BYTES = 2 << 30
#: Of so many inputs one is run under tracemalloc, which makes it ten times as slow.
_MEASURED = 50


def numbered(number: int) -> bytes:
    """The input of this number."""
    source = random.Random(number)
    return source.randbytes(source.randrange(_LONGEST))


def kept(engine: str) -> list[bytes]:
    """Inputs that get far, or that have found something once."""
    return [path.read_bytes() for path in sorted(CORPUS.glob(f"{engine}-*"))]


def _mutated(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(source.randrange(1, 5)):
        place = source.randrange(len(changed) + 1)
        if source.random() < 0.5 and place < len(changed):
            changed[place] = source.randrange(256)
        else:
            changed[place:place] = source.randbytes(source.randrange(1, 9))
    return bytes(changed)


def _one(engine: str, data: bytes, measured: bool) -> None:
    try:
        check(engine, data)
        if measured:
            check_memory(engine, data)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):
            print(f"{engine}: input {data.hex()}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        raise


def _random(engine: str, seconds: float) -> int:
    source = random.Random()
    corpus = kept(engine)
    seen: set[str] = set()
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        if corpus and source.random() < 0.5:
            data = _mutated(source.choice(corpus), source)
        else:
            data = source.randbytes(source.randrange(_LONGEST))
        _one(engine, data, count % _MEASURED == 0)
        kind = check(engine, data).partition(" ")[0]
        if kind not in seen:  # something else than before: more like it
            seen.add(kind)
            corpus.append(data)
        count += 1
    return count


def _guided(engine: str, seconds: float) -> None:
    atheris: Any = importlib.import_module("atheris")
    for name, module in list(sys.modules.items()):
        if name.startswith(("tailrace_mysql.", "tailrace_postgres.")):
            for function in list(vars(module).values()):
                if isinstance(function, FunctionType) and function.__module__ == name:
                    atheris.instrument_func(function)
                elif isinstance(function, type) and function.__module__ == name:
                    for method in vars(function).values():
                        if isinstance(method, FunctionType):
                            atheris.instrument_func(method)
    limits = [f"-max_total_time={int(seconds)}", f"-max_len={_LONGEST}", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup(
        [sys.argv[0], *limits, f"-artifact_prefix=crash-{engine}-"], lambda data: _one(engine, data, measured=False)
    )
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--atheris", action="store_true", help="be guided by coverage")
    parser.add_argument("--outcomes", type=int, default=0, metavar="N", help="print what comes of inputs 0 to N")
    chosen = parser.parse_args()
    if chosen.atheris:
        _guided(chosen.engine, chosen.seconds)  # libFuzzer has limits of its own
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    if chosen.outcomes:
        for data in [*kept(chosen.engine), *map(numbered, range(chosen.outcomes))]:
            print(check(chosen.engine, data))
        return
    form = "compiled" if is_compiled() else "interpreted"
    print(f"{chosen.engine}, {form}: {_random(chosen.engine, chosen.seconds)} inputs, nothing found")


if __name__ == "__main__":
    main()
