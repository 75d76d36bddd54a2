"""The system's Chromium; none is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .needs import missing


@contextmanager
def chromium() -> Iterator[Any]:
    """
    Start one, or skip the test where there is none; under CI that fails it.

    :return: Playwright's browser
    """
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing("Chromium is not installed: on Debian or Ubuntu, apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # --no-sandbox: Chromium's own does not start for root, which containers run as.
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
