"""A consumer's process that notes when each message arrives: its arguments are BOOTSTRAP TOPIC COUNT FILE.

It reads committed, with librdkafka's own settings but for no waiting: what is there is handed over at once.
"""

from __future__ import annotations

import json
import sys
import time

import orjson
from confluent_kafka import Consumer, TopicPartition

_IDLE_SECONDS = 60.0


def note(bootstrap: str, topic: str, count: int) -> list[tuple[int, int, int]]:
    """Id, microseconds since 1970 in the row's `at_us`, and at arrival, of so many inserted rows.

    Fewer if nothing comes for a minute.
    """
    settings = {"group.id": "arrivals", "isolation.level": "read_committed", "auto.offset.reset": "error"}
    consumer = Consumer({"bootstrap.servers": bootstrap, "fetch.wait.max.ms": 100, **settings})
    consumer.assign([TopicPartition(topic, 0, 0)])
    arrived: list[tuple[int, bytes]] = []
    inserts = 0
    while inserts < count:
        message = consumer.poll(_IDLE_SECONDS)
        if message is None:
            break
        value = message.value()
        if value is not None and message.error() is None:
            arrived.append((time.time_ns() // 1000, value))
            # The rows are parsed when all are there. Deletes and control events are short work for a search.
            inserts += b'"op":"c"' in value
    consumer.close()
    rows = [(now, orjson.loads(value)) for now, value in arrived]
    return [(row["after"]["id"], row["after"]["at_us"], now) for now, row in rows if row.get("op") == "c"]


if __name__ == "__main__":
    _, server, name, number, file = sys.argv
    found = note(server, name, int(number))
    with open(file, "w") as output:
        json.dump(found, output)
