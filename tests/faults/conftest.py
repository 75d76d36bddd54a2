"""
At the end, the table of all cases. With $FAULTS_TABLE set to a file, it is written there for the documentation.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .table import PROPERTY, Row, table


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    rows = [Row(*values) for report in reports for name, values in report.user_properties if name == PROPERTY]
    if not rows:
        return
    text = table(rows)
    terminalreporter.write(f"\n{text}")
    if path := os.environ.get("FAULTS_TABLE"):
        Path(path).write_text(text, encoding="utf-8")
