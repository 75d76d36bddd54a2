"""One conversation: steps, tools, repair, fallback, stream."""
