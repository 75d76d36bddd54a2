"""What the connection form must show on every release."""

from __future__ import annotations

#: Field of the extra -> label, type, section where the release has sections.
FIELDS = {
    "access": ("Access", "string", "Access and models"),
    "chat_model": ("Chat model", "string", "Access and models"),
    "embedding_model": ("Embedding model", "string", "Access and models"),
    "project_id": ("Project id", "string", "Access and models"),
    "timeout": ("Timeout", "integer", "Limits"),
    "max_retries": ("Retries", "integer", "Limits"),
    "requests_per_minute": ("Requests per minute", "integer", "Limits"),
    "ca_bundle": ("CA bundle", "string", "Network"),
    "allow_http": ("Allow plain HTTP", "boolean", "Network"),
}

RELABELED = {"host": "Base URL", "password": "API token", "port": "Port"}
BASE_URL = "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"
