"""What becomes of indexes, for the systems that a target may be."""
