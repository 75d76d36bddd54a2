"""
What the Test button finds out, as steps of data.

It runs inside Airflow's web server: ten seconds in all, two requests (three where the second says too little), none
of which can be billed, and no retry. Listing models proves only that the service is there, since OVHcloud lists them
to everybody; so the token is shown with a request for a model that does not exist.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .. import defaults
from ..client import replies, requests
from ..client.blocking import Client
from ..client.names import find_model, kind_of, nearest
from ..client.settings import ClientSettings, ConnectionSettings
from ..errors import (
    AIEndpointsError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    InvalidReplyError,
    NotFoundError,
    RateLimitedError,
    TimedOutError,
    TokenRefusedError,
)

#: Words by which a 400 or 422 shows that it looked at the request, and so had let the token pass.
_REQUEST_WORDS = ("model", "request", "param", "messages", "max_tokens", "field")

_HEADLINES = {
    "dns": "host name not found",
    "refused": "connection refused",
    "unreachable": "host not reachable",
    "tls": "TLS certificate not accepted",
    "proxy": "proxy error",
    "lost": "connection lost",
}


@dataclass(frozen=True)
class Step:
    """
    One thing that was found out.

    :param name: what was looked at
    :param state: ``ok``, ``failed``, ``unproven`` or ``not run``
    :param headline: the outcome in a few words
    :param detail: cause and remedy, in sentences
    :param who: who acts: your setting, your token, your quota, the service or the network
    :param milliseconds: how long it took
    """

    name: str
    state: str = "not run"
    headline: str = ""
    detail: str = ""
    who: str = ""
    milliseconds: int = 0


@dataclass(frozen=True)
class Report:
    """
    A whole test.

    :param steps: in the order taken; those after a failure were not run
    :param access: ``token`` or ``anonymous``
    :param models: ids of the models that are listed
    """

    steps: tuple[Step, ...]
    access: str
    models: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """
        Whether nothing failed and the token, where there is one, was accepted.
        """
        return all(step.state == "ok" for step in self.steps)

    @property
    def decisive(self) -> Step:
        """
        The step that the verdict rests on: the first that is not ok, else the last.
        """
        return next((step for step in self.steps if step.state != "ok"), self.steps[-1])

    @property
    def milliseconds(self) -> int:
        """
        How long it took in all.
        """
        return sum(step.milliseconds for step in self.steps)


@dataclass
class _Run:
    """
    A test under way: the client, the time it ends, and the models seen so far.
    """

    settings: ConnectionSettings
    client: Client
    ends: float
    models: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, request: requests.Request, client: Client | None = None) -> replies.Reply:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimedOutError("Timed out: no time was left for this step.", kind="timeout")
        return (client or self.client).send_once(request, timeout=left)


def run_test(settings: ConnectionSettings, seconds: float = defaults.TEST_TIMEOUT) -> Report:
    """
    Find out whether a connection works.

    :param settings: what the connection says
    :param seconds: what the whole test may take
    :return: what was found; nothing is raised
    """
    steps: list[Step] = []
    with _test_client(settings.client) as client:
        run = _Run(settings, client, time.monotonic() + seconds)
        for name, look in _STEPS:
            if steps and steps[-1].state != "ok":
                steps.append(Step(name))
                continue
            steps.append(_timed(name, look, run))
    return Report(tuple(steps), settings.access, tuple(model["id"] for model in run.models))


def _test_client(settings: ClientSettings, token: str | None = None) -> Client:
    return Client(replace(settings, requests_per_minute=None, max_retries=0, token=token or settings.token))


def _timed(name: str, look: Callable[[_Run], Step], run: _Run) -> Step:
    started = time.monotonic()
    try:
        step = look(run)
    except AIEndpointsError as error:
        step = _failure(error, run.settings)
    return replace(step, name=name, milliseconds=round((time.monotonic() - started) * 1000))


def _look_at_settings(run: _Run) -> Step:
    if run.settings.masked:
        return Step(
            "",
            "failed",
            "token not tested",
            "Airflow sent a mask (***) in place of the stored token. Save the connection and run "
            "'airflow connections test <connection id>', which reads it; or type the token again before this test.",
            "your setting",
        )
    if run.settings.access == "token" and not run.settings.client.token:
        return Step(
            "",
            "failed",
            "API key not found",
            "Paste a token into 'API token', or set 'Access' to anonymous.",
            "your setting",
        )
    return Step("", "ok", "settings read")


def _list_models(run: _Run) -> Step:
    request = requests.models()
    reply = run.ask(request)
    base_url = run.settings.client.base_url
    run.models = replies.check_models(replies.parse(reply, request, base_url), reply, request)
    return Step("", "ok", f"{len(run.models)} models")


def _prove_token(run: _Run) -> Step:
    if run.settings.access == "anonymous":
        return Step("", "ok", "anonymous access")
    if _accepts(run.ask, _probe(), None) or _refuses_another(run):
        return Step("", "ok", "token accepted")
    return Step(
        "",
        "unproven",
        "token not proven",
        "The service answers a made-up token just as it answers this one, so a wrong token would look the same. "
        "If it needs none, set 'Access' to anonymous.",
        "the service",
    )


def _probe() -> requests.Request:
    model = f"connection-test-{secrets.token_hex(4)}"
    return requests.chat(model, [{"role": "user", "content": "."}], max_tokens=1)


def _accepts(ask: Callable[..., Any], probe: requests.Request, client: Client | None) -> bool:
    """
    Tell whether the answer to the probe shows by itself that the token was looked at and let pass.
    """
    try:
        ask(probe, client)
    except NotFoundError as error:
        return "model" in (error.detail or "").lower()
    except BadRequestError as error:
        said = (error.detail or "").lower()
        return error.status in {400, 422} and any(word in said for word in _REQUEST_WORDS)
    except InvalidReplyError:
        return False
    return False


def _refuses_another(run: _Run) -> bool:
    with _test_client(run.settings.client, token=_like(run.settings.client.token or "")) as control:
        try:
            run.ask(_probe(), control)
        except TokenRefusedError:
            return True
        except (NotFoundError, BadRequestError, InvalidReplyError):
            return False
    return False


def _like(token: str) -> str:
    """
    Make up a token of the same shape: letters for letters, digits for digits.
    """
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    return "".join(next((secrets.choice(kind) for kind in kinds if letter in kind), letter) for letter in token)


def _check_defaults(run: _Run) -> Step:
    notes = []
    for use, wanted in (("chat", run.settings.chat_model), ("embedding", run.settings.embedding_model)):
        if wanted and not {"@", "?"} & set(wanted):
            notes += _check_default(use, wanted, run.models)
    return Step("", "ok", "default models served", " ".join(notes))


def _check_default(use: str, wanted: str, models: list[dict[str, Any]]) -> list[str]:
    found = find_model(wanted, models)
    if found is None:
        close = nearest(wanted, [model["id"] for model in models])
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise ConfigurationError(f"The {use} model {wanted!r} of the connection is not served.{hint}")
    kind = kind_of(found)
    if kind is not None and kind != use:
        raise ConfigurationError(f"The {use} model {wanted!r} of the connection is a model for {kind}, not for {use}.")
    return [] if found["id"] == wanted else [f"The exact id of the {use} model is {found['id']}."]


_STEPS: tuple[tuple[str, Callable[[_Run], Step]], ...] = (
    ("Settings", _look_at_settings),
    ("Models listed", _list_models),
    ("Token accepted", _prove_token),
    ("Default models served", _check_defaults),
)


def _failure(error: AIEndpointsError, settings: ConnectionSettings) -> Step:
    if isinstance(error, RateLimitedError):
        return _limit_reached(error, settings)
    if isinstance(error, ConnectionFailedError):
        return Step(
            "", "failed", _headline(error), str(error), "your setting" if error.kind == "dns" else "the network"
        )
    if isinstance(error, TokenRefusedError):
        refused = "token refused" if settings.access == "token" else "anonymous access refused"
        return Step("", "failed", f"{refused} ({error.status})", str(error), "your token")
    if isinstance(error, (ConfigurationError, InvalidReplyError, NotFoundError, BadRequestError)):
        return Step("", "failed", _headline(error), str(error), "your setting")
    unproven = settings.access == "token"
    return Step("", "unproven" if unproven else "failed", _headline(error), str(error), "the service")


def _limit_reached(error: RateLimitedError, settings: ConnectionSettings) -> Step:
    if settings.access == "anonymous":
        headline, state = "service reached, limit of requests reached (429)", "ok"
    else:
        headline, state = "token not proven, limit of requests reached (429)", "unproven"
    detail = f"The connection itself is not at fault. {error}"
    return Step("", state, headline, detail, "your quota")


def _headline(error: AIEndpointsError) -> str:
    if isinstance(error, TimedOutError):
        return "timed out"
    if isinstance(error, ConnectionFailedError):
        return _HEADLINES.get(error.kind, "no reply")
    if isinstance(error, ConfigurationError):
        return "default model not usable"
    if isinstance(error, InvalidReplyError):
        return "not an OpenAI-compatible service"
    return f"the service answered {error.status}"
