from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, APIStatusError, for_status


def family(kind: type[AIEndpointsError] = AIEndpointsError) -> list[type[AIEndpointsError]]:
    below = [each for child in kind.__subclasses__() if len(child.__bases__) == 1 for each in family(child)]
    return [kind, *below]


KINDS = family()


def test_drawing_is_the_tree() -> None:
    drawn = re.findall(r"^[\s|`-]*(\w+Error)\b", (errors.__doc__ or "").partition("::")[2], re.MULTILINE)
    assert sorted(drawn) == sorted(kind.__name__ for kind in KINDS)
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"[\s|`-]*(\w+Error)\b.*\b(retry|a retry cannot help)$", line):
            assert getattr(errors, match[1]).retryable is (match[2] == "retry"), line


@pytest.mark.parametrize(
    ("fields", "attempts", "text"),
    [
        ({}, 1, "It failed."),
        ({"request_id": "r-1"}, 1, "It failed. (request id r-1)"),
        ({}, 3, "It failed. Gave up after 3 attempts."),
        ({"request_id": "r-1"}, 2, "It failed. (request id r-1) Gave up after 2 attempts."),
    ],
)
def test_text(fields: dict[str, Any], attempts: int, text: str) -> None:
    error = APIStatusError("It failed.", **fields)
    error.attempts = attempts
    assert str(error) == text


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, errors.BadRequestError) for status in (400, 405, 406, 407, 410, 411, 413, 414, 415, 418, 422)],
        *[(status, errors.AuthenticationError) for status in (401, 403)],
        (404, errors.NotFoundError),
        (402, errors.QuotaExceededError),
        (429, errors.RateLimitError),
        *[
            (status, errors.APIStatusError)
            for status in (408, 409, 424, 425, 498, 499, 500, 501, 502, 503, 504, 529, 599)
        ],
    ],
)
def test_for_status(status: int, kind: type[APIStatusError]) -> None:
    assert for_status(status) is kind


def test_errors_and_the_client_load_no_airflow() -> None:
    code = (
        "import sys, pkgutil, importlib, apache_airflow_provider_ovhcloud_ai.client as client\n"
        "for module in pkgutil.walk_packages(client.__path__, client.__name__ + '.'):\n"
        "    importlib.import_module(module.name)\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
