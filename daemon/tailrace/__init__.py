"""tailrace: log-based change data capture for MySQL, MariaDB and PostgreSQL."""

__version__ = "0.1.0"
