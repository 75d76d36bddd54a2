"""The service behind the HTTP server: builds the response to each request."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..defaults import RATE_LIMIT_ANONYMOUS_RPM
from .endpoints.batches import Batches
from .endpoints.chat import complete
from .endpoints.embeddings import embed
from .endpoints.endpoint_call import Call
from .endpoints.files import Files
from .endpoints.images import generate
from .endpoints.responses import respond
from .endpoints.strict import check_strictly
from .endpoints.transcriptions import payload as recording
from .endpoints.transcriptions import transcribe
from .http.messages import Refusal, Request, Response, gateway_refusal
from .http.rate_limiter import RateLimiter
from .http.request_bodies import json_payload
from .model_aliases import resolve
from .models import Model, list_models

logger = logging.getLogger(__name__)

#: The service delays calls to a retired model by 10 s; this is long enough to notice, too short to slow down tests.
_RETIRED_DELAY_S = 0.2


@dataclass(frozen=True)
class PlainRoute:
    """
    A route without a model.

    :param method: HTTP method
    :param path: regular expression of the whole path
    :param endpoint: handles the request
    """

    method: str
    path: str
    endpoint: Callable[[Request], Response]


@dataclass(frozen=True)
class ModelRoute:
    """
    A route to a model: the body names it, and its rate limit applies.

    :param method: HTTP method
    :param path: regular expression of the whole path
    :param endpoint: handles the request
    :param purpose: purpose that the model must serve
    :param payload: reads the body
    """

    method: str
    path: str
    endpoint: Callable[[Call], Response]
    purpose: str
    payload: Callable[[Request], dict[str, Any]] = json_payload


@dataclass(frozen=True)
class AccountRoute:
    """
    A route for callers with a token only.

    :param method: HTTP method
    :param path: regular expression of the whole path; its named groups are arguments of the endpoint
    :param endpoint: handles the request
    """

    method: str
    path: str
    endpoint: Callable[..., Response]


Route = PlainRoute | ModelRoute | AccountRoute

ROUTES: tuple[PlainRoute | ModelRoute, ...] = (
    PlainRoute("GET", r"/v1/models", list_models),
    ModelRoute("POST", r"/v1/chat/completions", complete, "chat"),
    ModelRoute("POST", r"/v1/embeddings", embed, "embedding"),
    ModelRoute("POST", r"/v1/images/generations", generate, "image"),
    ModelRoute("POST", r"/v1/responses", respond, "chat"),
    ModelRoute("POST", r"/v1/audio/transcriptions", transcribe, "transcription", recording),
)


class Service:
    """
    AI Endpoints without a network.

    :param token: the one token that is accepted
    :param rate_limit: requests a minute with the token, for each model
    :param batch_seconds: duration of a batch
    :param batch_expires: seconds after which a batch expires, None for never
    :param token_limit: tokens a minute for each model, None for no limit
    :param strict: whether to refuse optional fields and messages that strict servers refuse
    """

    def __init__(
        self,
        token: str,
        rate_limit: int,
        batch_seconds: float = 0.0,
        batch_expires: float | None = None,
        token_limit: int | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._strict = strict
        self._token = token
        self._rate_limit, self._token_limit = rate_limit, token_limit
        self.limiter = RateLimiter()
        files = Files()
        self._routes: tuple[Route, ...] = (
            *ROUTES,
            *_account_routes(files, Batches(files, partial(_run, strict=strict), batch_seconds, batch_expires)),
        )

    def answer(self, request: Request) -> Response:
        """
        Answer one request, without ever raising an exception.

        :param request: the request
        :return: the response
        """
        try:
            return self._answer(request)
        except Refusal as refusal:
            return refusal.response
        except Exception:  # a defect here must reach the client as a 500, not as a lost connection
            logger.exception("The sandbox failed on %s %s", request.method, request.path)
            return Response(500, {"message": "An unexpected error occurred"})

    def _answer(self, request: Request) -> Response:
        route = _route(self._routes, request)
        with_token = self._authenticate(request.headers.get("authorization"))
        if isinstance(route, PlainRoute):
            return route.endpoint(request)
        if isinstance(route, AccountRoute):
            if not with_token:
                raise gateway_refusal(401, "Unauthorized: batches and files need a token")
            names = re.fullmatch(route.path, request.path)
            return route.endpoint(request, **(names.groupdict() if names else {}))
        payload = route.payload(request)
        model, name = resolve(payload.get("model"), route.purpose)
        headers = self._limit(with_token, model)
        response = _run_endpoint(route, Call(model, name, payload), request.path, strict=self._strict)
        response.headers |= headers | self._count_tokens(model, response.tokens)
        return _add_warning(response, model)

    def _authenticate(self, header: str | None) -> bool:
        """Return whether a request has the token; refuse one with a wrong token."""
        if header is None:
            return False
        scheme, _, token = header.partition(" ")
        matches = hmac.compare_digest(token.strip().encode(), self._token.encode())
        if scheme.lower() != "bearer" or not matches:
            raise gateway_refusal(403, "Forbidden: authentication failed")
        return True

    def _limit(self, with_token: bool, model: Model) -> dict[str, str]:
        caller, limit = ("token", self._rate_limit) if with_token else ("anonymous", RATE_LIMIT_ANONYMOUS_RPM)
        quota = self.limiter.take(caller, model.id, limit)
        if not quota.is_granted:
            raise gateway_refusal(429, "API rate limit exceeded", quota.headers)
        tokens = self._count_tokens(model, 0)
        if tokens.get("x-ratelimit-remaining-tokens") == "0":
            raise gateway_refusal(429, "Token rate limit exceeded", quota.headers | tokens)
        return quota.headers

    def _count_tokens(self, model: Model, count: int) -> dict[str, str]:
        """Count a response's tokens, which all callers of a model share; return the headers of the limit."""
        if self._token_limit is None:
            return {}
        return self.limiter.take("tokens", model.id, self._token_limit, count).token_headers


