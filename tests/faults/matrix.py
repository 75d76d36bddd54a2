"""
Every fault at every endpoint: what a caller gets, how often the service was asked, and what it took.

Not among the tests that run each time: ``make faults`` runs it, and prints a table of it (:mod:`.table`).
"""

from __future__ import annotations

import copy
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http import optional_fields
from apache_airflow_provider_ovhcloud_ai.client.http.optional_fields import REFUSAL_STATUSES
from apache_airflow_provider_ovhcloud_ai.client.ratelimit import pacer
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError, APIConnectionError, InvalidResponseError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.proxy import PASSWORD
from support.scripted_server import Server, respond

from . import table
from .call_sites import PLACES, Place
from .endpoints import ENDPOINTS, Endpoint
from .server_faults import ALWAYS, ANSWERS, BODIES, COMMON, LIMIT, NEVER, STATUSES, STREAMS, WAITS, Fault

TOKEN = "canary-9f2d-token-of-the-fault-matrix"

#: Seconds of an attempt, attempts after the first, and seconds between them all in all.
TIMEOUT, RETRIES, WAITING = 2.0, 1, 2.0

#: A call that has not come back by then hangs: far beyond two attempts and the wait between them.
HANGS = 60.0

GROUPS = {"common": COMMON, "status": STATUSES, "wait": WAITS, "body": BODIES, "stream": STREAMS, "answer": ANSWERS}


@dataclass(frozen=True)
class Outcome:
    """
    What a case came to.

    :param name: class of the error, or ``answer``
    :param retryable: whether a retry may help
    :param requests: how often the service was asked
    :param seconds: from call to outcome
    :param peak: bytes of Python's memory at most
    """

    name: str
    retryable: bool | None
    requests: int
    seconds: float
    peak: int
    value: Any = None
    error: AIEndpointsError | None = None


@pytest.fixture
def record(request: pytest.FixtureRequest, record_property: Any) -> Callable[[str, str, Outcome], None]:
    """Record an outcome for the table, from any process."""
    place = request.session.items.index(request.node)

    def keep(name: str, where: str, outcome: Outcome) -> None:
        measures = (outcome.name, outcome.retryable, outcome.requests, outcome.seconds, outcome.peak)
        record_property(table.PROPERTY, (place, name, where, *measures))

    return keep


@pytest.fixture
def outcome_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Endpoint, Place], Outcome]:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(endpoint: Endpoint, place: Place) -> Outcome:
        pacer.forget()
        optional_fields.forget()
        stored = {"conn_type": "ovh_ai_endpoints", "host": place.base_url, "password": TOKEN}
        monkeypatch.setenv("AIRFLOW_CONN_FAULTS", json.dumps({**stored, "extra": {"allow_http": True}}))
        hook = OVHCloudAIEndpointsHook("faults", timeout=TIMEOUT, max_retries=RETRIES)
        bounds = {"connect_timeout": TIMEOUT, "max_wait": WAITING, "max_response_bytes": LIMIT}
        client = replace(hook.settings.client, **bounds, **place.settings)
        hook._settings = replace(hook.settings, client=client)
        return _measured(lambda: endpoint.call(hook, tmp_path), place.server)

    return run


@pytest.fixture
def run_fault(outcome_at: Any) -> Callable[[Endpoint, Any], Outcome]:
    def run(endpoint: Endpoint, manner: Any) -> Outcome:
        with Server(manner) as server:
            return outcome_at(endpoint, Place(server.base_url, server=server))

    return run


def _measured(call: Callable[[], Any], server: Server | None) -> Outcome:
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  (what must not come is looked at below)
            results.append(error)

    tracemalloc.start()
    started = time.monotonic()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(HANGS)
    seconds = time.monotonic() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert results, f"hangs: nothing after {HANGS} s"
    value, request_count = results[0], len(server.requests) if server else 0
    if not isinstance(value, BaseException):
        return Outcome("answer", None, request_count, seconds, peak, value)
    assert isinstance(value, AIEndpointsError), f"{type(value).__name__} is not the provider's own: {value!r}"
    return Outcome(type(value).__name__, value.retryable, request_count, seconds, peak, error=value)


CASES = [
    pytest.param(kind, name, where, id=f"{name} - {where}")
    for kind, faults in GROUPS.items()
    for name, fault in faults.items()
    for where in ENDPOINTS
    if fault.of(where)
]


def test_there_are_enough_cases() -> None:
    assert len(CASES) + len(SHAPES) + len(PLACES) * len(ENDPOINTS) >= 400


