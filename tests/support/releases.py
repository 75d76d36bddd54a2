"""
Which Airflow a test is for.
"""

from __future__ import annotations

import pytest
from local_airflow import installed_release

#: What depends on this project more than on the release is not run on each of those between.
oldest_and_newest = pytest.mark.skipif(
    (3, 0) <= installed_release() < (3, 3), reason="seen on the oldest and the newest release"
)
