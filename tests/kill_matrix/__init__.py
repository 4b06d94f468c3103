"""A pipeline under a benchmark's load whose processes are killed a hundred times and more, and held against its source
after each of them: `make kill-matrix`."""
