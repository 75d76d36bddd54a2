"""
hypothesis without a clock, and without a folder of its own in the tree.
"""

from __future__ import annotations

import tempfile

from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(tempfile.gettempdir() + "/hypothesis")
settings.register_profile("rows", deadline=None, database=None)
settings.load_profile("rows")
