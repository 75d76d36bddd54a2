"""
Base class of the hook: the connection's settings, the client, and errors for Airflow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from .. import defaults
from ..client.fork_lock import create_fork_lock
from ..client.http import error_meaning, http_request
from ..client.http.http_response import HTTPResponse, parse
from ..client.http.sync_client import Client
from ..client.models import model_list, model_names
from ..client.parallel import Concurrency, limit_by_open_files
from ..client.ratelimit.pacer import find_pacer
from ..client.usage import read_usage
from ..compat import AirflowNotFoundException, BaseHook
from ..connection.reader import explain_missing_connection, read_settings
from ..connection.settings import ConnectionSettings
from ..errors import AIEndpointsError, ConfigurationError, NotFoundError
from ..json_values import is_suspect, make_storable
from ..redaction import excerpt, scrub
from ..validation import integer
from .airflow_errors import raise_for_airflow
from .bulk.progress import Progress
from .usage import metrics

#: Held while a hook reads its connection, as Airflow 3.0 mixes up responses to several threads of a task, and while it
#: creates its client, so that all threads share one. Global, as hooks are copied and pickled.
_creation_lock = create_fork_lock()


class BaseAIEndpointsHook(BaseHook):
    """
    The connection's settings and client, and sending of requests.

    :param ovh_conn_id: id of the Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether a non-retryable error fails the task at once, without its remaining ``retries``
    """

    def __init__(
        self,
        ovh_conn_id: str = defaults.CONN_ID,
        timeout: float | None = None,
        max_retries: int | None = None,
        fail_fast: bool = True,
    ) -> None:
        super().__init__()
        self.ovh_conn_id = ovh_conn_id
        self.timeout = timeout
        self.max_retries = max_retries
        self.fail_fast = fail_fast
        self._settings: ConnectionSettings | None = None
        self._client: Client | None = None
        self._warnings: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        # Settings hold the token, the client holds sockets, and the log of Airflow 3 holds locks.
        return {**self.__dict__, "_settings": None, "_client": None, "_log": None}

    @property
    def settings(self) -> ConnectionSettings:
        """
        The settings of the connection, read once.
        """
        if self._settings is None:
            with self.boundary(), _creation_lock:
                self._settings = self._settings or self._read_settings()
        return self._settings

    def get_conn(self) -> Client:
        """
        Return the client, which keeps its connections open between calls.

        :return: the client
        :raises ConfigurationError: if the connection is invalid
        """
        if self._client is None:
            settings = self.settings.client
            with _creation_lock:
                self._client = self._client or Client(settings)
        return self._client

    def list_models(self) -> list[dict[str, Any]]:
        """
        List the service's models.

        :return: the models as the service describes them: ``id``, ``pricing``, ``context_length`` and so on
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._models(self._send)

    def find_concurrency(self, value: Any, model: str | None) -> Concurrency:
        """
        Find the number of concurrent requests.

        :param value: a number, or ``auto`` for as many as the rate limit needs at the current latency
        :param model: model id
        :return: the number, or a function that returns it at any moment
        :raises ConfigurationError: if it is neither
        """
        if value == "auto":
            settings = self.settings.client
            maximum = limit_by_open_files(defaults.MAX_CONCURRENCY)
            return lambda: min(find_pacer(settings, model).concurrency, maximum)
        return integer(value, "concurrency", 1, defaults.MAX_CONCURRENCY)

    def _track_progress(self, what: str, model: str, total: int | None = None) -> Progress:
        settings = self.settings.client
        return Progress(
            self.log,
            f"AI Endpoints {what}: model={model}",
            total,
            find_rate=lambda: find_pacer(settings, model).find_rate(settings),
        )

    def _models(self, send: Callable[[http_request.Request], HTTPResponse]) -> list[dict[str, Any]]:
        request = model_list.models()
        response = send(request)
        models = model_list.parse_models(response, request, self.settings.client)
        return self.make_storable(models) if is_suspect(response.body) else models

    def _read_settings(self) -> ConnectionSettings:
        return read_settings(self._get_connection(), timeout=self.timeout, max_retries=self.max_retries)

    def _get_connection(self) -> Any:
        try:
            return self.get_connection(self.ovh_conn_id)
        except (AirflowNotFoundException, ValueError):
            pass
        # Raised outside the handler: the original error may contain the token, and would be chained.
        raise ConfigurationError(explain_missing_connection(self.ovh_conn_id))

    def choose_model(self, model: Any, default: str) -> Any:
        """
        Return the model id, or the connection's default model.

        :param model: model id, or None for the default
        :param default: setting of the default model: ``chat_model`` or ``embedding_model``
        :return: the model id
        :raises ConfigurationError: if both are None
        """
        if model is not None:
            return model
        default_model = getattr(self.settings, default)
        if default_model is None:
            raise ConfigurationError(
                f"No model: name one, or set '{default.replace('_', ' ').capitalize()}' in the connection "
                f"{self.ovh_conn_id!r}."
            )
        return default_model

    def _send(self, request: http_request.Request) -> HTTPResponse:
        try:
            response = self.get_conn().send(request)
        except AIEndpointsError as error:
            failure = self._count_error(error, request)
        else:
            self._log_warning(response, request)
            return response
        raise failure from None

    def _parse(self, response: HTTPResponse, request: http_request.Request) -> dict[str, Any]:
        """
        Parse the JSON of a response, so that every store can hold it.
        """
        value = parse(response, request, self.settings.client)
        return self.make_storable(value) if is_suspect(response.body) else value

    def make_storable(self, value: Any) -> Any:
        """
        Replace characters and numbers that XCom or a file can't hold, and log the first time.

        :param value: a JSON value
        :return: a copy with U+FFFD in place of half characters and NUL, and None for numbers that aren't finite
        """
        storable, replaced = make_storable(value)
        if replaced:
            self._warn_replaced()
        return storable

    def _warn_replaced(self) -> None:
        self._warn_once(
            "The service returned characters or numbers that XCom can't hold (half of a surrogate pair, NUL, NaN). "
            "They are replaced by U+FFFD and null."
        )

    def _warn_once(self, message: str, *args: object) -> None:
        text = message % args
        if text not in self._warnings:
            self._warnings.add(text)
            self.log.warning("%s", text)

    def _count_error(self, error: AIEndpointsError, request: http_request.Request) -> AIEndpointsError:
        metrics.count_error(request.model, error.status)
        return self._with_suggestions(error, request) if isinstance(error, NotFoundError) else error

    def _log_warning(self, response: HTTPResponse, request: http_request.Request) -> None:
        if warning := response.headers.get("x-warning"):
            text = excerpt(scrub(warning, self.settings.client.token))
            # The service sends it with every response.
            self._warn_once("The service warns about %s: %s", request.model or request.description, text)

    def _with_suggestions(self, error: NotFoundError, request: http_request.Request) -> NotFoundError:
        if request.model and error_meaning.is_missing_model(error):
            try:
                names = [model["id"] for model in self._models(self.get_conn().send_once)]
            except AIEndpointsError:
                return error
            return model_names.with_suggestions(error, request.model, names)
        return error

    def _report(
        self,
        what: str,
        model: str | None,
        responses: Sequence[HTTPResponse],
        value: Mapping[str, Any],
        level: int = logging.INFO,
    ) -> None:
        usage = read_usage(value, len(responses))
        metrics.count(model, usage)
        facts = {
            "milliseconds": int(sum(response.seconds for response in responses) * 1000),
            "requests": len(responses),
            "attempts": sum(response.attempts for response in responses),
            "request_id": responses[-1].request_id,
            "finish_reason": _read_finish_reason(value),
        }
        summary = " ".join(f"{name}={fact}" for name, fact in facts.items() if fact is not None)
        counts = f" {usage}".rstrip()
        self.log.log(level, "AI Endpoints %s: model=%s%s %s", what, value.get("model") or model, counts, summary)

    @contextmanager
    def boundary(self) -> Iterator[None]:
        """
        Raise errors of this provider as Airflow's exceptions, see :mod:`.airflow_errors`.
        """
        with raise_for_airflow(fail_fast=self.fail_fast):
            yield


def _read_finish_reason(value: Mapping[str, Any]) -> Any:
    choices = value.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("finish_reason") if isinstance(first, Mapping) else None
