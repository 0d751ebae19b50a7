"""Training jobs: their requests, the run of each, its entry in the store and its metrics."""
