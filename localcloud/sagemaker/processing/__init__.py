"""Processing jobs: their requests, and the run of each."""
