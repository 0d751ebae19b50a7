"""Photos that people look at: which ones, what they answer, and what follows about the model."""
