"""The decoders of both logs, and of a load's answers, on streams that are damaged, cut, repeated, shuffled or made up.

Whatever comes in, out come events or one named error with its place in the log, in bounded memory and time. The
ordinary tests take a bounded part; `make fuzz` goes on for longer.
"""
