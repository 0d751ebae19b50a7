"""Learning from reviewed photos: they become training photos of the staged dataset, whose test photos stay the same."""
