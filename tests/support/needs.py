"""What a developer's machine need not have."""

from __future__ import annotations

import os

import pytest


def missing(sentence: str) -> None:
    """
    Skip a test for want of something; under CI that fails it.

    :param sentence: what is missing, and how it comes
    """
    pytest.fail(sentence) if os.environ.get("CI") else pytest.skip(sentence)
