"""HTTP of the sandbox: server, messages, limits and injected faults."""
