"""PostgreSQL in schema conversion: its catalogs read, its statements written, a target made and read back."""
