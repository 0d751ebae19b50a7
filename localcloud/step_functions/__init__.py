"""Step Functions of the local AWS: definitions, executions and their histories."""
