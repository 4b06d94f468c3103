"""The assessment of a conversion: what goes by itself, what a person must do and for how long, what bites later."""

from tailrace.conversion.report.assessment import Assessment, assess
from tailrace.conversion.report.files import refuse_form, write
from tailrace.conversion.report.record import record

__all__ = ["Assessment", "assess", "record", "refuse_form", "write"]
