"""Every schema in every direction: converted, made, filled through a pipeline, changed, and held to its source."""
