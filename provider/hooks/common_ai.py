"""
The connection in Airflow's own AI provider: ``@task.llm``, ``@task.agent`` and their operators.

Nothing else imports this at import time: it needs ``apache-airflow-providers-common-ai``, which few have.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any

from .. import defaults
from ..client.http.http_request import Request
from ..client.http.http_response import Reply, parse
from ..errors import AIEndpointsError
from .ai_endpoints import OVHCloudAIEndpointsHook
from .usage import metrics

_NEEDED = (
    "OVHcloud AI Endpoints in @task.llm and @task.agent needs apache-airflow-providers-common-ai 1.0 or later: "
    "pip install 'airflow-provider-ovhcloud-ai[common-ai]'"
)

#: How pydantic-ai spells that a model is OVHcloud's.
_PREFIX = "ovhcloud:"


def _theirs() -> Any:
    try:
        found = import_module("airflow.providers.common.ai.hooks.pydantic_ai").PydanticAIHook
    except Exception as error:  # whatever is wrong with what it imports in turn, the remedy is the same
        raise ImportError(_NEEDED) from error
    if not hasattr(found, "_resolve_own_model"):
        raise ImportError(_NEEDED)
    return found


PydanticAIHook = _theirs()


class OVHCloudAIEndpointsPydanticAIHook(PydanticAIHook):  # type: ignore[valid-type, misc]  # imported by name
    """
    Give a connection's models to pydantic-ai.

    Not safe to use from several threads: an agent that it makes is at home on one event loop.

    :param llm_conn_id: Airflow connection
    :param model_id: model id; the connection's chat model unless given
    :param fallback_conn_ids: connections to ask in turn while the service does not answer
    :param kwargs: of Airflow's ``BaseHook``
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
        Find out within ten seconds whether the connection works; never billed, never raises.

        :return: whether it does, and a sentence that says so, or why not and what to do
        """
        return self.service.test_connection()

    def _get_configured_model_name(self) -> str | None:
        return (self.model_id or self.service.settings.chat_model or "").removeprefix(_PREFIX) or None

    def _resolve_own_model(self, *, forwarded_model_id: str | None = None, **_: Any) -> Any:
        from pydantic_ai.models.openai import OpenAIChatModel

        # Another connection's model is no model of this one's when it names its service.
        forwarded = forwarded_model_id if ":" not in (forwarded_model_id or "") else None
        with self.service.boundary():
            name = self.service.model_for(self._get_configured_model_name() or forwarded, "chat_model")
        return OpenAIChatModel(name, provider=_provider(self.service))


class OVHCloudAIEndpointsCommonAIHook(OVHCloudAIEndpointsHook, PydanticAIHook):  # type: ignore[valid-type, misc]  # same
    """
    What Airflow gives for a connection where both providers are installed: our hook, which makes agents as well.

    common-ai takes no hook for its operators but a subclass of its own.

    Safe to use from several threads as our hook is; an agent that it makes is at home on one event loop.

    :param ovh_conn_id: Airflow connection
    :param options: further ones of :class:`.ai_endpoints.OVHCloudAIEndpointsHook`
    :param model_id: model id; the connection's chat model unless given
    :param fallback_conn_ids: connections to ask in turn while the service does not answer
    :param named_options: the same as ``options``
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
        Make a pydantic-ai agent that asks this connection's models.

        :param args: as for common-ai's ``PydanticAIHook.create_agent``
        :param kwargs: likewise: ``output_type``, ``instructions``, ``toolsets`` and so on
        :return: the agent
        """
        return self._of_common_ai().create_agent(*args, **kwargs)

    def _resolve_own_model(self, **forwarded: Any) -> Any:
        return self._of_common_ai()._resolve_own_model(**forwarded)

    def _of_common_ai(self) -> OVHCloudAIEndpointsPydanticAIHook:
        hook = OVHCloudAIEndpointsPydanticAIHook(self.ovh_conn_id, self.model_id, self.fallback_conn_ids)
        hook.service = self
        return hook


def _provider(service: OVHCloudAIEndpointsHook) -> Any:
    from pydantic_ai.providers.ovhcloud import OVHcloudProvider

    from .methods.openai_client import EVENTS, openai_client

    class Provider(OVHcloudProvider):  # type: ignore[misc]  # not installed beside mypy
        @property
        def base_url(self) -> str:
            return service.settings.client.base_url

    def heard(request: Request, outcome: Reply | AIEndpointsError) -> None:
        if isinstance(outcome, AIEndpointsError):
            metrics.count_error(request.model, outcome.status)
            return
        service._pass_on_warning(outcome, request)
        if outcome.content_type != EVENTS:
            value = parse(outcome, request, service.settings.client)
            service._report("chat", request.model, [outcome], value)

    return Provider(openai_client=openai_client(service.settings.client, heard))
