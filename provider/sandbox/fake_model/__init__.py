"""A model without weights: deterministic answers, vectors and tool calls."""
