"""What SageMaker is asked to run: the image, the code and the settings of each algorithm."""
