"""
The table of faults: those with the same outcome at several endpoints in one line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .endpoints import ENDPOINTS

#: Under which name a test tells a row.
PROPERTY = "fault"

RETRY = {True: "may help", False: "cannot help", None: ""}

HEAD = [
    "| fault | at | outcome | a retry | requests | seconds at most | MB at most |",
    "|---|---|---|---|---|---|---|",
]


class Row(NamedTuple):
    """
    One case: where it stands among the tests, what went wrong at which endpoint, and what came of it.
    """

    place: int
    name: str
    where: str
    outcome: str
    retryable: bool | None
    requests: int
    seconds: float
    peak: int


def table(rows: Iterable[Row]) -> str:
    """
    Write the table.

    :param rows: one a case, in any order
    :return: Markdown
    """
    lines: dict[tuple[str, str, bool | None, int], list[Row]] = defaultdict(list)
    for row in sorted(rows):
        # The values of one header stand together.
        lines[row.name.partition(": ")[0], row.outcome, row.retryable, row.requests].append(row)
    return "\n".join([*HEAD, *(_line(group) for group in lines.values()), ""])


def _line(rows: list[Row]) -> str:
    row = rows[0]
    name, _, _ = row.name.partition(": ")
    values = dict.fromkeys(each.name.partition(": ")[2] for each in rows if ": " in each.name)
    suffix = ": " + " · ".join(f"`{value}`" if value else "nothing" for value in values) if values else ""
    places = list(dict.fromkeys(each.where for each in rows))
    where = "all" if len(places) == len(ENDPOINTS) else ", ".join(places)
    seconds, peak = max(each.seconds for each in rows), max(each.peak for each in rows) / 1e6
    cells = [
        name + suffix,
        where,
        row.outcome,
        RETRY[row.retryable],
        f"{row.requests}",
        f"{seconds:.1f}",
        f"{peak:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"
