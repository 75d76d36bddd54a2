from __future__ import annotations

import multiprocessing
import threading
import time

import pytest
from apache_airflow_provider_ovhcloud_ai.client.fork_lock import create_fork_lock

#: Seconds after which a child counts as hung.
HANGS = 20


def acquire(lock: threading.Lock) -> None:
    with lock:
        pass


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_child_does_not_inherit_a_lock_that_a_thread_holds() -> None:
    lock, held = create_fork_lock(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            # The fork waits for it. Without that, the child would begin with a lock that nobody releases.
            time.sleep(0.2)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(HANGS)
    child = multiprocessing.get_context("fork").Process(target=acquire, args=(lock,))
    child.start()
    child.join(HANGS)
    hung = child.is_alive()
    child.kill()
    child.join()
    holder.join()
    assert not hung
    assert child.exitcode == 0
    assert not lock.locked()
