"""Corrections of MiniStack's Step Functions."""
