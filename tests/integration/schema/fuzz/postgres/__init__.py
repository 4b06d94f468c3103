"""Random schemas of PostgreSQL's."""

from psycopg2.extras import register_default_json, register_default_jsonb

# A document that is null is no NULL.
register_default_json(loads=str, globally=True)
register_default_jsonb(loads=str, globally=True)
