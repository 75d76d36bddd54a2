"""
Locks that survive a fork while a thread holds them.
"""

from __future__ import annotations

import os
import threading


def create_fork_lock() -> threading.Lock:
    """
    Create a lock for the lifetime of the process that a fork never leaves held in the child.

    A fork waits for the lock, so that the state that it guards is consistent in the child too.

    :return: the lock
    """
    lock = threading.Lock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
