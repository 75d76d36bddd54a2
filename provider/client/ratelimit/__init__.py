"""Rate limits: read from headers, estimated from responses, and kept."""
