"""/metrics: the workers' reports as Prometheus metrics (docs/reference/metrics.md lists them)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tailrace import __version__

if TYPE_CHECKING:
    from tailrace.http.app import View

_WORKER = ("pipeline", "worker")
_TABLE = (*_WORKER, "table")


class Workers(Collector):
    """Reads the supervisor's view at every scrape; keeps nothing itself."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        view = self._view
        labels = view.labels()
        pipeline = labels["pipeline"]
        yield InfoMetricFamily("tailrace", "What runs here.", {"version": __version__, **labels})
        healthy = GaugeMetricFamily(
            "tailrace_healthy", "1 while every worker's position advances or is proven idle.", labels=("pipeline",)
        )
        healthy.add_metric((pipeline,), 0 if view.problems() else 1)
        yield healthy
        yield from self._workers(pipeline)
        yield from self._source(pipeline)
        yield from self._tables(pipeline)

    def _source(self, pipeline: str) -> Iterator[Metric]:
        label = ("pipeline",)
        held = GaugeMetricFamily("tailrace_source_retained_bytes", "Log that the source keeps for us.", labels=label)
        age = GaugeMetricFamily(
            "tailrace_source_retained_seconds", "Age of the oldest change that the stream does not hold.", labels=label
        )
        most = GaugeMetricFamily("tailrace_source_budget_bytes", "`bytes` of the budget.", labels=label)
        longest = GaugeMetricFamily("tailrace_source_budget_seconds", "`time` of the budget.", labels=label)
        limit = GaugeMetricFamily(
            "tailrace_source_limit_bytes", "At so many the server gives us up by itself.", labels=label
        )
        oldest = GaugeMetricFamily(
            "tailrace_source_limit_seconds", "So old the server removes its log by itself.", labels=label
        )
        for worker in self._view.workers:
            if (retained := worker.retained()) is not None:
                for family, value in (
                    (held, retained.bytes),
                    (age, retained.seconds),
                    (most, retained.budget_bytes),
                    (longest, retained.budget_seconds),
                    (limit, retained.limit_bytes),
                    (oldest, retained.limit_seconds),
                ):
                    _add_known(family, (pipeline,), value)
        yield from (held, age, most, longest, limit, oldest)

    def _workers(self, pipeline: str) -> Iterator[Metric]:
        up = GaugeMetricFamily("tailrace_worker_up", "1 while the worker's process runs.", labels=_WORKER)
        state = GaugeMetricFamily("tailrace_worker_state", "1 for the worker's state.", labels=(*_WORKER, "state"))
        events = CounterMetricFamily("tailrace_events", "Events handed on by the worker's process.", labels=_WORKER)
        size = CounterMetricFamily("tailrace_bytes", "Bytes of events handed on by it.", labels=_WORKER)
        lag_seconds = GaugeMetricFamily(
            "tailrace_lag_seconds", "Age of the oldest change not yet handed on; absent while unknown.", labels=_WORKER
        )
        lag_bytes = GaugeMetricFamily(
            "tailrace_lag_bytes", "Bytes of log or stream not yet handed on; absent while unknown.", labels=_WORKER
        )
        restarts = CounterMetricFamily("tailrace_worker_restarts", "Restarts since the run's start.", labels=_WORKER)
        errors = CounterMetricFamily("tailrace_worker_errors", "Errors since the run's start.", labels=_WORKER)
        for worker in self._view.workers:
            key = (pipeline, worker.name)
            report = worker.report
            up.add_metric(key, 1 if worker.pid else 0)
            state.add_metric((*key, worker.state), 1)
            events.add_metric(key, report.events)
            size.add_metric(key, report.bytes)
            _add_known(lag_seconds, key, worker.lag_seconds())
            _add_known(lag_bytes, key, worker.lag_bytes())
            restarts.add_metric(key, worker.restarts)
            errors.add_metric(key, worker.errors)
        yield from (up, state, events, size, lag_seconds, lag_bytes, restarts, errors)

    def _tables(self, pipeline: str) -> Iterator[Metric]:
        rows = GaugeMetricFamily(
            "tailrace_table_rows", "Capture: rows loaded. A sink: events applied by its process.", labels=_TABLE
        )
        estimated = GaugeMetricFamily(
            "tailrace_table_rows_estimated", "Capture: rows that the source's statistics gave.", labels=_TABLE
        )
        rate = GaugeMetricFamily(
            "tailrace_table_load_rows_per_second",
            "The load's rate; absent without one.",
            labels=_TABLE,
        )
        left = GaugeMetricFamily(
            "tailrace_table_load_seconds_left",
            "By the estimated rows; absent while unknown.",
            labels=_TABLE,
        )
        suspended = GaugeMetricFamily("tailrace_table_suspended", "1 while the table is suspended.", labels=_TABLE)
        events = CounterMetricFamily("tailrace_table_events", "The table's part of tailrace_events.", labels=_TABLE)
        size = CounterMetricFamily("tailrace_table_bytes", "The table's part of tailrace_bytes.", labels=_TABLE)
        lag_seconds = GaugeMetricFamily(
            "tailrace_table_lag_seconds", "As tailrace_lag_seconds, of the table alone.", labels=_TABLE
        )
        lag_bytes = GaugeMetricFamily(
            "tailrace_table_lag_bytes", "As tailrace_lag_bytes, of the table alone.", labels=_TABLE
        )
        parked = GaugeMetricFamily(
            "tailrace_parked_events", "Events that the target refused, and those behind them.", labels=_TABLE
        )
        skipped = CounterMetricFamily(
            "tailrace_skipped_events", "Events left out because the target refused them.", labels=_TABLE
        )
        for worker in self._view.workers:
            for table in worker.report.tables:
                key = (pipeline, worker.name, table.name)
                rows.add_metric(key, table.rows)
                _add_known(estimated, key, table.total or None)
                _add_known(rate, key, table.rows_per_second)
                _add_known(left, key, table.seconds_left)
                suspended.add_metric(key, 1 if table.state == "suspended" else 0)
                events.add_metric(key, table.events)
                size.add_metric(key, table.bytes)
                _add_known(lag_seconds, key, worker.table_lag_seconds(table))
                _add_known(lag_bytes, key, worker.table_lag_bytes(table))
                if worker.name != "capture":
                    parked.add_metric(key, table.parked)
                    skipped.add_metric(key, table.skipped)
        yield from (rows, estimated, rate, left, suspended, events, size, lag_seconds, lag_bytes, parked, skipped)


def _add_known(family: GaugeMetricFamily, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)


def render(view: View, accept: str) -> tuple[bytes, str]:
    """The metrics in the format that the scraper accepts, and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Workers(view))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
