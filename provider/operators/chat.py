"""
The operator that sends a prompt to a language model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..client.chat import chat_response
from ._chat_request import ChatRequestOperator

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.chat.conversation import Conversation


class OVHCloudAIEndpointsChatOperator(ChatRequestOperator):
    """
    Send a prompt or messages to a language model; XCom has the response in OpenAI's format, or its part in ``output``.

    More XComs: ``usage`` (tokens of all requests, and their cost), ``finish_reason``, ``model``, ``request_id``, and
    ``reasoning`` if the model returns it.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param output: return value: ``response``, ``text``, ``json`` or ``message``; default: ``json`` if
        ``response_format`` describes data, else ``response``
    :param stream: whether to write the answer to the task's log as it arrives; the response is the same
    :param timeout: seconds for one attempt, from name lookup to the last byte, and with ``stream`` between two bytes;
        default: the connection's timeout
    :param extra_body: more fields of the request, such as ``seed`` or ``tool_choice``
    :param kwargs: parameters of :class:`._chat_request.ChatRequestOperator`
    """

    def __init__(self, *, output: str | None = None, stream: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Airflow's own `output` refers to the result in a DAG.
        self._output = output
        self.stream = stream

    def execute(self, context: Context) -> Any:
        """
        Send the request, and return the response or its part in ``output``.

        :param context: the task's context
        :return: the response in OpenAI's format, its message, its text, or its data
        :raises InvalidOutputError: if the answer doesn't match ``response_format``; ``response`` has the answer
        :raises BudgetExceededError: if ``max_cost`` or ``max_total_tokens`` was reached before the end
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "chat_model")
        conversation = self._conversation()
        try:
            answer = conversation.run()
            with self.hook.boundary():
                return answer.output(self._kind())
        finally:
            # Also if it failed: those requests are billed.
            if conversation.response is not None:
                self._report(context, conversation)

    def _conversation(self) -> Conversation:
        with self.hook.boundary():
            chat_response.check_output(self._kind())
        params = self.chat_params("stream")
        if self.response_format is None and self._output == "json":
            # The API's own parameter for JSON.
            params["response_format"] = params["extra_body"].pop("response_format", {"type": "json_object"})
        return self.hook.conversation(
            self.prompt,
            self.model,
            messages=self.messages,
            system_prompt=self.system_prompt,
            images=self.images,
            max_cost=self.max_cost,  # type: ignore[arg-type]  # rendered text is read by the hook
            max_total_tokens=self.max_total_tokens,  # type: ignore[arg-type]  # likewise
            stream=self.stream,
            **params,
        )

    def _kind(self) -> str:
        if self._output is not None:
            return self._output
        from ..client.chat.structured_output import is_structured

        return "json" if is_structured(self.response_format) else "response"

    def _report(self, context: Context, conversation: Conversation) -> None:
        self.report_usage(context, conversation.usage_tracker, priced=self.report_cost)
        if not self.do_xcom_push:
            return
        response = conversation.response or {}
        metadata = {
            "finish_reason": chat_response.read_finish_reason(response),
            "model": response.get("model"),
            "request_id": conversation.request_id,
            "reasoning": chat_response.read_reasoning(response),
        }
        for key, value in metadata.items():
            if value is not None:
                self.push_xcom(context, key, value)


#: The name in OVHcloud's documentation, and in DAGs of the earlier distribution.
OVHCloudAIEndpointsChatCompletionsOperator = OVHCloudAIEndpointsChatOperator
