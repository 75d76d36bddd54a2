"""
What this process holds of the machine.
"""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Footprint:
    files: int
    threads: int
    megabytes: float


def footprint() -> Footprint:
    """
    Open file descriptors, threads and resident memory, after all that is garbage has been collected.
    """
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    return Footprint(len(os.listdir("/proc/self/fd")), threading.active_count(), resident / 1e6)
