"""Schema conversion: what a source's catalog becomes in each target, and what a person must decide.

A `Catalog` is the middle of everything: a source's reader makes one, so does the reader of a script; `convert` makes of
it the catalog that a target shall have, with what is to be said of every object; a target renders that as statements,
and reads its own back, so that the two can be compared.
"""
