"""
Object storage on this machine: moto's server, and paths to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

BUCKET = "results"


@contextmanager
def serving() -> Iterator[dict[str, Any]]:
    """
    Serve an empty bucket.

    :return: how s3fs reaches it
    """
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        # Servers of one process share what they hold.
        requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10).raise_for_status()
        options = {"endpoint_url": f"http://{host}:{port}", "key": "test", "secret": "test"}
        S3FileSystem(**options).mkdir(BUCKET)
        yield options
    finally:
        server.stop()
