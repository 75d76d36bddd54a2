"""Triggers: waiting for what takes hours, without a worker."""
