"""How fast tailrace is, beside others and beside what the servers give: `python -m benchmarks --help`."""
