"""Usage of a task: totals, budget and metrics."""
