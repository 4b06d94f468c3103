"""SQLite as a target of schema conversion: statements of a catalog, and the file's own catalog read back."""
