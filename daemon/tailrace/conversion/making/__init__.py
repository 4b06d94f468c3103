"""A catalog as statements, made in a target, and compared with what the target holds."""
