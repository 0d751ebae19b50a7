"""Models, endpoint configurations and endpoints: what is created, and the containers that serve."""
