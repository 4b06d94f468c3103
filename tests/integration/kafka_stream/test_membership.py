"""The workers of one sink as a consumer group: which has which topics, and when that counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tailrace.connectors import Context
from tailrace.errors import OwnershipLostError
from tailrace_kafka.ledger import TopicBegin
from tailrace_kafka.membership import SHARES, KafkaMembership
from tailrace_kafka.settings import KafkaStreamSettings
from tailrace_kafka.stream import KafkaStream
from tests import servers
from tests.servers import unique_name, wait_until

TOPICS = {f"p.shop.t{number}": TopicBegin("id", (0, 0), number) for number in range(12)}


@pytest.fixture
def stream(kafka: servers.Kafka) -> KafkaStream:
    properties = {"bootstrap.servers": kafka.bootstrap, "session.timeout.ms": 2000, "heartbeat.interval.ms": 300}
    settings = KafkaStreamSettings.model_validate({"connector": "kafka", "kafka": properties})
    return KafkaStream(settings, Context(unique_name("shop").replace("_", "-"), "cdc", Path()))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as members:
        yield members


def topics(member: KafkaMembership) -> set[str]:
    assert member.await_share(20)
    return {topic for topic, begin in TOPICS.items() if member.takes(topic, begin)}


def settle(*members: KafkaMembership) -> list[set[str]]:
    """What each has once all of it is theirs, and nobody's else."""
    wait_until(lambda: sum(len(topics(member)) for member in members) == len(TOPICS), 20, "the topics are shared out")
    shares = [topics(member) for member in members]
    assert set().union(*shares) == TOPICS.keys()
    for member in members:
        member.confirm()
        assert not member.changed()
    return shares


def test_topics_are_shared_out_whole_and_evenly(stream: KafkaStream, stack: ExitStack) -> None:
    one = stack.enter_context(closing(stream.join("kv")))
    assert settle(one) == [set(TOPICS)]
    other_sink = stack.enter_context(closing(stream.join("other")))
    assert settle(other_sink) == [set(TOPICS)], "each sink has a group of its own"
    two = stack.enter_context(closing(stream.join("kv")))
    wait_until(one.changed, 20, "the first one hears of it")
    assert [len(share) for share in settle(one, two)] == [6, 6]
    with closing(stream.join("kv")) as three:
        wait_until(lambda: one.changed() and two.changed(), 20, "both hear of it")
        assert [len(share) for share in settle(one, two, three)] == [4, 4, 4]
    wait_until(lambda: one.changed() and two.changed(), 20, "who leaves says so")
    assert [len(share) for share in settle(one, two)] == [6, 6]


def test_a_share_that_was_given_to_another_is_not_confirmed(stream: KafkaStream, stack: ExitStack) -> None:
    one = stack.enter_context(closing(stream.join("kv")))
    settle(one)
    two = stack.enter_context(closing(stream.join("kv")))
    assert topics(two)
    with pytest.raises(OwnershipLostError, match="shared out anew"):
        one.confirm()
    settle(one, two)


def test_topics_of_an_earlier_release_have_a_share_too() -> None:
    old = TopicBegin.from_json(b'{"id":"x","offsets":[7]}')
    assert old == TopicBegin("x", (7,))
    assert 0 <= old.share("shop.users", SHARES) < SHARES
    assert old.share("shop.users", SHARES) == old.share("shop.users", SHARES)
    assert TopicBegin.from_json(TopicBegin("x", (7,), 3).to_json()).number == 3
