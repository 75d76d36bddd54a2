"""
The operator that asks a language model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context


class OVHCloudAIEndpointsChatCompletionsOperator(AIEndpointsOperator):
    """
    Ask a language model; the response goes to XCom in OpenAI's format.

    :param model: model id; the connection's chat model unless given
    :param messages: the conversation, each message with ``role`` and ``content``
    :param temperature: randomness, 0 to 2; None leaves it to the model
    :param max_tokens: tokens to generate at most
    :param top_p: nucleus sampling, 0 to 1
    :param stop: one text or several at which to stop
    :param stream: whether the answer is written into the task's log as it comes; the response is the same
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte, and with ``stream`` for silence; the
        connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    :param extra_body: further parameters of the request, such as ``tools``, ``response_format``, ``seed`` or
        ``reasoning_effort``
    :param render: whether templates in ``messages`` are rendered; False sends braces as they are
    """

    template_fields = (
        "model",
        "messages",
        "temperature",
        "max_tokens",
        "top_p",
        "stop",
        "extra_body",
        "ovh_conn_id",
        "timeout",
        "max_retries",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"messages": "json", "extra_body": "json"}
    prompt_fields = ("messages",)

    def __init__(
        self,
        *,
        model: str | None = None,
        messages: Any = None,
        temperature: float | str | None = defaults.TEMPERATURE,
        max_tokens: int | str | None = None,
        top_p: float | str | None = None,
        stop: str | list[str] | None = None,
        stream: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.messages = messages
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.top_p = top_p
        self.stop = stop
        self.stream = stream

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Ask, and return the response.

        :param context: the task's context
        :return: the response in OpenAI's format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "chat_model")
        asked = ("temperature", "max_tokens", "top_p", "stop")
        further = self.further_parameters(("model", "messages", *asked, "stream"))
        # Rendered text is read by the client.
        options: dict[str, Any] = {name: getattr(self, name) for name in asked} | further
        if not self.stream:
            return self.hook.chat_completion(self.model, self.messages, **options)
        from ..hooks.chat_stream import log_lines

        stream = self.hook.stream_chat_completion(self.model, self.messages, **options)
        return log_lines(stream, self.log, self.hook.settings.client.token)