@pytest.mark.parametrize(("kind", "name", "where"), CASES)
def test_fault(kind: str, name: str, where: str, run_fault: Any, record: Any) -> None:
    fault, endpoint = GROUPS[kind][name], ENDPOINTS[where]
    outcome = run_fault(endpoint, fault.make(endpoint))
    record(name, where, outcome)
    assert outcome.name in fault.outcome.split(" or "), outcome.error
    if outcome.name != "answer":
        assert outcome.requests == _expected_requests(fault, endpoint, outcome.error), outcome.error
        _check_sentence(outcome.error)
    # What is read at most, once as it came and once decompressed or decoded, with room for a few copies.
    assert outcome.peak < 8 * LIMIT + 6_000_000


def _expected_requests(fault: Fault, endpoint: Endpoint, error: Any) -> int:
    if endpoint.optional and error.status in REFUSAL_STATUSES:
        return 2
    twice = fault.again == ALWAYS or (fault.again != NEVER and endpoint.again)
    return 1 + RETRIES if twice and not isinstance(error, InvalidResponseError) else 1


def _check_sentence(error: Any) -> None:
    texts = f"{error} {error!r} {error.detail} {error.response}"
    assert TOKEN not in texts
    assert TOKEN[::-1] not in texts
    assert 20 < len(str(error)) < 1_500
    assert str(error).rstrip().endswith((".", ")", "...", "/")), error
    # Nothing of the HTTP libraries hangs on it, in which the token would be.
    assert error.__cause__ is None
    assert error.__context__ is None or isinstance(error.__context__, AIEndpointsError)


@pytest.mark.parametrize("where", ENDPOINTS)
@pytest.mark.parametrize("name", PLACES)
def test_place(name: str, where: str, outcome_at: Any, record: Any) -> None:
    make, kind = PLACES[name]
    endpoint = ENDPOINTS[where]
    with make(respond(200, endpoint.body, {"Content-Type": endpoint.kind})) as place:
        outcome = outcome_at(endpoint, place)
    record(name, where, outcome)
    if not kind:
        assert (outcome.name, outcome.requests) == ("answer", 1), outcome.error
        return
    error = outcome.error
    assert isinstance(error, APIConnectionError)
    assert error.kind == kind, error
    # A second attempt was made, unless the service may have got the first.
    assert error.attempts == (1 + RETRIES if endpoint.again or not error.may_have_been_processed else 1)
    assert outcome.requests == 0
    _check_sentence(error)
    assert PASSWORD not in str(error)


#: What may stand in the place of anything that is read.
VALUES: dict[str, Any] = {
    "missing": ...,
    "null": None,
    "text": "x",
    "number": 7,
    "huge number": 10**400,
    "NaN": float("nan"),
    "list": [],
    "object": {},
    "true": True,
    "nested": json.loads("[" * 500 + "]" * 500),
}

SHAPES = [
    pytest.param(where, place, value, id=f"{where} {'.'.join(map(str, place))} {value}")
    for where, endpoint in ENDPOINTS.items()
    for place in endpoint.fields
    for value in VALUES
]


@pytest.mark.parametrize(("where", "place", "value"), SHAPES)
def test_shape(where: str, place: tuple[Any, ...], value: str, run_fault: Any, record: Any) -> None:
    endpoint = ENDPOINTS[where]
    good = copy.deepcopy(endpoint.good)
    *way, last = place
    holder = good
    for key in way:
        holder = holder[key]
    if VALUES[value] is ...:
        del holder[last]
    else:
        holder[last] = VALUES[value]
    outcome = run_fault(endpoint, respond(200, good))
    record(f"{'.'.join(map(str, place))} is {value}", where, outcome)
    assert outcome.requests == 1
    if outcome.name == "answer":
        # It is of the type that belongs there, or the place says nothing that is needed.
        assert _still_fits(endpoint, place, value), outcome.value
    else:
        assert outcome.name in {"InvalidResponseError", "InvalidOutputError", "OutputTruncatedError"}
        _check_sentence(outcome.error)


def _still_fits(endpoint: Endpoint, place: tuple[Any, ...], value: str) -> bool:
    good = endpoint.good
    if place == ("data", 0) and value == "missing" and len(good["data"]) == 1 and "b64_json" not in good["data"][0]:
        return True  # a service may serve no model
    for key in place:
        good = good[key]
    if isinstance(good, str):
        return value == "text"
    if isinstance(good, list):
        return value in {"list", "nested"}
    if isinstance(good, dict):
        return value == "object"
    # Without its index a vector is taken in the order in which it came; a number may be another.
    return value in {"number", "true"} or (value in {"missing", "null"} and place[-1] == "index")
