"""
The connection test behind the Test button, as a report of steps.

It runs inside Airflow's web server. It takes ten seconds at most, sends two requests (three if the second is
inconclusive), none of which can be billed, and never retries. OVHcloud lists its models to everyone, so a list proves
only that the service is up. A request for a model that doesn't exist then proves the access.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from .. import defaults
from ..client.chat import chat_request
from ..client.embeddings import embeddings_request
from ..client.http import http_request, http_response
from ..client.http.sync_client import Client
from ..client.models import model_list
from ..client.ratelimit.ratelimit_headers import MINUTE_S, TOKENS, read_quotas
from ..client.settings import ClientSettings
from ..defaults import is_ovhcloud
from ..errors import AIEndpointsError, APITimeoutError, ConfigurationError, InvalidResponseError
from ..redaction import excerpts
from . import check_failures as causes
from .check_report import ACCESS, SERVICE, SETTING, Report, Step
from .default_models import check_default_models
from .settings import ConnectionSettings

#: Bytes of a list of models: OVHcloud's has 8 kB. Much more would only keep the web server busy.
MAX_LIST_BYTES = 4_000_000

MODELS = "Models"

_LIST = "the list of models"
_PROBE = "a request for a model that does not exist"


@dataclass
class _Run:
    """
    A test under way, with its results so far.
    """

    settings: ConnectionSettings
    client: Client
    seconds: float
    ends: float
    first: http_response.HTTPResponse | AIEndpointsError = field(
        default_factory=lambda: InvalidResponseError("Nothing was asked.")
    )
    models: list[dict[str, Any]] | None = None
    limit: int | None = None
    token_limit: int | None = None

    def ask(self, request: http_request.Request, client: Client | None = None) -> http_response.HTTPResponse:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise APITimeoutError("Timed out: no time was left.", kind="timeout")
        response = (client or self.client).exchange(request, timeout=left)
        stated = response.headers.get("x-ratelimit-limit-minute", "")
        self.limit = int(stated) if stated.isdecimal() and len(stated) < 10 else self.limit
        for quota in read_quotas(response.headers, time.time()):
            if quota.unit == TOKENS and quota.window in {None, MINUTE_S}:
                self.token_limit = int(quota.limit)
        return response


def run_test(settings: ConnectionSettings, seconds: float = defaults.TEST_TIMEOUT_S) -> Report:
    """
    Test a connection.

    :param settings: of the connection
    :param seconds: time limit of the whole test
    :return: the test's steps, and the models that the service lists
    """
    return _run(settings, seconds, _STEPS)[0]


def run_model_list(
    settings: ConnectionSettings, seconds: float = defaults.TEST_TIMEOUT_S
) -> tuple[Report, list[dict[str, Any]] | None]:
    """
    List the models: run the test's steps up to that one only.

    :param settings: of the connection
    :param seconds: time limit of all steps
    :return: the steps, and the models as the service lists them, or None if a step failed
    """
    return _run(settings, seconds, _STEPS[: _NAMES.index(MODELS) + 1])


def invalid_settings(error: ConfigurationError) -> Report:
    """
    Report a connection whose settings can't work.

    :param error: names the setting and the reason
    :return: a report whose first step failed
    """
    first = Step("failed", "the settings cannot work", str(error), SETTING, name=_NAMES[0])
    return Report((first, *(Step(name=name) for name in _NAMES[1:])), access="")


_Steps = tuple[tuple[str, Callable[[_Run], Step]], ...]


def _run(
    settings: ConnectionSettings, seconds: float, steps_to_run: _Steps
) -> tuple[Report, list[dict[str, Any]] | None]:
    steps: list[Step] = []
    with _test_client(settings.client) as client:
        run = _Run(settings, client, seconds, time.monotonic() + seconds, limit=_documented_limit(settings))
        for name, check in steps_to_run:
            goes_on = all(step.state == "ok" for step in steps)
            steps.append(_time_step(name, check, run) if goes_on else Step(name=name))
    return Report(tuple(steps), settings.access, _ids(run), run.limit, run.token_limit), run.models


def _test_client(settings: ClientSettings, token: str | None = None) -> Client:
    return Client(replace(settings, token=token or settings.token, max_response_bytes=MAX_LIST_BYTES))


def _documented_limit(settings: ConnectionSettings) -> int | None:
    if not is_ovhcloud(urlsplit(settings.client.base_url).hostname or ""):
        return None
    return defaults.RATE_LIMIT_TOKEN_RPM if settings.access == "token" else defaults.RATE_LIMIT_ANONYMOUS_RPM


def _ids(run: _Run) -> tuple[str, ...] | None:
    if run.models is None:
        return None
    return tuple(excerpts((model["id"] for model in run.models), run.settings.client.token, 200))


def _time_step(name: str, check: Callable[[_Run], Step], run: _Run) -> Step:
    started = time.monotonic()
    try:
        step = check(run)
    except AIEndpointsError as error:
        step = causes.connection_failed(error, run.settings, run.seconds)
        if run.models is not None and run.settings.access == "token":
            step = replace(step, state="inconclusive")
    return replace(step, name=name, milliseconds=step.milliseconds or _milliseconds(time.monotonic() - started))


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _check_settings(run: _Run) -> Step:
    if run.settings.access == "anonymous" or run.settings.client.token:
        return Step("ok", "settings read")
    if run.settings.masked:
        remedy = (
            "Run 'airflow connections test <connection id>', which reads the stored token; a request to Airflow's API "
            "has to carry the token itself."
        )
        return Step("failed", "token not tested, Airflow passed *** in its place", remedy, SETTING)
    remedy = (
        "Paste a token into 'API token', or set 'Access' to anonymous. Is one stored already, then the edit form of "
        "Airflow 2.11 has not sent it: type it again to test it there."
    )
    return Step("failed", "API key not found", remedy, SETTING)


def _connect(run: _Run) -> Step:
    """
    Request the list of models; succeed if the connection could be opened.
    """
    try:
        run.first = response = run.ask(model_list.models())
    except AIEndpointsError as error:
        if causes.was_not_reached(error):
            raise
        run.first, seconds = error, error.connect_seconds
    else:
        seconds = response.connect_seconds
    reached = "proxy reached" if run.settings.client.proxy else "connected"
    return Step("ok", reached, milliseconds=_milliseconds(seconds or 0))


def _check_tls(run: _Run) -> Step:
    if urlsplit(run.settings.client.base_url).scheme == "http":
        return Step("ok", "plain HTTP, nothing is encrypted")
    if isinstance(run.first, AIEndpointsError) and not run.first.may_have_been_processed:
        raise run.first
    response = run.first if isinstance(run.first, http_response.HTTPResponse) else None
    seconds = (response.secured or 0) - (response.connect_seconds or 0) if response else 0
    return Step("ok", "certificate accepted", milliseconds=_milliseconds(seconds))


def _list_models(run: _Run) -> Step:
    request, response = model_list.models(), run.first
    if not isinstance(response, http_response.HTTPResponse):
        raise response
    failure = causes.explain_status(response, run.settings, _LIST, time.time())
    if failure:
        return failure
    if response.status >= 400:
        return causes.list_failed(response, run.settings)
    try:
        run.models = model_list.parse_models(response, request, run.settings.client)
    except InvalidResponseError:
        return causes.list_failed(response, run.settings)
    seconds = response.seconds - (response.secured or response.connect_seconds or 0)
    return Step("ok", f"{len(run.models)} models", milliseconds=_milliseconds(seconds))


def _prove_access(run: _Run) -> Step:
    response = run.ask(_probe(run))
    failure = causes.explain_status(response, run.settings, _PROBE, time.time())
    if failure:
        return failure
    if run.settings.access == "token":
        return (
            Step("ok", "token accepted")
            if causes.speaks_of_request(response)
            else _probe_with_random_token(run, response)
        )
    if response.status < 300 or causes.speaks_of_request(response):
        return Step("ok", "anonymous access works, no token is sent")
    return causes.unclear_response(response, run.settings, _PROBE)


def _probe(run: _Run) -> http_request.Request:
    # A service that serves any model name is asked for one token at most.
    model = f"connection-test-{secrets.token_hex(4)}"
    if run.settings.embedding_model and not run.settings.chat_model:
        # It may be one that only embeds, and answers anything else with a fault of its own.
        return next(embeddings_request.embeddings(model, "."))[1]
    return chat_request.chat(model, [{"role": "user", "content": "."}], max_tokens=1)


def _probe_with_random_token(run: _Run, response: http_response.HTTPResponse) -> Step:
    """
    Send a random token to see if the service refuses it, because the response to ours proves nothing by itself.
    """
    made_up = _similar_token(run.settings.client.token or "")
    with _test_client(run.settings.client, made_up) as client:
        control = run.ask(_probe(run), client)
    if control.status in {401, 403}:
        return Step("ok", "token accepted")
    detail = (
        f"{causes.describe_host(run.settings)} answers {control.status} to a made-up token and {response.status} to "
        "this one: a wrong token would go unnoticed. If the service needs none, set 'Access' to anonymous."
    )
    inconclusive = Step("inconclusive", "a made-up token is not refused either", detail, SERVICE)
    return causes.explain_status(control, run.settings, _PROBE, time.time()) or inconclusive


def _similar_token(token: str) -> str:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    return "".join(next((secrets.choice(kind) for kind in kinds if letter in kind), letter) for letter in token)


def _check_models(run: _Run) -> Step:
    return check_default_models(run.settings, run.models or [])


_STEPS: _Steps = (
    ("Settings", _check_settings),
    ("Name and reach", _connect),
    ("TLS", _check_tls),
    (MODELS, _list_models),
    (ACCESS, _prove_access),
    ("Default models", _check_models),
)
_NAMES = [name for name, _ in _STEPS]
