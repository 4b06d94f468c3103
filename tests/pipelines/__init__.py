"""Whole pipelines for tests: a seeded workload, the daemon as a user runs it, an independent comparison."""
