"""What is installed of each application, and which of its own commands makes its tables."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Database

HERE = Path(__file__).parent
_DRIVERS = ("PyMySQL", "psycopg2-binary", "cryptography")


@dataclass(frozen=True)
class Recipe:
    """
    Attributes:
        requirements: as pip takes them.
        migrate: (the environment's interpreter, an empty database, an empty folder) → the tables are there.
    """

    requirements: tuple[str, ...]
    migrate: Callable[[Path, Database, Path], None]


def _sqlalchemy(database: Database) -> str:
    driver = {"mysql": "mysql+pymysql", "postgresql": "postgresql+psycopg2"}[database.server.login.scheme]
    return driver + database.url.removeprefix(database.server.login.scheme)


def _run(command: list[str | Path], folder: Path, **variables: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-6000:]}")


def _airflow(python: Path, database: Database, folder: Path) -> None:
    # It asks for MySQLdb by name, which would have to be compiled against MySQL's own library.
    (folder / "sitecustomize.py").write_text(
        "import pymysql, pymysql.converters\npymysql.install_as_MySQLdb()\n"
        "import sys; sys.modules['MySQLdb.converters'] = pymysql.converters\n"
        "pymysql.converters.DateTime2literal = pymysql.converters.escape_datetime\n"
    )
    _run(
        [python.parent / "airflow", "db", "migrate"],
        folder,
        PYTHONPATH=str(folder),
        AIRFLOW_HOME=str(folder),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=_sqlalchemy(database),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
    )


def _mlflow(python: Path, database: Database, folder: Path) -> None:
    store = "import sys; from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as S; S(*sys.argv[1:])"
    _run([python, "-c", store, _sqlalchemy(database), str(folder / "artifacts")], folder)


def _django(python: Path, database: Database, folder: Path, settings: str) -> None:
    _run(
        [python, "-m", "django", "migrate", "--verbosity=0", "--skip-checks"],
        folder,
        PYTHONPATH=str(HERE),
        DJANGO_SETTINGS_MODULE=settings,
        DATABASE_URL=database.url,
    )


def _oscar(python: Path, database: Database, folder: Path) -> None:
    _django(python, database, folder, "settings_oscar")


def _wagtail(python: Path, database: Database, folder: Path) -> None:
    _django(python, database, folder, "settings_wagtail")


def _neutron(python: Path, database: Database, folder: Path) -> None:
    (folder / "neutron.conf").write_text(f"[database]\nconnection = {_sqlalchemy(database)}\n")
    command = python.parent / "neutron-db-manage"
    _run([command, "--config-file", folder / "neutron.conf", "upgrade", "heads"], folder)


def _procrastinate(python: Path, database: Database, folder: Path) -> None:
    (folder / "work.py").write_text(
        "import os, procrastinate\n"
        "connector = procrastinate.PsycopgConnector(conninfo=os.environ['DATABASE_URL'])\n"
        "app = procrastinate.App(connector=connector)\n"
    )
    _run(
        [python.parent / "procrastinate", "--app=work.app", "schema", "--apply"],
        folder,
        PYTHONPATH=str(folder),
        DATABASE_URL=database.url,
    )


def _synapse(python: Path, database: Database, folder: Path) -> None:
    login = database.server.login
    # It takes no other locale for an empty database.
    database.server.query(f'DROP DATABASE "{database.name}"')
    database.server.query(f"""CREATE DATABASE "{database.name}" TEMPLATE template0 LOCALE 'C'""")
    (folder / "homeserver.yaml").write_text(
        f"server_name: example.org\nreport_stats: false\nsigning_key_path: {folder}/key\nmedia_store_path: {folder}\n"
        f"pid_file: {folder}/pid\nsuppress_key_server_warning: true\nmacaroon_secret_key: throwaway\n"
        "database:\n  name: psycopg2\n  allow_unsafe_locale: true\n  args:\n"
        f"    user: {login.user}\n    host: {login.host}\n    port: {login.port}\n    database: {database.name}\n"
    )
    _run([python.parent / "generate_signing_key", "-o", folder / "key"], folder)
    _run([python.parent / "update_synapse_database", "--database-config", folder / "homeserver.yaml"], folder)


RECIPES: dict[str, Recipe] = {
    "airflow": Recipe(("apache-airflow", "PyMySQL", "psycopg2-binary", "asyncpg", "aiomysql"), _airflow),
    "mlflow": Recipe(("mlflow-skinny", "SQLAlchemy", "alembic", *_DRIVERS), _mlflow),
    "neutron": Recipe(("neutron", *_DRIVERS), _neutron),
    "oscar": Recipe(("django-oscar", "Django<5", "sorl-thumbnail", *_DRIVERS), _oscar),
    "procrastinate": Recipe(("procrastinate", "psycopg[binary]"), _procrastinate),
    # The last release that is licensed as this project is; later ones are under the AGPL.
    "synapse": Recipe(("matrix-synapse==1.98.0", "prometheus-client<0.18", "psycopg2-binary"), _synapse),
    "wagtail": Recipe(("wagtail", *_DRIVERS), _wagtail),
}
