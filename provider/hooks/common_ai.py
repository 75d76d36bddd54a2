"""
Hooks for Airflow's own AI provider: ``@task.llm``, ``@task.agent`` and their operators.

No other module imports this one at import time: it needs ``apache-airflow-providers-common-ai``, an optional package.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any

from .. import defaults
from ..client.http.http_request import Request
from ..client.http.http_response import HTTPResponse, parse
from ..errors import AIEndpointsError
from .ai_endpoints import OVHCloudAIEndpointsHook
from .usage import metrics

_INSTALL_HINT = (
    "OVHcloud AI Endpoints in @task.llm and @task.agent needs apache-airflow-providers-common-ai 1.0 or later: "
    "pip install 'airflow-provider-ovhcloud-ai[common-ai]'"
)

#: pydantic-ai's prefix for OVHcloud's models.
_PREFIX = "ovhcloud:"


def _import_pydantic_ai_hook() -> Any:
    try:
        hook_class = import_module("airflow.providers.common.ai.hooks.pydantic_ai").PydanticAIHook
    except Exception as error:  # its own imports may fail in any way; the fix is the same
        raise ImportError(_INSTALL_HINT) from error
    if not hasattr(hook_class, "_resolve_own_model"):
        raise ImportError(_INSTALL_HINT)
    return hook_class


PydanticAIHook = _import_pydantic_ai_hook()


class OVHCloudAIEndpointsPydanticAIHook(PydanticAIHook):  # type: ignore[valid-type, misc]  # imported by name
    """
    Provides a connection's models to pydantic-ai.

    Not safe to use from several threads: its agents belong to one event loop.

    :param llm_conn_id: id of the Airflow connection
    :param model_id: model id; the connection's chat model unless given
    :param fallback_conn_ids: connections to try in turn if the service doesn't answer
    :param kwargs: arguments of Airflow's ``BaseHook``
    """

    conn_name_attr = "llm_conn_id"
    default_conn_name = defaults.CONN_ID
    conn_type = defaults.CONN_TYPE
    hook_name = defaults.SERVICE_NAME

    @cached_property
    def service(self) -> OVHCloudAIEndpointsHook:
        """
        The hook that reads and tests the connection.
        """
        return OVHCloudAIEndpointsHook(self.llm_conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """
        Test the connection within ten seconds, without billed requests. Never raises.

        :return: whether the connection works, and a message: the result, or the reason and the fix
        """
        return self.service.test_connection()

    def _get_configured_model_name(self) -> str | None:
        return (self.model_id or self.service.settings.chat_model or "").removeprefix(_PREFIX) or None

    def _resolve_own_model(self, *, forwarded_model_id: str | None = None, **_: Any) -> Any:
        from pydantic_ai.models.openai import OpenAIChatModel

        # A model id with the prefix of another service isn't one of this connection's models.
        forwarded = forwarded_model_id if ":" not in (forwarded_model_id or "") else None
        with self.service.boundary():
            name = self.service.choose_model(self._get_configured_model_name() or forwarded, "chat_model")
        return OpenAIChatModel(name, provider=_build_provider(self.service))


class OVHCloudAIEndpointsCommonAIHook(OVHCloudAIEndpointsHook, PydanticAIHook):  # type: ignore[valid-type, misc]  # same
    """
    The hook that Airflow returns for a connection if both providers are installed: our hook, with agents.

    The operators of common-ai accept only subclasses of its own hook.

    Safe to use from several threads, as our hook is; its agents belong to one event loop.

    :param ovh_conn_id: id of the Airflow connection
    :param options: further positional arguments of :class:`.ai_endpoints.OVHCloudAIEndpointsHook`
    :param model_id: model id; the connection's chat model unless given
    :param fallback_conn_ids: connections to try in turn if the service doesn't answer
    :param named_options: further keyword arguments of the same hook
    """

    def __init__(
        self,
        ovh_conn_id: str = defaults.CONN_ID,
        *options: Any,
        model_id: str | None = None,
        fallback_conn_ids: list[str] | None = None,
        **named_options: Any,
    ) -> None:
        super().__init__(ovh_conn_id, *options, **named_options)
        self.llm_conn_id = ovh_conn_id
        self.model_id = model_id
        self.fallback_conn_ids = fallback_conn_ids

    def create_agent(self, *args: Any, **kwargs: Any) -> Any:
        """
        Create a pydantic-ai agent that uses this connection's models.

        :param args: positional arguments of common-ai's ``PydanticAIHook.create_agent``
        :param kwargs: its keyword arguments: ``output_type``, ``instructions``, ``toolsets`` and so on
        :return: the agent
        """
        return self._build_common_ai_hook().create_agent(*args, **kwargs)

    def _resolve_own_model(self, **forwarded: Any) -> Any:
        return self._build_common_ai_hook()._resolve_own_model(**forwarded)

    def _build_common_ai_hook(self) -> OVHCloudAIEndpointsPydanticAIHook:
        hook = OVHCloudAIEndpointsPydanticAIHook(self.ovh_conn_id, self.model_id, self.fallback_conn_ids)
        hook.service = self
        return hook


def _build_provider(service: OVHCloudAIEndpointsHook) -> Any:
    from pydantic_ai.providers.ovhcloud import OVHcloudProvider

    from .methods.openai_client import EVENTS, openai_client

    class Provider(OVHcloudProvider):  # type: ignore[misc]  # not installed beside mypy
        @property
        def base_url(self) -> str:
            return service.settings.client.base_url

    def on_response(request: Request, outcome: HTTPResponse | AIEndpointsError) -> None:
        if isinstance(outcome, AIEndpointsError):
            metrics.count_error(request.model, outcome.status)
            return
        service._log_warning(outcome, request)
        if outcome.content_type != EVENTS:
            value = parse(outcome, request, service.settings.client)
            service._report("chat", request.model, [outcome], value)

    return Provider(openai_client=openai_client(service.settings.client, on_response))
