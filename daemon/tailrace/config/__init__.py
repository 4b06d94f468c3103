"""The pipeline file: one TOML file is one pipeline.

`load` validates everything that can be known without opening anything and without reading a secret; what a command
then needs it takes from `Pipeline`, which resolves secrets only where they are used.
"""

from tailrace.config.database import DatabaseSettings
from tailrace.config.interpolation import Interpolated
from tailrace.config.pipeline import Pipeline
from tailrace.config.problems import ConfigErrors
from tailrace.config.reading import load, parse
from tailrace.config.settings import Settings, SinkSettings, SourceSettings, StreamSettings
from tailrace.config.tls import Tls
from tailrace.config.url import DatabaseUrl

__all__ = [
    "ConfigErrors",
    "DatabaseSettings",
    "DatabaseUrl",
    "Interpolated",
    "Pipeline",
    "Settings",
    "SinkSettings",
    "SourceSettings",
    "StreamSettings",
    "Tls",
    "load",
    "parse",
]
