"""`python -m benchmarks.load_indexes [ROWS]`: a full load with indexes made before its rows, after them, or not at all.

A MariaDB table with three secondary indexes, one of them unique, into PostgreSQL and into MySQL, through the embedded
stream; seconds of `tailrace run --until-caught-up`, the processes' start included.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import servers
from tests.pipelines import text
from tests.servers import Database

TARGETS = ("postgres18", "mysql")
SETTINGS = ("none", "after", "before")
_TABLE = (
    "CREATE TABLE people (id BIGINT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(60) NOT NULL, city VARCHAR(40),"
    " born DATE, amount DECIMAL(12,2), note VARCHAR(100),"
    " UNIQUE KEY email (email), KEY city (city, born), KEY amount (amount))"
)
# In no order of the key, as emails and amounts are.
_ROWS = (
    "INSERT INTO people (email, city, born, amount, note) SELECT CONCAT(MD5(seq), '@example.org'),"
    " CONCAT('city ', CRC32(seq) % 5000), '1950-01-01' + INTERVAL (CRC32(seq + 7) % 20000) DAY,"
    " (CRC32(seq + 11) % 100000000) / 100, REPEAT('x', 50) FROM seq_1_to_{rows}"
)


def main(rows: int) -> int:
    """Prints a Markdown table."""
    print("| target | indexes | seconds | rows/s |\n| --- | --- | ---: | ---: |")
    with servers.start("mariadb") as origin, origin.database("load") as source:
        source.script(_TABLE, _ROWS.format(rows=rows))
        for kind in TARGETS:
            with servers.start(kind) as server:
                for setting in SETTINGS:
                    with server.database("target") as target:
                        seconds = _load(source, target, setting, rows)
                    print(f"| {kind} | {setting} | {seconds:.1f} | {rows / seconds:,.0f} |", flush=True)
    return 0


def _load(source: Database, target: Database, indexes: str, rows: int) -> float:
    with TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "pipeline.toml"
        load = f'[load]\nindexes = "{indexes}"\n'
        file.write_text(text.pipeline(folder, text.source(source.url), text.sink("target", target.url), load))
        command = [sys.executable, "-m", "tailrace.cli"]
        started = time.perf_counter()
        with (folder / "log").open("wb") as log:
            subprocess.run([*command, "run", str(file), "--until-caught-up"], check=True, stderr=log, stdout=log)
        seconds = time.perf_counter() - started
        assert target.value("SELECT count(*) FROM people") == rows
        subprocess.run([*command, "teardown", str(file), "--yes"], check=True, capture_output=True)
    return seconds


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
