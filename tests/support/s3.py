"""
Object storage on this machine: moto's server, and paths to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
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


@contextmanager
def behind_a_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """
    Serve an empty bucket behind an Airflow connection. Each has an id of its own: Airflow keeps the file systems of
    those that it has seen.

    :return: the file system itself, and the address of the bucket with the connection in it
    """
    from s3fs import S3FileSystem

    with serving() as options:
        conn_id = f"lake_{options['endpoint_url'].rpartition(':')[2]}"
        extra = {"endpoint_url": options["endpoint_url"], "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": options["key"], "password": options["secret"], "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        yield S3FileSystem(**options, skip_instance_cache=True), f"s3://{conn_id}@{BUCKET}"
