"""All that touches the inside of MiniStack: the functions of it that are replaced, and why."""
