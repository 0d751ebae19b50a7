"""Distributed Map: a Map Run reads items, hands them to child executions, and writes their results.

`readers` and `formats` give the items, `spool` keeps them, `batches` makes the inputs of the children, `map_run` counts
them, `results` and `writer` keep what they gave, and `distributed` runs it all.
"""
