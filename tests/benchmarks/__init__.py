"""The benchmarks' own arithmetic, and that they find what is lost."""
