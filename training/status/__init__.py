"""Step `status`: what a stack has running and stored, what that costs, and when it ends."""
