"""The DynamoDB sink's positions: one owner, one stream."""

from __future__ import annotations

import pytest

from tailrace.errors import DataLossError, OwnershipLostError, StuckError
from tailrace.sink import TableWork
from tailrace.stream import Partition
from tests.servers import DynamoDB
from tests.sinks import PARTITION, STREAM, Applied, change, target, text, upserts
from tests.sinks.dynamodb import USERS, MakeSink
from tests.sinks.sharing import workers_own_their_topics


def test_positions_are_kept_per_sink_and_partition(make_sink: MakeSink) -> None:
    one, two = make_sink(name="one"), make_sink(name="two")
    assert one.open(STREAM) == {} == two.open(STREAM)
    positions = {Partition("p.shop.users#x", number): 10 * number for number in range(3)}
    one.commit(positions)
    one.commit({Partition("p.shop.users#x", 1): 11})
    two.commit({PARTITION: 7})
    two.commit({})
    assert make_sink(name="one").open(STREAM) == {**positions, Partition("p.shop.users#x", 1): 11}
    assert make_sink(name="two").open(STREAM) == {PARTITION: 7}


def test_a_worker_that_was_replaced_cannot_move_positions(make_sink: MakeSink) -> None:
    old = Applied(make_sink())
    old.commit()
    new = Applied(make_sink())
    assert new.offset == 1
    with pytest.raises(OwnershipLostError, match="sink kv of pipeline shop"):
        old.commit()
    new.commit()
    fresh, later = make_sink(name="fresh"), make_sink(name="fresh")
    assert fresh.open(STREAM) == {} == later.open(STREAM)
    with pytest.raises(OwnershipLostError):
        fresh.commit({PARTITION: 5})
    with pytest.raises(OwnershipLostError):
        fresh.commit({})
    later.commit({PARTITION: 6})


def test_positions_of_another_stream_are_refused(make_sink: MakeSink) -> None:
    Applied(make_sink()).commit()
    with pytest.raises(DataLossError, match="another stream"):
        make_sink().open("stream-2")


def test_teardown_takes_positions_and_nothing_else(make_sink: MakeSink, dynamodb: DynamoDB, prefix: str) -> None:
    one, two = Applied(make_sink(name="one")), Applied(make_sink(name="two"))
    one.ensure(USERS)
    one(upserts(USERS, {"id": 1, "name": "a", "age": 1}))
    two.commit()
    sink = make_sink(name="one")
    assert len(sink.teardown(dry_run=True)) == 1
    assert "sink one" in sink.teardown(dry_run=False)[0]
    assert sink.teardown(dry_run=False) == []
    two.commit()
    assert make_sink(name="two").teardown(dry_run=False)
    names = dynamodb.client().list_tables()["TableNames"]
    assert prefix + "_tailrace_positions" not in names
    assert len(list(sink.rows(USERS))) == 1
    assert make_sink(name="two").teardown(dry_run=False) == []


def test_a_missing_table_has_no_rows(make_sink: MakeSink) -> None:
    assert list(make_sink().rows(USERS)) == []
    with pytest.raises(StuckError, match="needs a key"):
        list(make_sink().rows(target("keyless", [text(1, "a")])))
    with pytest.raises(ValueError, match="not ensured"):
        Applied(make_sink()).sink.apply([TableWork(USERS, sequential=[change("c", None, {})])])


def test_workers_that_share_the_sink_own_their_topics(make_sink: MakeSink) -> None:
    workers_own_their_topics(make_sink)


def test_a_table_is_made_anew_by_its_owner_alone(make_sink: MakeSink) -> None:
    first, second = make_sink(), make_sink()
    first.open(STREAM, {USERS.topic})
    first.ensure(USERS, None)
    second.open(STREAM, {USERS.topic})
    second.ensure(USERS, None)
    second.apply([upserts(USERS, {"id": 1, "name": "a", "age": 1})])
    with pytest.raises(OwnershipLostError):
        first.drop(USERS)
    assert len(list(second.rows(USERS))) == 1
