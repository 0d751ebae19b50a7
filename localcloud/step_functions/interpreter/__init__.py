"""Runs the states of a definition: one coroutine for each execution, and one for each branch and iteration in it."""
