"""
Texts to a folder: python embed_folder.py ADDRESS TEXTS FOLDER PART_SIZE

Prints the process's highest memory, in MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

import corpus

TOKEN = "bench-token-0123456789"


def main(address, texts, folder, part_size):
    """Embed them, from a source that is as long as it is asked to be."""
    from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook

    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "ovh_ai_endpoints", "host": address, "password": TOKEN})
    rows = ({"id": number, "text": corpus.text(number)} for number in range(int(texts)))
    summary = OVHCloudAIEndpointsHook("bench").embed_rows(
        rows, Path(folder), "bge-m3", output_format="npy", part_size=int(part_size)
    )
    assert summary["rows"] == int(texts), summary
    print(json.dumps({"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
