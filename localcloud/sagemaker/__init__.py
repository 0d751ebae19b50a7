"""Amazon SageMaker, as far as this application uses it: jobs, models, endpoints and their invocations.

A request passes through `service` (HTTP) -> `authorization` (signature, IAM) -> `validation` (botocore's model) ->
`emulated` (what is honoured here) -> the action.

- `training` and `processing` have the jobs: `jobs` (the actions) starts a `run`, which keeps a `record`; a training job
  also watches `metrics`. What both kinds share is in the room `jobs`.
- `hosting` has the rest: `models` and `endpoint_configs` are stored; `endpoints` makes `deployments` of them, which are
  `fleets` of `variants`. `runtime` is InvokeEndpoint, which records into `capture`.

All use `containers` (processes), `roles` (S3, logs and metrics with a role's permissions), `transfer` (files from and
to S3), `logs` and `store` (resources on disk).
"""
