"""Train and serve an image classifier inside a SageMaker container (or a directory shaped like one)."""
