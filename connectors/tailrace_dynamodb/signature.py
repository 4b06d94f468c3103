"""Signatures of AWS requests, version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""

from __future__ import annotations

import time
from hashlib import sha256
from hmac import digest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

_SERVICE = "dynamodb"


class Signer:
    """Signs POST requests to one endpoint; usable from several threads."""

    def __init__(self, host: str, path: str, region: str) -> None:
        self._host, self._path, self._region = host, path, region
        # A key is good for a day, and takes four digests to make.
        self._key = ("", "", b"")

    def sign(self, target: str, body: bytes, credentials: ReadOnlyCredentials, moment: float) -> bytes:
        """The headers that a request with this `X-Amz-Target` and body needs besides `Host`.

        Args:
            moment: seconds since 1970.
        """
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(moment))
        day = at[:8]
        token = credentials.token
        # By name, each once in what is signed.
        signed = (
            f"x-amz-date:{at}\n" + (f"x-amz-security-token:{token}\n" if token else "") + f"x-amz-target:{target}\n"
        )
        names = "host;x-amz-date;x-amz-security-token;x-amz-target" if token else "host;x-amz-date;x-amz-target"
        request = f"POST\n{self._path}\n\nhost:{self._host}\n{signed}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{day}/{self._region}/{_SERVICE}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = digest(self._day_key(str(credentials.secret_key), day), text.encode(), "sha256").hex()
        headers = signed.replace("\n", "\r\n")
        return (
            f"{headers}Authorization: AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}\r\n"
        ).encode()

    def _day_key(self, secret: str, day: str) -> bytes:
        known_secret, known_day, key = self._key
        if (known_secret, known_day) != (secret, day):
            key = digest(b"AWS4" + secret.encode(), day.encode(), "sha256")
            for part in (self._region, _SERVICE, "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._key = (secret, day, key)
        return key
