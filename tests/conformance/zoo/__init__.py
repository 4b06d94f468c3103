"""The type zoo: every column type that a source has, with values at its edges, and what each target must hold."""
