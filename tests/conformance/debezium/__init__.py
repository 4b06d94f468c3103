"""The comparison with Debezium, event for event: `python -m tests.conformance.debezium`, or `make conformance`.

Debezium's own connectors and tailrace read the same servers while the same statements run (`cases/`). What each
delivered is compared (`comparison`); every difference must be one of those that are meant (`differences`, described in
docs/reference/debezium.md), in exactly the places that `declared.toml` lists.
"""
