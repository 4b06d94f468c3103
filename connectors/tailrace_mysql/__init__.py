"""MySQL and MariaDB: a source over the binlog, and a sink."""
