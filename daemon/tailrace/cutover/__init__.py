"""`tailrace cutover`: targets made ready to take the application's writes."""

from tailrace.cutover.process import cutover
from tailrace.cutover.report import Report

__all__ = ["Report", "cutover"]
