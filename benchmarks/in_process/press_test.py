"""
What pressing Test costs: requests, and seconds with a service that accepts the connection and never answers.

    python press_test.py ours|reference|openai ADDRESS_OF_A_SILENT_SERVICE
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "bench-token-0123456789"
LISTED = (200, {"object": "list", "data": [{"id": "gpt-oss-120b", "object": "model"}]})


@contextlib.contextmanager
def counting(answer):
    """Serve, and hand over the address and the list of requests received."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.append(self.path)
            status, value = answer(self.path, self.headers.get("Authorization"))
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", received
    finally:
        server.shutdown()


def clear(path, _):
    """Refuse the model, as OVHcloud does: the token was accepted."""
    return LISTED if path.endswith("/models") else (404, {"message": "model not found"})


def ambiguous(path, authorization):
    """Serve any model name, but not with any token."""
    if path.endswith("/models"):
        return LISTED
    return (200, {"choices": []}) if authorization == f"Bearer {TOKEN}" else (401, {"message": "no such key"})


def failing(*_):
    """Be out of order."""
    return 500, {"error": {"message": "out of order"}}


def press(hook, kind, address):
    """Test a connection as Airflow does, and hand over the seconds it took."""
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": kind, "host": address, "password": TOKEN})
    started = time.perf_counter()
    passed, message = hook("bench").test_connection()
    print(passed, message)
    return time.perf_counter() - started


def counted(hook, kind, answer):
    """Test a connection to a service that answers so, and count its requests."""
    with counting(answer) as (address, received):
        press(hook, kind, address)
    return len(received)


def ours(silent):
    """This provider, measured with its own bound of ten seconds."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook as hook

    counts = {answer.__name__: counted(hook, "ovh_ai_endpoints", answer) for answer in (clear, ambiguous)}
    return counts | {"seconds": press(hook, "ovh_ai_endpoints", silent)}


def reference(_):
    """The provider that only looks whether there is a password, pointed at a service that would see it ask."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook as hook

    with counting(clear) as (address, received):
        hook.BASE_URL = address
        press(hook, "generic", address)
    return {"clear": len(received)}


def openai(_):
    """The openai provider, whose bound is computed: waiting for it takes half an hour."""
    from airflow.providers.openai.hooks.openai import OpenAIHook as hook

    failures = counted(hook, "openai", failing)
    client = hook("bench").get_conn()
    return {"failing": failures, "seconds": client.timeout.read * (client.max_retries + 1)}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
