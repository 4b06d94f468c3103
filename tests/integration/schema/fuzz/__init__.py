"""Random schemas, converted between real servers: what is not as at the source, and no item says, is wrong.

`draft` is what a generator makes: statements of the source, and expressions to be evaluated on both sides. `rounds`
makes it there, converts it, makes the result in the targets, and compares. `minimal` leaves out what a failure does not
need.
"""
