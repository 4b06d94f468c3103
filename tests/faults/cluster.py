"""Three brokers on one machine, each a controller too."""

from __future__ import annotations

import base64
import contextlib
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.servers import Kafka, wait_until
from tests.servers.process import free_port

NODES = 3
_OPTIONS = {
    "default.replication.factor": NODES,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": NODES,
    "transaction.state.log.replication.factor": NODES,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": NODES,
    "share.coordinator.state.topic.min.isr": 2,
    "controller.quorum.election.timeout.ms": 1000,
    "controller.quorum.fetch.timeout.ms": 2000,
}


class Node(Kafka):
    """One of them. `controllers`: the ports of all, by node."""

    def __init__(self, number: int, controllers: dict[int, int]) -> None:
        super().__init__({**_OPTIONS})
        self.number = number
        self._controllers = controllers

    def prepare(self) -> None:
        """The template is another node's."""
        super().prepare()
        (meta,) = (self.folder / "data").glob("meta.properties")
        directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        text = re.sub(r"(?m)^node\.id=.*$", f"node.id={self.number}", meta.read_text())
        meta.write_text(re.sub(r"(?m)^directory\.id=.*$", f"directory.id=t{directory[1:]}", text))

    def properties(self, logs: Path) -> str:
        """The last line with a name counts."""
        own = self._controllers[self.number]
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in self._controllers.items())
        return super().properties(logs) + (
            f"node.id={self.number}\n"
            f"controller.quorum.voters={voters}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{own}\n"
        )


class Cluster:
    """The nodes by number."""

    def __init__(self, nodes: dict[int, Node]) -> None:
        self.nodes = nodes

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes.values())

    def leader(self, topic: str) -> int:
        """The broker that leads the topic's first partition, as one that runs has it."""
        return int(self._partition(topic).leader)

    def in_sync(self, topic: str) -> int:
        return len(self._partition(topic).isrs)

    def _partition(self, topic: str) -> Any:
        node = next(node for node in self.nodes.values() if node._process is not None)
        return node.admin().list_topics(topic, timeout=10).topics[topic].partitions[0]

    def await_leader(self, topic: str, other_than: int) -> int:
        def found() -> int:
            leader = self.leader(topic)
            return leader if leader not in (other_than, -1) else 0

        return wait_until(found, 60, f"{topic} has another leader than {other_than}")


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Running; none of them comes up before two do."""
    controllers = {number: free_port() for number in range(1, NODES + 1)}
    nodes = {number: Node(number, controllers) for number in controllers}
    try:
        with ThreadPoolExecutor(NODES) as threads:
            for started in [threads.submit(node.start) for node in nodes.values()]:
                started.result()
        yield Cluster(nodes)
    finally:
        for node in nodes.values():
            node.stop()
