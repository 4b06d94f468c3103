"""What statements in the log do to tables.

Statements reach us as the user wrote them. What is not understood is said, and suspends at most the tables it names.
"""
