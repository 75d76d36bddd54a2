"""HTTP to an OpenAI-compatible service: two drivers, and the decisions that both carry out."""
