"""Pipelines under load, something else that fails every twenty seconds, and a scorecard at the end: `make soak`."""
