"""`tailrace demo`: the whole main job on throwaway real servers, shown as it happens."""

from tailrace.demo.main import SERVERS, main

__all__ = ["SERVERS", "main"]
