"""
Requests and tokens as Airflow metrics, which go to the same StatsD or OpenTelemetry backend as Airflow's own.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

from ...client.usage import Usage

log = logging.getLogger(__name__)

PREFIX = "ovh_ai_endpoints"

#: Any other character in a tag: with InfluxDB's tags, Airflow drops such a counter and logs an exception.
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_./-]")


def count(model: str | None, usage: Usage) -> None:
    """
    Count successful requests, and their tokens or seconds of audio.

    :param model: model id, or None if unknown
    :param usage: usage of the requests
    """
    names = ("requests", "input_tokens", "output_tokens", "audio_seconds")
    _add({name: getattr(usage, name) for name in names}, {"model": model or "unknown"})


def count_error(model: str | None, status: int | None) -> None:
    """
    Count a failed request.

    :param model: model id, or None if the request names no model
    :param status: HTTP status of the error, or None if there was no response
    """
    _add({"errors": 1}, {"model": model or "none", "status": str(status or "none")})


def _add(counts: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    cleaned = {name: _NOT_IN_TAGS.sub("_", value)[:100] for name, value in tags.items()}
    try:
        from ...compat import Stats

        for name, number in counts.items():
            if type(number) in {int, float} and number > 0:
                Stats.incr(f"{PREFIX}.{name}", math.ceil(number), tags=cleaned)
    except Exception:  # a metrics backend may raise anything; a task must not fail for its metrics
        log.debug("Metrics were not counted.", exc_info=True)
