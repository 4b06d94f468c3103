"""CPU and memory of process trees."""

from __future__ import annotations

import os
import sys

import pytest

from benchmarks.processes import ContenderError, Program, cpu_seconds, run, tree

BUSY = "import time\nwhile time.process_time() < {}: pass\n"


def test_cpu_and_memory_of_a_child_of_the_program_count() -> None:
    child = f"x = bytearray(80 << 20)\n{BUSY.format(0.4)}"
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}, '--worker=capture'])"
    done = run([sys.executable, "-c", program])
    assert done.cpu_seconds >= 0.4
    assert done.workers_mb["capture"] >= 80
    assert done.peak_mb > done.workers_mb["capture"]


def test_cpu_of_a_living_tree_includes_children_that_have_ended() -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY.format(0.3)!r}])\nprint(1, flush=True)"
    with Program([sys.executable, "-c", code + "\nimport time; time.sleep(60)"]) as program:
        while cpu_seconds(program.pid) < 0.3 or len(tree(program.pid)) > 1:
            assert program.alive()


def test_a_program_that_fails_is_an_error_with_its_output() -> None:
    with pytest.raises(ContenderError, match=r"ended with 3:\nit broke"):
        run([sys.executable, "-c", "import sys; print('it broke'); sys.exit(3)"])


def test_a_program_does_not_outlive_its_block() -> None:
    with pytest.raises(KeyboardInterrupt), Program([sys.executable, "-c", "import time; time.sleep(60)"]) as program:
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(program.pid, 0)
