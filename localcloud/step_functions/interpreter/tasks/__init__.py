"""Task states: what they may call, and what they record."""
