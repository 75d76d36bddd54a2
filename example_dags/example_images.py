"""
A small picture that one task paints and another describes.
"""

import struct
import tempfile
import zlib
from datetime import datetime
from pathlib import Path

from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task


def png(rows: list[bytes]) -> bytes:
    """
    Write rows of red, green and blue as a PNG file.
    """
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


with DAG("ovh_ai_images", start_date=datetime(2026, 1, 1), schedule=None):

    @task
    def paint() -> str:
        band = b"\x00\x00\xff" * 20 + b"\xff\xff\xff" * 20 + b"\xff\x00\x00" * 20
        # With several workers: a path in storage that all of them reach, such as s3://conn_id@bucket/flag.png.
        file = Path(tempfile.mkdtemp()) / "flag.png"
        file.write_bytes(png([band] * 40))
        return str(file)

    # --8<-- [start:images]
    OVHCloudAIEndpointsChatOperator(
        task_id="describe",
        model="Qwen2.5-VL-72B-Instruct",
        prompt="Which colours does this flag have, from left to right?",
        images=[paint()],
    )
    # --8<-- [end:images]
