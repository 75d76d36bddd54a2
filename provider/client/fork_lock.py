"""
Locks of a process that may be forked while threads hold them.
"""

from __future__ import annotations

import os
import threading


def create_fork_lock() -> threading.Lock:
    """
    Make a lock that lasts as long as the process, and that no fork leaves held in the child, where nobody would let it
    go: whoever forks waits for it, so that what it guards is whole there too.

    :return: the lock
    """
    lock = threading.Lock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
