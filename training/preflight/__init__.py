"""Checks before anything costs: what AWS would refuse minutes later is found at once, each problem with its remedy."""
