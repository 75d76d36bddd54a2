"""Files that a task reads and writes."""
