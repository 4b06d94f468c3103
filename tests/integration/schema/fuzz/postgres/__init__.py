"""Random schemas of PostgreSQL's."""
