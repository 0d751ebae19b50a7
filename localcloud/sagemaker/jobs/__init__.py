"""What training jobs and processing jobs have in common."""
