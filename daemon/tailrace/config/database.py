"""Settings of a source or sink that is reached by a database URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from pydantic import Field, model_validator

from tailrace.config.interpolation import Interpolated
from tailrace.config.problems import refusal
from tailrace.config.settings import Settings
from tailrace.config.tls import Tls
from tailrace.config.url import DatabaseUrl
from tailrace.errors import ConfigError


class DatabaseSettings(Settings):
    """`schemes` are the URL schemes that the connector takes."""

    schemes: ClassVar[tuple[str, ...]] = ()

    url: Interpolated
    tls: Tls | None = Field(
        default=None,
        description="TLS on the connection; absent: as the server and the driver agree, nothing is verified.",
        examples=[{"mode": "verify-full", "ca": "/etc/tailrace/ca.pem"}],
    )

    def database_url(self) -> DatabaseUrl:
        """The URL with its secrets resolved.

        Raises:
            ConfigError: a secret is missing, or this is no URL for the connector.
        """
        text = self.url.get()
        try:
            return self._parse(text)
        except ConfigError as error:
            raise ConfigError(error.what, where=self.url.where, fix=error.fix) from None

    def check_url(self, url: DatabaseUrl) -> None:
        """What a connector demands of its URL besides the scheme; raises ConfigError without `where`."""

    def resolve(self) -> Iterator[ConfigError]:
        missing = list(super().resolve())
        yield from missing
        if not missing:
            try:
                self.database_url()
            except ConfigError as error:
                yield error
        if self.tls:
            yield from self.tls.resolve()

    def _parse(self, text: str) -> DatabaseUrl:
        url = DatabaseUrl.parse(text, self.schemes)
        self.check_url(url)
        return url

    @model_validator(mode="after")
    def _check_literal_url(self) -> Self:
        # A URL without placeholders is judged at once; the others when their secrets are resolved.
        if self.url.literal:
            try:
                self._parse(self.url.get())
            except ConfigError as error:
                raise refusal(error.what, error.fix, key="url") from None
        return self
