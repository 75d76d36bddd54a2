"""Many requests in one task."""
