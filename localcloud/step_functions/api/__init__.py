"""The API of Step Functions: one module for each kind of resource, `actions` for all."""
