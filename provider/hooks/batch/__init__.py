"""Rows through batches, and back."""
