"""SQLite: the embedded stream, and a sink."""
