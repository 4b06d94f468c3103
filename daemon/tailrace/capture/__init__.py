"""Capture: reads the source's log, interleaves the full load, publishes, stores the position, acknowledges last."""
