"""Who takes part: tailrace, Debezium, naive readers, and what the servers' own tools take."""
