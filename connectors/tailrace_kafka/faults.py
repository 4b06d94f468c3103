"""What went wrong in librdkafka, told in our words."""

from __future__ import annotations

import re
import time

from confluent_kafka import KafkaError, KafkaException

from tailrace.errors import ConfigError, RefusedError, StuckError, TailraceError, UnreachableError

#: Without any progress for this long a cluster counts as out of reach; librdkafka itself would try for ever.
STALL_SECONDS = 20.0
#: The first connection either comes about soon or the address is wrong.
CONNECT_SECONDS = 10.0

_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_TRANSACTION_TIMEOUT,
        KafkaError.INVALID_SESSION_TIMEOUT,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError._UNSUPPORTED_FEATURE,
        KafkaError.TOPIC_DELETION_DISABLED,
    }
)
_FIXES = {
    KafkaError._AUTHENTICATION: "check the sasl.* properties of [stream.kafka]",
    KafkaError.SASL_AUTHENTICATION_FAILED: "check the sasl.* properties of [stream.kafka]",
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "check sasl.mechanism in [stream.kafka]",
    KafkaError._SSL: "check the ssl.* properties of [stream.kafka] and the broker's certificate",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant Create, Describe, Read and Write on the pipeline's topics",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant Read on the groups with the prefix tailrace.",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "grant IdempotentWrite, and Create or make the topics by hand",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "grant Describe and Write on the transactional ids with the prefix tailrace."
    ),
    KafkaError.INVALID_REPLICATION_FACTOR: "lower stream.replication_factor",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "lower transaction.timeout.ms in [stream.kafka]",
    KafkaError.INVALID_SESSION_TIMEOUT: (
        "set session.timeout.ms in [stream.kafka] within the broker's group.min.session.timeout.ms and"
        " group.max.session.timeout.ms"
    ),
    KafkaError.TOPIC_DELETION_DISABLED: "delete the topics by hand",
}
TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
#: Another producer with the same transactional id has begun, or the coordinator gave this one up.
FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
#: The cluster does not answer; librdkafka goes on trying by itself.
NO_ANSWER = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
    }
)
_STATE = re.compile(r" \(after \d+ms in state [^()]*(\(s\)[^()]*)?\)")


class Faults:
    """What librdkafka reports of its connections by callback, since something last went well."""

    def __init__(self, where: str) -> None:
        self.where = where
        #: When trouble began, by the monotonic clock; None: there is none.
        self.since: float | None = None
        self._refusal: KafkaError | None = None
        self._cause = ""

    def note(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        if self.since is None:
            self.since = time.monotonic()
        if error.code() in _REFUSALS:
            self._refusal = error
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._cause = text(error)

    def clear(self) -> None:
        self.since = None
        self._refusal = None
        self._cause = ""

    def raise_refusal(self) -> None:
        if self._refusal is not None:
            raise explain(self._refusal, self.where)

    def unreachable(self, seconds: float = 0.0) -> UnreachableError:
        """`seconds`: how long an answer was waited for, where that says anything."""
        cause = f": {self._cause}" if self._cause else ""
        waited = f" within {seconds:g} s" if seconds else ""
        fix = "see whether the brokers run and bootstrap.servers in [stream.kafka] is right"
        return UnreachableError(f"no answer{waited}{cause}", where=self.where, fix=fix)


def text(error: KafkaError) -> str:
    """librdkafka's words, without its own bookkeeping."""
    return _STATE.sub("", str(error.str())).replace("/bootstrap", "").strip()


def error_of(exception: KafkaException) -> KafkaError:
    error = exception.args[0]
    assert isinstance(error, KafkaError)
    return error


def explain(error: KafkaError, where: str) -> TailraceError:
    code = error.code()
    if code == KafkaError._INVALID_ARG:
        return ConfigError(text(error), where="[stream.kafka]", fix="see librdkafka's CONFIGURATION.md")
    if code in _REFUSALS:
        return RefusedError(text(error), where=where, fix=_FIXES.get(code, ""))
    if code in TOO_LARGE:
        return StuckError(text(error), where=where, fix="raise max.message.bytes of the topic")
    return UnreachableError(text(error), where=where)
