"""What numbers of few cases show: intervals and tests, without input or output."""
