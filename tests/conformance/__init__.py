"""What must hold for every column type and every engine."""