def _account_routes(files: Files, batches: Batches) -> tuple[AccountRoute, ...]:
    file, batch = r"/v1/files/(?P<file_id>[\w-]+)", r"/v1/batches/(?P<batch_id>[\w-]+)"
    return (
        AccountRoute("POST", "/v1/files", files.upload),
        AccountRoute("GET", "/v1/files", files.list_),
        AccountRoute("GET", file, files.retrieve),
        AccountRoute("DELETE", file, files.delete),
        AccountRoute("GET", f"{file}/content", files.content),
        AccountRoute("POST", "/v1/batches", batches.create),
        AccountRoute("GET", "/v1/batches", batches.list_),
        AccountRoute("GET", batch, batches.retrieve),
        AccountRoute("POST", f"{batch}/cancel", batches.cancel),
    )


def _run(path: str, payload: Mapping[str, Any], *, strict: bool) -> tuple[int, Any]:
    """Run the request of a batch's line, which no rate limit applies to."""
    route = next(route for route in ROUTES if isinstance(route, ModelRoute) and route.path == path)
    try:
        model, name = resolve(payload.get("model"), route.purpose)
    except Refusal as refusal:
        response = refusal.response
    else:
        response = _run_endpoint(route, Call(model, name, dict(payload)), path, strict=strict)
    return response.status, response.body


def _route(routes: tuple[Route, ...], request: Request) -> Route:
    matches = [route for route in routes if re.fullmatch(route.path, request.path)]
    if not matches:
        raise gateway_refusal(404, "no Route matched with those values")
    for route in matches:
        if route.method == request.method:
            return route
    allowed = ", ".join(route.method for route in matches)
    raise gateway_refusal(405, f"Method not allowed, use {allowed}", {"Allow": allowed})


def _run_endpoint(route: ModelRoute, call: Call, path: str, *, strict: bool) -> Response:
    """Turn a refusal of the model into a response, so that it gets the gateway's headers."""
    try:
        if strict:
            check_strictly(path, call.payload)
        return route.endpoint(call)
    except Refusal as refusal:
        return refusal.response


def _add_warning(response: Response, model: Model) -> Response:
    if successor := model.redirected_to:
        response.headers["x-warning"] = f"This model is deprecated and will be redirected to {successor}"
        response.delay += _RETIRED_DELAY_S
    return response
