#!/usr/bin/env python3
"""
Print figures of this provider beside its peers', all measured in this run; status 1 where one is not reached.

    python benchmarks/run.py [ROW ...]
"""

from __future__ import annotations

import sys
import textwrap

from environments import prepare_all
from rows import ROWS

TITLES = {
    "ours": "this provider",
    "reference": "apache-airflow-provider-ovhcloud-ai 1.0.0",
    "openai": "apache-airflow-providers-openai 2.1.0",
}
WIDTHS = (30, 22, 24, 24, 30)


def main(numbers):
    """Measure the rows asked for, all by default."""
    environments = prepare_all()
    print_line("", ("", "reach", *TITLES.values()))
    reached = []
    for number, measure in ROWS.items():
        if not numbers or number in numbers:
            row = measure(environments)
            reached.append(row.reached)
            figures = (row.figures[name] for name in TITLES)
            print_line("ok" if row.reached else "NOT REACHED", (row.what, row.reach, *figures))
    return 0 if all(reached) else 1


def print_line(verdict, cells):
    """Print one row as lines of wrapped cells."""
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS, strict=True)]
    for line in range(max(map(len, columns))):
        parts = [column[line] if line < len(column) else "" for column in columns]
        text = "  ".join(part.ljust(width) for part, width in zip(parts, WIDTHS, strict=True))
        print(f"{text}  {verdict if line == 0 else ''}".rstrip(), flush=True)
    print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
