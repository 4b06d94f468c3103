"""tailrace: log-based change data capture for MySQL, MariaDB and PostgreSQL."""

from tailrace.compiled import obey_environment

__version__ = "0.1.0"

obey_environment()
