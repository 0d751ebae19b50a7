"""Amazon SageMaker, as far as this application uses it: training jobs, models, endpoints and their invocations.

A request flows one way: `service` (HTTP) -> `authorization` (signature, IAM) -> `validation` (botocore's model) ->
`emulated` (what is honoured here) -> the action.

- `training_jobs` starts a `training_run`, whose way through the statuses is its `job_record`.
- `models` and `endpoint_configs` are kept; `endpoints` makes `deployments` of them: `fleets` of `variants`.
- `runtime` is InvokeEndpoint, with `capture` on its way.

Below them: `containers` (processes), `roles` (S3, logs and metrics with a role's permissions), `store` (what is kept).
"""
