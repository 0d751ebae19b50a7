"""From an archive of labelled photos to a SageMaker endpoint, its test executions and a report."""
