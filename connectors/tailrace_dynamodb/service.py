"""Requests to DynamoDB: sent again while time can mend what is wrong, else turned into tailrace's errors.

Writes, of which there are many, go over the wire by themselves (`wire`), at a pace that the service sets (`pace`). The
SDK's own retries are off: they would neither be bounded by our time nor tell a throttled request from a lost one.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
from botocore.httpsession import get_cert_path
from botocore.utils import get_environ_proxies

from tailrace import __version__
from tailrace.errors import (
    ConfigError,
    RefusedError,
    StuckError,
    TailraceError,
    UnreachableError,
    ValueRefusedError,
)
from tailrace_dynamodb.pace import Pace
from tailrace_dynamodb.settings import DynamoDBSinkSettings
from tailrace_dynamodb.wire import ANSWER_SECONDS, CONNECT_SECONDS, TOO_LARGE, Wire

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: A request is sent again for so long: the service or the network is down; or it asks us to slow down.
OUTAGE_SECONDS, THROTTLED_SECONDS = 8.0, 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 3.0
#: The client's method, and the operation that it asks for.
_WIRED = {"put_item": "PutItem", "update_item": "UpdateItem", "batch_write_item": "BatchWriteItem"}

_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "LimitExceededException",
}
_OUTAGE = {
    "InternalServerError",
    "ServiceUnavailable",
    "InternalFailure",
    "RequestTimeout",
    "TransactionInProgressException",
    "TransactionConflictException",
}
_LOGIN = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, an AWS profile, or the machine's role"
_REFUSED = {
    "AccessDeniedException": ("the AWS user lacks a permission", "run `tailrace check` and allow what it lists"),
    "UnrecognizedClientException": ("the AWS access key is not known", _LOGIN),
    "InvalidSignatureException": ("the AWS secret key is wrong", _LOGIN),
    "IncompleteSignature": ("the AWS access key is malformed", _LOGIN),
    "IncompleteSignatureException": ("the AWS access key is malformed", _LOGIN),
    "MissingAuthenticationToken": ("the request has no AWS login", _LOGIN),
    "MissingAuthenticationTokenException": ("the request has no AWS login", _LOGIN),
    "ExpiredTokenException": ("the AWS login has expired", "renew it"),
    "SignatureDoesNotMatch": ("the AWS secret key is wrong", _LOGIN),
    "NotAuthorized": ("the AWS user lacks a permission", "run `tailrace check` and allow what it lists"),
    "OptInRequired": ("the AWS account does not use DynamoDB in this region", "correct the region, or opt in"),
}


class Service:
    """One endpoint; usable from several threads.

    Args:
        patient: False for `check`, which says at once what is wrong.
    """

    def __init__(self, settings: DynamoDBSinkSettings, patient: bool = True) -> None:
        self._patient = patient
        self._closed = threading.Event()
        self.pace = Pace(settings.concurrency)
        endpoint = settings.endpoint_url.get() if settings.endpoint_url else None
        agent = f"tailrace/{__version__}"
        try:
            core = botocore.session.get_session()
            session = boto3.Session(botocore_session=core)
            # A service that is not AWS's has no regions, but the signature names one.
            region = settings.region or session.region_name or ("us-east-1" if endpoint else None)
            self.where = endpoint or f"dynamodb.{region}.amazonaws.com"
            self.client: DynamoDBClient = session.client(
                "dynamodb",
                region_name=region,
                endpoint_url=endpoint,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=ANSWER_SECONDS,
                    retries={"total_max_attempts": 1},
                    max_pool_connections=settings.concurrency,
                    parameter_validation=False,
                    tcp_keepalive=True,
                    # A text of our own also spares the SDK from composing a long one for each request.
                    user_agent=agent,
                ),
            )
            self._wire = _wire(core, self.client, agent)
        except (BotoCoreError, ValueError) as error:
            raise _misconfigured(error) from None

    def close(self) -> None:
        self._closed.set()
        self.client.close()
        if self._wire is not None:
            self._wire.close()

    def send(self, operation: str, table: str, **parameters: Any) -> dict[str, Any]:
        """The answer.

        Args:
            operation: the client's method, ``"put_item"``.
            table: for messages.

        Raises:
            ClientError: ConditionalCheckFailedException, ResourceNotFoundException, ResourceInUseException, for the
                caller to judge.
            UnreachableError, RefusedError, ValueRefusedError, StuckError: everything else, as named.
        """
        started = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            with self.pace.turn() as turn:
                try:
                    answer = self._ask(operation, parameters)
                    turn.taken = True
                    turn.throttled = bool(answer.get("UnprocessedItems"))
                    return answer
                except (ClientError, BotoCoreError) as error:
                    turn.throttled = throttled = is_throttled(error)
                    if isinstance(error, ClientError) and code_of(error) in _FOR_THE_CALLER:
                        turn.taken = True
                        raise
                    failure = self._translate(error, table)
            # A table that is too small for us takes one request after the other: as long as it takes any, all is well.
            since = max(started, self.pace.taken_at) if throttled else started
            patience = THROTTLED_SECONDS if throttled else OUTAGE_SECONDS
            if not failure.retryable or not self._patient or time.monotonic() - since + pause > patience:
                raise failure
            pause = self.pause(pause)

    def _ask(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if self._wire is not None and operation in _WIRED:
            return self._wire.request(_WIRED[operation], parameters)
        answer: dict[str, Any] = getattr(self.client, operation)(**parameters)
        return answer

    def pause(self, seconds: float) -> float:
        """Waits for about that long, ends early at `close`; returns how long to wait the next time."""
        self._closed.wait(seconds * random.uniform(0.5, 1.0))
        return min(seconds * 2, _LONGEST_PAUSE)

    def slowed_down(self, place: str, reason: str) -> UnreachableError:
        """The error where the service has taken nothing for too long."""
        return UnreachableError(
            f"DynamoDB keeps slowing us down ({reason})",
            where=place,
            fix="raise the table's capacity, or use on-demand capacity",
        )

    def _translate(self, error: ClientError | BotoCoreError, table: str) -> TailraceError:
        place = f"{self.where}, table {table}" if table else self.where
        if not isinstance(error, ClientError):
            return _misconfigured(error) if isinstance(error, _LOGIN_ERRORS) else self._unreachable(error)
        code = code_of(error)
        if is_throttled(error):
            return self.slowed_down(place, code)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _OUTAGE or status >= 500:
            return UnreachableError(f"DynamoDB fails ({code})", where=place, fix="it is tried again")
        if code in _REFUSED:
            what, fix = _REFUSED[code]
            return RefusedError(f"{what} ({code})", where=place, fix=fix)
        message = str(error.response.get("Error", {}).get("Message", "")).lower()
        if code in (TOO_LARGE, "ItemCollectionSizeLimitExceededException") or (
            code == "ValidationException" and "size" in message
        ):
            return ValueRefusedError(
                "a row is larger than DynamoDB's 400 KB",
                where=place,
                fix="leave the table out of this sink, or keep large values elsewhere",
            )
        if code == "ValidationException" and ("number" in message or "digits" in message):
            return ValueRefusedError(
                "a number does not fit DynamoDB's 38 digits", where=place, fix="leave the table out of this sink"
            )
        return StuckError(f"DynamoDB refused a request ({code})", where=place, fix="see AWS's list of DynamoDB errors")

    def _unreachable(self, error: BotoCoreError) -> UnreachableError:
        return UnreachableError(
            f"cannot reach DynamoDB ({type(error).__name__})",
            where=self.where,
            fix="see whether it runs, and whether endpoint_url or region is right",
        )


_FOR_THE_CALLER = {
    "ConditionalCheckFailedException",
    "ResourceNotFoundException",
    "ResourceInUseException",
}
_LOGIN_ERRORS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    ProfileNotFound,
)


def _wire(core: botocore.session.Session, client: DynamoDBClient, agent: str) -> Wire | None:
    """None where a proxy stands between, which the SDK knows how to talk to."""
    endpoint = client.meta.endpoint_url
    if get_environ_proxies(endpoint).get(endpoint.partition(":")[0]):
        return None
    credentials = core.get_credentials()
    trusted = str(core.get_config_variable("ca_bundle") or get_cert_path(True))
    current = credentials.get_frozen_credentials if credentials else None
    return Wire(endpoint, client.meta.region_name, current, trusted, agent)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "?"))


def is_throttled(error: Exception) -> bool:
    return isinstance(error, ClientError) and code_of(error) in _THROTTLED


def _misconfigured(error: Exception) -> TailraceError:
    if isinstance(error, NoRegionError):
        return ConfigError("no AWS region is given", where="dynamodb sink", fix="add region, or set AWS_DEFAULT_REGION")
    if isinstance(error, NoCredentialsError):
        return RefusedError(
            "there is no AWS login", where="dynamodb sink", fix=f"{_LOGIN}; a local DynamoDB takes any key"
        )
    if isinstance(error, _LOGIN_ERRORS):
        return RefusedError(f"the AWS login cannot be read ({type(error).__name__})", where="dynamodb sink", fix=_LOGIN)
    return ConfigError(
        f"the AWS settings are wrong ({type(error).__name__})",
        where="dynamodb sink",
        fix="correct endpoint_url or region",
    )
