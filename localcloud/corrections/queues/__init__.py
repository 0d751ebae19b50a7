"""Corrections of what reads MiniStack's queues: Lambda's event source mappings, and the move of dead letters."""
