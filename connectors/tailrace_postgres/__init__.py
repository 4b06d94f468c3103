"""PostgreSQL: a source over a logical replication slot, and a sink."""
