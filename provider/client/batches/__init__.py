"""Files and batches: requests, checks, and a poller for event loops."""
