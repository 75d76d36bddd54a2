"""
Starts services in processes of their own, and ends them.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from pathlib import Path


@contextlib.contextmanager
def service(*options, script="service.py"):
    """Run ``service.py``, or another script, while the context lasts, and hand over its address."""
    command = [sys.executable, Path(__file__).with_name(script), *map(str, options)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def read_figures(address):
    """Ask ``load.py`` what it did since it was last asked."""
    with urllib.request.urlopen(f"{address}/figures", timeout=60) as answer:
        return json.load(answer)


def certificate(folder):
    """Write a certificate for this machine; hand over its file, and that of the authority behind it."""
    import trustme

    authority = trustme.CA()
    own, trusted = Path(folder) / "own.pem", Path(folder) / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(own)
    authority.cert_pem.write_to_path(trusted)
    return own, trusted
