"""TLS towards a database: the `tls` table of a source or a sink, and how the drivers want it."""

from __future__ import annotations

import ssl
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tailrace.config.problems import refusal
from tailrace.errors import ConfigError


class Tls(BaseModel):
    """`tls = { mode = "verify-full", ca = "…", cert = "…", key = "…" }`.

    Attributes:
        mode: "require" encrypts only; "verify-ca" also checks that `ca` signed the server's certificate;
            "verify-full" checks besides that it is the certificate of the url's host.
        ca: file with the trusted certificates (PEM); verify-full without it trusts the system's.
        cert: file with our own certificate.
        key: file with its private key; default: `cert` holds it too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    mode: Literal["require", "verify-ca", "verify-full"] = Field(examples=["verify-full"])
    ca: str | None = Field(default=None, examples=["/etc/tailrace/ca.pem"])
    cert: str | None = Field(default=None, examples=["/etc/tailrace/client.pem"])
    key: str | None = Field(default=None, examples=["/etc/tailrace/client.key"])

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mode == "verify-ca" and not self.ca:
            # Any certificate that any public authority ever signed would pass.
            raise refusal("verify-ca needs a certificate authority of your own", "add ca", key="ca")
        if self.key and not self.cert:
            raise refusal("there is a key but no certificate", "add cert, or remove key", key="key")
        return self

    def ssl_context(self) -> ssl.SSLContext:
        """For drivers that take Python's own TLS (PyMySQL).

        Raises:
            ConfigError: a file is missing, unreadable or no PEM.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = self.mode == "verify-full"
        context.verify_mode = ssl.CERT_NONE if self.mode == "require" else ssl.CERT_REQUIRED
        try:
            if self.ca:
                context.load_verify_locations(cafile=self.ca)
            elif self.mode != "require":
                context.load_default_certs()
        except OSError as error:
            raise _unusable("ca", self.ca, error) from None
        try:
            if self.cert:
                # The empty password keeps OpenSSL from asking for one at the terminal.
                context.load_cert_chain(self.cert, self.key, password="")
        except OSError as error:
            raise _unusable("cert", self.cert, error) from None
        return context

    def libpq(self) -> dict[str, str]:
        """Connection parameters for libpq (psycopg2)."""
        parameters: dict[str, str] = {"sslmode": self.mode}
        if self.ca:
            parameters["sslrootcert"] = self.ca
        elif self.mode == "verify-full":
            parameters["sslrootcert"] = "system"
        if self.cert:
            parameters["sslcert"] = self.cert
            parameters["sslkey"] = self.key or self.cert
        return parameters


def _unusable(key: str, path: str | None, error: OSError) -> ConfigError:
    reason = "no permission" if isinstance(error, PermissionError) else error.strerror or "not a PEM file"
    return ConfigError(
        f"the TLS file cannot be used: {reason}", where=f"tls.{key} = {path}", fix="give a readable PEM file"
    )
