"""What the keys of `[[tables]]` make of tables: rows left out; columns dropped, renamed, added, masked, retyped.

A source asks `shapes.Shapes` for the `shape.Shape` of each version of a table, and puts it into its row plan: what is
dropped, masked or filtered never reaches the stream.
"""
