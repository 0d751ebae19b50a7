"""Step `threshold`: what each confidence threshold accepts and gets wrong, and which is proven or costs least."""
