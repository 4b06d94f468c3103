"""Schemas that real applications made with their own migrations, as dumps, and how they were made. See README.md."""

from __future__ import annotations

from pathlib import Path

from tests.integration.schema.applications.clients import load
from tests.servers import Database

FOLDER = Path(__file__).parent

#: Application → the servers that it makes its tables on.
APPLICATIONS: dict[str, tuple[str, ...]] = {
    "airflow": ("mysql", "postgres18"),
    "mlflow": ("mysql", "mariadb", "postgres18"),
    "neutron": ("mysql", "mariadb"),
    "oscar": ("mysql", "mariadb", "postgres18"),
    "procrastinate": ("postgres18",),
    "synapse": ("postgres18",),
    "wagtail": ("mysql", "mariadb", "postgres18"),
}

#: Statements of our own, of every kind that a server has and few applications use.
FEATURES = "features"
SCHEMAS = {**APPLICATIONS, FEATURES: ("mysql", "mariadb", "postgres18")}

#: Tables that take only rows that belong together with others in a way that a trigger or a circle of keys asks for.
WITHOUT_ROWS: dict[str, frozenset[str]] = {
    "synapse": frozenset({"partial_state_events", "worker_read_write_locks", "worker_read_write_locks_mode"}),
}


def dump_of(application: str, kind: str) -> Path:
    """The file with an application's statements for a server of this kind."""
    folder = FOLDER.with_name(FEATURES) if application == FEATURES else FOLDER
    return folder / f"{application}.{kind.rstrip('0123456789')}.sql"


def create(database: Database, application: str) -> None:
    """Makes an application's schema, without rows, in an empty database."""
    load(database, dump_of(application, database.server.kind))
