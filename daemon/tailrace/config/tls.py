"""TLS towards a database: the `tls` table of a source or a sink, and how the drivers want it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from tailrace.config.problems import refusal
from tailrace.config.settings import Settings
from tailrace.errors import ConfigError


class Tls(Settings):
    """`tls = { mode = "verify-full", ca = "…", cert = "…", key = "…" }`."""

    mode: Literal["require", "verify-ca", "verify-full"] = Field(
        description="`require` encrypts only; `verify-ca` also checks that `ca` signed the server's certificate; "
        "`verify-full` checks besides that the certificate is for the url's host.",
        examples=["verify-full"],
    )
    ca: str | None = Field(
        default=None,
        min_length=1,
        description="File with the trusted certificates (PEM). Default: the system's, for `verify-full` only.",
        examples=["/etc/tailrace/ca.pem"],
    )
    cert: str | None = Field(
        default=None,
        min_length=1,
        description="File with our own certificate (PEM).",
        examples=["/etc/tailrace/client.pem"],
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        description="File with its private key (PEM). Default: `cert` holds it too.",
        examples=["/etc/tailrace/client.key"],
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mode == "verify-ca" and not self.ca:
            # Any certificate that any public authority ever signed would pass.
            raise refusal("verify-ca needs a certificate authority of your own", "add ca", key="ca")
        if self.key and not self.cert:
            raise refusal("there is a key but no certificate", "add cert, or remove key", key="key")
        return self

    def resolve(self) -> Iterator[ConfigError]:
        """Whether the files are there and readable."""
        for name in ("ca", "cert", "key"):
            if path := getattr(self, name):
                try:
                    with open(path, "rb"):
                        pass
                except OSError as error:
                    yield self._unusable(name, error)

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
            raise self._unusable("ca", error) from None
        try:
            if self.cert:
                # An empty password keeps OpenSSL from asking for one at the terminal.
                context.load_cert_chain(self.cert, self.key, password="")
        except OSError as error:
            raise self._unusable("cert", error) from None
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

    def _unusable(self, key: str, error: OSError) -> ConfigError:
        path = getattr(self, key)
        if isinstance(error, ssl.SSLError):
            what, fix = f"{path} holds no certificate and key that fit", "give an unencrypted PEM file"
        elif isinstance(error, PermissionError):
            what, fix = f"no permission to read {path}", "let tailrace's user read it"
        elif isinstance(error, FileNotFoundError):
            what, fix = f"there is no file {path}", "correct the path"
        else:
            what, fix = f"cannot read {path}: {error.strerror}", "correct the path"
        return ConfigError(what, where=self.where(key), fix=fix)
