"""Step `batch`: many photos through the workflow for batches, one verdict for each."""
