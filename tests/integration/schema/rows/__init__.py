"""Rows and changes for any schema: made up so that keys, foreign keys, checks and types take them."""
