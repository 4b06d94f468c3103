"""Doubles for tests of connectors and of pipelines: a stream in memory, and a source that is a script.

They are public: a third party's sink is tested against them as ours are.
"""

from tailrace.testing.script import Script
from tailrace.testing.stream import MemoryReader, MemoryStream

__all__ = ["MemoryReader", "MemoryStream", "Script"]
