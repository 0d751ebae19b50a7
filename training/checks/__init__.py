"""Is the model still right, what came in, and what is to be done: named checks with limits, and a verdict."""
