"""Corrections of MiniStack's EventBridge: which targets a rule takes, and how events reach them."""
