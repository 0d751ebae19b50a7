"""What a run costs on AWS: the table of prices, and the estimate made from it."""
