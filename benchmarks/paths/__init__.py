"""The ways that are measured, a module each with `measure(asked, report)`."""
