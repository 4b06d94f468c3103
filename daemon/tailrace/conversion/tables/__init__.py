"""What becomes of tables and of what belongs to them, but for indexes."""
