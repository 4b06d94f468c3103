"""What takes minutes and gigabytes, and so is no part of the ordinary tests: `make long`."""
