"""Pipelines on Kafka, each with topics of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import servers
from tests.streams import Pipeline
from tests.streams.kafka import make_pipeline


@pytest.fixture
def pipeline(kafka: servers.Kafka, tmp_path: Path) -> Pipeline:
    return make_pipeline(kafka.bootstrap, tmp_path)
