"""Compares source and targets, row for row."""

from tailrace.verify.comparison import TableComparison, Verification, verify

__all__ = ["TableComparison", "Verification", "verify"]
