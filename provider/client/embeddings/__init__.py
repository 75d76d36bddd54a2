"""Embeddings: requests, vectors, and any number of texts in one call."""
