"""
Requests and tokens as Airflow's own metrics, so that StatsD and OpenTelemetry get them where they get Airflow's.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

PREFIX = "ovh_ai_endpoints"

#: With tags of InfluxDB's kind, Airflow drops a counter whose tag has any other mark, and logs an exception for it.
_NO_TAG = re.compile(r"[^A-Za-z0-9_./-]")


def count(model: str | None, usage: Any, requests: int = 1) -> None:
    """
    Count answered requests, and their tokens or seconds.

    :param model: who was asked
    :param usage: tokens or seconds by the names that the service gives them; what is none counts as nothing
    :param requests: how many were answered
    """
    told = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "seconds": "audio_seconds"}
    found = usage if isinstance(usage, Mapping) else {}
    counts = {name: found.get(spelled) for spelled, name in told.items()}
    _add({"requests": requests, **counts}, {"model": model or "unknown"})


def count_error(model: str | None, status: int | None) -> None:
    """
    Count a request that was given up.

    :param model: who was asked
    :param status: HTTP status of the refusal, None where no reply came
    """
    _add({"errors": 1}, {"model": model or "none", "status": str(status or "none")})


def _add(counts: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    cleaned = {name: _NO_TAG.sub("_", value)[:100] for name, value in tags.items()}
    try:
        from ...compat import Stats

        for name, number in counts.items():
            if type(number) in {int, float} and number > 0:
                Stats.incr(f"{PREFIX}.{name}", math.ceil(number), tags=cleaned)
    except Exception:  # whatever a metrics backend raises: no task fails for its counters
        log.debug("Metrics were not counted.", exc_info=True)
