"""Amazon SageMaker, as far as this application uses it: training jobs, models, endpoints and their invocations.

A request flows one way: `service` (HTTP, signature, IAM) -> `validation` (botocore's model) -> `training_jobs`,
`models`, `endpoint_configs`, `endpoints` or `runtime` -> `containers` (processes) and `roles` (S3, logs as the role).
"""
