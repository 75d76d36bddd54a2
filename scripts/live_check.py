"""
Record what the real service answers to a good, a wrong and no token, where its documents leave it open.

Needs OVH_AI_ENDPOINTS_ACCESS_TOKEN; OVH_AI_ENDPOINTS_BASE_URL names another address. Sends nine requests, none of
which can be billed: the chat request names a model that does not exist. Prints a Markdown table for the docs.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import UTC, datetime

from apache_airflow_provider_ovhcloud_ai.client.chat.chat_request import chat
from apache_airflow_provider_ovhcloud_ai.client.http.http_request import Request
from apache_airflow_provider_ovhcloud_ai.client.http.sync_client import Client
from apache_airflow_provider_ovhcloud_ai.client.models.model_list import models
from apache_airflow_provider_ovhcloud_ai.client.settings import (
    ClientSettings,
    clean_base_url,
    clean_token,
    read_network_settings,
)
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError

TOKEN = "OVH_AI_ENDPOINTS_ACCESS_TOKEN"  # the name of the variable, not a token


def main() -> int:
    try:
        token = clean_token(os.environ.get(TOKEN))
        base_url = clean_base_url(os.environ.get("OVH_AI_ENDPOINTS_BASE_URL"))
    except AIEndpointsError as error:
        sys.exit(str(error))
    if token is None:
        sys.exit(f"Set {TOKEN} to a token of the real service; see the OVHcloud Control Panel.")
    print(f"{base_url}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")
    print("| request | token | answer |\n|---|---|---|")
    for request in requests():
        for kind, sent_token in (("good", token), ("wrong", secrets.token_hex(32)), ("none", None)):
            print(f"| {request.method} {request.path} | {kind} | {answer(request, base_url, sent_token)} |", flush=True)
    return 0


def requests() -> tuple[Request, ...]:
    probe = chat("live-check-no-such-model", [{"role": "user", "content": "."}], max_tokens=1)
    return models(), probe, Request("GET", "/batches?limit=1", "list of batches")


def answer(request: Request, base_url: str, token: str | None) -> str:
    settings = ClientSettings(base_url, token, timeout=30, max_retries=0, **read_network_settings(base_url))
    try:
        with Client(settings) as client:
            response = client.send(request)
    except AIEndpointsError as error:
        return f"{error} {header_note(error.request_id)}".replace("|", "\\|").strip()
    note = header_note(response.request_id)
    return f"{response.status}, {len(response.body):,} bytes of {response.content_type} {note}".strip()


def header_note(request_id: str | None) -> str:
    return "" if request_id else "(no request id)"


if __name__ == "__main__":
    sys.exit(main())
