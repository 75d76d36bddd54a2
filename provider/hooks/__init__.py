"""The hook of an AI Endpoints connection."""
