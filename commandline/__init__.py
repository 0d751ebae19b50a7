"""What the command lines of this project share."""
