"""What is written in an afternoon with python-mysql-replication and psycopg2: events to dicts, to JSON, to a producer.

They are slow: one round each, on the first rows of the work only; their rate is of those. Run as a module, this is the
reader's process.
"""

from __future__ import annotations

import argparse
import json
import struct
from typing import Any

from confluent_kafka import Producer

from benchmarks import consumer
from benchmarks.contenders.limits import PUBLICATION, binlog_place, create_slot
from benchmarks.figures import Run, second_half_rate
from benchmarks.processes import ContenderError, python, run, server_cpu
from benchmarks.stage import KafkaStage
from tests.servers.sql import Login

MOST = {"bulk": 100_000, "huge": 100_000, "tables": 50_000, "single": 20_000, "wide": 10_000}
_MODULE = "benchmarks.contenders.naive"


class Naive:
    """A reader in a process of its own that stops after so many events."""

    rounds = 1
    kind: str

    def __init__(self, stage: KafkaStage) -> None:
        self.name = {"mysql": "python-mysql-replication", "postgres": "psycopg2"}[self.kind]
        self._stage = stage
        self._place: tuple[Any, ...] = ()

    def run(self, number: int) -> Run:
        """The first events; their number is what is checked."""
        stage = self._stage
        events = min(stage.work.rows, MOST[stage.work.name])
        topics = stage.topics("naive")
        order = (self.kind, stage.source.url, stage.kafka.bootstrap, "naive", stage.schema, events, *self._place)
        with server_cpu(**stage.servers) as servers:
            done = run(python(_MODULE, *order))
        arrived = consumer.arrived(stage.kafka, topics)
        if arrived.fold.events != events:
            raise ContenderError(f"{self.name}: {arrived.fold.events} of {events} events arrived")
        consumer.delete_topics(stage.kafka, topics)
        return Run(
            rows=events,
            seconds=max(arrived.times) - done.started,
            cpu_seconds=done.cpu_seconds,
            peak_rss_mb=done.peak_mb,
            more={"warm_rows_per_second": second_half_rate(arrived.times) or 0.0, **servers},
        )


class NaiveMySQL(Naive):
    """`BinLogStreamReader`."""

    kind = "mysql"

    def prepare(self, number: int) -> None:
        """The place in the log."""
        consumer.create_topics(self._stage.kafka, self._stage.topics("naive"))
        self._place = binlog_place(self._stage)


class NaivePostgres(Naive):
    """psycopg2's replication cursor."""

    kind = "postgres"

    def prepare(self, number: int) -> None:
        """A slot."""
        consumer.create_topics(self._stage.kafka, self._stage.topics("naive"))
        create_slot(self._stage, "naive")


class Out:
    """Sends so many events."""

    def __init__(self, bootstrap: str, prefix: str, events: int) -> None:
        properties = {"enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"}
        self._producer = Producer({"bootstrap.servers": bootstrap, **properties})
        self._prefix = prefix
        self.left = events

    def send(self, table: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """One event; further ones are dropped."""
        if self.left:
            self.left -= 1
            value = json.dumps({"before": before, "after": after}, default=str)
            topic, key = f"{self._prefix}.{table}", json.dumps({"id": after["id"]})
            try:
                self._producer.produce(topic, value, key)
            except BufferError:
                self._producer.poll(1)
                self._producer.produce(topic, value, key)
            self._producer.poll(0)

    def flush(self) -> None:
        """Waits for all acknowledgements."""
        self._producer.flush()


def read_mysql(url: str, schema: str, out: Out, file: str, position: int) -> None:
    """From a place in the binlog on."""
    from pymysqlreplication.binlogstream import BinLogStreamReader
    from pymysqlreplication.row_event import UpdateRowsEvent, WriteRowsEvent

    login = Login.parse(url, 3306)
    stream: Any = BinLogStreamReader(  # type: ignore[no-untyped-call]
        {"host": login.host, "port": login.port, "user": login.user, "passwd": login.password or ""},
        server_id=4242,
        log_file=file,
        log_pos=position,
        resume_stream=True,
        only_events=[WriteRowsEvent, UpdateRowsEvent],
        only_schemas=[schema],
        ignored_tables=["marker"],
    )
    for event in stream:
        for row in event.rows:
            if isinstance(event, UpdateRowsEvent):
                out.send(event.table, row["before_values"], row["after_values"])
            else:
                out.send(event.table, None, row["values"])
        if not out.left:
            break
    out.flush()
    stream.close()


class Done(Exception):
    """Enough was read."""


def read_postgres(url: str, out: Out) -> None:
    """The slot `naive`, every value as text but the key."""
    import psycopg2
    from psycopg2.extras import LogicalReplicationConnection

    cursor = psycopg2.connect(url, connection_factory=LogicalReplicationConnection).cursor()
    options = {"proto_version": "1", "publication_names": PUBLICATION}
    cursor.start_replication(slot_name="naive", options=options, decode=False)
    relations: dict[int, tuple[str, list[str]]] = {}

    def on_message(message: Any) -> None:
        payload: bytes = message.payload
        kind = payload[:1]
        if kind == b"R":
            number, table, columns = relation(payload)
            relations[number] = (table, columns)
        elif kind in (b"I", b"U"):
            table, columns = relations[struct.unpack_from(">I", payload, 1)[0]]
            before, at = None, 5
            if payload[at : at + 1] in (b"O", b"K"):
                before, at = values(payload, at + 1, columns)
            after, _ = values(payload, at + 1, columns)
            out.send(table, before, after)
            if not out.left:
                raise Done
        elif kind == b"C":
            message.cursor.send_feedback(flush_lsn=message.data_start)

    try:
        cursor.consume_stream(on_message)
    except Done:
        out.flush()


def relation(payload: bytes) -> tuple[int, str, list[str]]:
    """Number, name and columns of a relation message."""
    [number] = struct.unpack_from(">I", payload, 1)
    _, table, rest = payload[5:].split(b"\0", 2)
    [count] = struct.unpack_from(">h", rest, 1)
    columns, at = [], 3
    for _ in range(count):
        end = rest.index(b"\0", at + 1)
        columns.append(rest[at + 1 : end].decode())
        at = end + 9
    return number, table.decode(), columns


def values(payload: bytes, at: int, columns: list[str]) -> tuple[dict[str, Any], int]:
    """A tuple as a dict, and where it ends."""
    row: dict[str, Any] = {}
    at += 2
    for name in columns:
        kind = payload[at : at + 1]
        at += 1
        if kind == b"t":
            [length] = struct.unpack_from(">I", payload, at)
            text = payload[at + 4 : at + 4 + length].decode()
            row[name] = int(text) if name == "id" else text
            at += 4 + length
        else:
            row[name] = None
    return row, at


def main() -> None:
    """The reader's process."""
    parser = argparse.ArgumentParser()
    for name in ("kind", "url", "bootstrap", "prefix", "schema"):
        parser.add_argument(name)
    parser.add_argument("events", type=int)
    parser.add_argument("place", nargs="*")
    order = parser.parse_args()
    out = Out(order.bootstrap, f"{order.prefix}.{order.schema}", order.events)
    if order.kind == "mysql":
        read_mysql(order.url, order.schema, out, order.place[0], int(order.place[1]))
    else:
        read_postgres(order.url, out)


if __name__ == "__main__":
    main()
