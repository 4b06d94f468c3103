"""A writer that keeps to a rate, inside the source's server: it costs the machine little besides the commits.

Each transaction inserts one row with the server's own clock in `at_us` (microseconds since 1970), read just before the
commit: the time that the commit itself takes counts, and clocks are those of one machine. Where the writer is ahead of
its schedule it sleeps (PostgreSQL's in whole milliseconds, so that two or three transactions follow each other); where
it is behind it goes on at once.
"""

from __future__ import annotations

from benchmarks.works import Work, is_mysql
from tests.servers import Database

_MYSQL = """
CREATE PROCEDURE paced (rate INT, number INT)
BEGIN
  DECLARE i INT DEFAULT 0;
  DECLARE began, ahead DOUBLE;
  SET began = UNIX_TIMESTAMP(SYSDATE(6));
  WHILE i < number DO
    SET ahead = began + i / rate - UNIX_TIMESTAMP(SYSDATE(6));
    IF ahead > 0 THEN DO SLEEP(ahead); END IF;
    INSERT INTO bench_01 (id, n, at_us, name, amount)
      VALUES (i + 1, i, CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED), REPEAT('x', 60), i * 1.25);
    SET i = i + 1;
  END WHILE;
END
"""
_POSTGRES = """
CREATE PROCEDURE paced (rate int, number int) LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); ahead double precision;
BEGIN
  FOR i IN 0..number - 1 LOOP
    ahead := extract(epoch FROM began - clock_timestamp()) + i::double precision / rate;
    IF ahead > 0 THEN PERFORM pg_sleep(ahead); END IF;
    INSERT INTO bench_01 (id, n, at_us, name, amount)
      VALUES (i + 1, i, extract(epoch FROM clock_timestamp()) * 1000000, repeat('x', 60), i * 1.25);
    COMMIT;
  END LOOP;
END $$
"""


class Paced(Work):
    """Single-row transactions at a rate; the row is short."""

    name = "latency"
    default_rows = 60_000
    title = "transactions of one inserted row, at a rate"

    def create(self, database: Database) -> None:
        """The tables and the writer."""
        kind = "DECIMAL(12,2)" if is_mysql(database) else "numeric(12,2)"
        database.script(
            "CREATE TABLE marker (id BIGINT PRIMARY KEY)",
            f"CREATE TABLE bench_01 (id BIGINT PRIMARY KEY, n INT, at_us BIGINT, name VARCHAR(64), amount {kind})",
            _MYSQL if is_mysql(database) else _POSTGRES,
        )

    def write(self, database: Database, rate: int) -> None:
        """Returns when all is written."""
        # Not `quick`: what PostgreSQL commits asynchronously is in nobody's sight for up to 200 ms.
        with database.connect().cursor() as cursor:
            cursor.execute("CALL paced(%s, %s)", (rate, self.rows))
