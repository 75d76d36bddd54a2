"""
The operator that sends a prompt to a language model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ..client.chat import chat_response
from ._base import AIEndpointsOperator
from ._prompt_files import PromptFiles

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.chat.conversation import Conversation

#: Fields of the request that the operator has parameters for.
_OPERATOR_PARAMS = ("model", "messages", "temperature", "max_tokens", "top_p", "stop", "stream")
_REQUEST_PARAMS = ("temperature", "max_tokens", "top_p", "stop", "reasoning_effort")


class OVHCloudAIEndpointsChatOperator(PromptFiles, AIEndpointsOperator):
    """
    Send a prompt or messages to a language model; XCom has the response in OpenAI's format, or its part in ``output``.

    More XComs: ``usage`` (tokens of all requests, and their cost), ``finish_reason``, ``model``, ``request_id``, and
    ``reasoning`` if the model returns it.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id, case-sensitive; default: the connection's chat model
    :param messages: the conversation, each message with ``role`` and ``content``
    :param prompt: the user's message, instead of ``messages``
    :param system_prompt: the system message
    :param prompt_file: file that holds the prompt; Airflow looks for it as for template files, beside the DAG file or
        in the DAG's ``template_searchpath``, and renders it like ``prompt``
    :param system_prompt_file: file that holds the system prompt, likewise
    :param images: paths of images for the user's last message, on this machine or in object storage
    :param output: return value: ``response``, ``text``, ``json`` or ``message``; default: ``json`` if
        ``response_format`` describes data, else ``response``
    :param response_format: format of the answer: a JSON schema, a Python type, or the API's own ``response_format``
    :param repair: whether to send back an answer in another format once
    :param tools: typed Python functions, which the task runs, and dictionaries in OpenAI's format, whose calls it
        returns
    :param max_tool_rounds: maximum number of rounds of function calls
    :param reasoning_effort: such as ``low``, ``medium`` or ``high``, if the model supports it
    :param temperature: randomness, 0 to 2; None uses the model's default
    :param max_tokens: maximum number of tokens to generate; a reasoning model uses them for its reasoning first, so
        leave it out there
    :param top_p: nucleus sampling, 0 to 1
    :param stop: one or several strings at which the model stops
    :param stream: whether to write the answer to the task's log as it arrives; the response is the same
    :param fallback_models: models to use in turn if a model is gone, deprecated or overloaded
    :param max_cost: maximum cost of the task's requests, in the currency of the service's list of models; the request
        that exceeds it is the last
    :param max_total_tokens: maximum number of tokens of all requests, likewise
    :param report_cost: whether to read the prices in the service's list of models after the answer
    :param timeout: seconds for one attempt, from name lookup to the last byte, and with ``stream`` between two bytes;
        default: the connection's timeout
    :param extra_body: more fields of the request, such as ``seed`` or ``tool_choice``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = (
        "model",
        "messages",
        "prompt",
        "system_prompt",
        "prompt_file",
        "system_prompt_file",
        "images",
        "temperature",
        "max_tokens",
        "top_p",
        "stop",
        "reasoning_effort",
        "fallback_models",
        "max_cost",
        "max_total_tokens",
        *AIEndpointsOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"messages": "json", "extra_body": "json"}
    prompt_fields = ("messages", "prompt", "system_prompt")

    def __init__(
        self,
        *,
        model: str | None = None,
        messages: Any = None,
        prompt: str | None = None,
        system_prompt: str | None = None,
        prompt_file: str | None = None,
        system_prompt_file: str | None = None,
        images: Any = None,
        output: str | None = None,
        response_format: Any = None,
        repair: bool = True,
        tools: Any = None,
        max_tool_rounds: int = defaults.MAX_TOOL_ROUNDS,
        reasoning_effort: str | None = None,
        temperature: float | str | None = defaults.TEMPERATURE,
        max_tokens: int | str | None = None,
        top_p: float | str | None = None,
        stop: str | list[str] | None = None,
        stream: bool = False,
        fallback_models: Any = None,
        max_cost: float | str | None = None,
        max_total_tokens: int | str | None = None,
        report_cost: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.messages = messages
        self.prompt = prompt
        self.system_prompt = system_prompt
        self.prompt_file = prompt_file
        self.system_prompt_file = system_prompt_file
        self.images = images
        # Airflow's own `output` refers to the result in a DAG.
        self._output = output
        self.response_format = response_format
        self.repair = repair
        self.tools = tools
        self.max_tool_rounds = max_tool_rounds
        self.reasoning_effort = reasoning_effort
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.top_p = top_p
        self.stop = stop
        self.stream = stream
        self.fallback_models = fallback_models
        self.max_cost = max_cost
        self.max_total_tokens = max_total_tokens
        self.report_cost = report_cost

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
        further = self._further()
        # The client converts rendered strings.
        return self.hook.conversation(
            self.prompt,
            self.model,
            messages=self.messages,
            system_prompt=self.system_prompt,
            images=self.images,
            response_format=self._format(further),
            repair=self.repair,
            tools=self.tools,
            max_tool_rounds=self.max_tool_rounds,
            fallback_models=self.fallback_models,
            max_cost=self.max_cost,  # type: ignore[arg-type]  # rendered text is read by the hook
            max_total_tokens=self.max_total_tokens,  # type: ignore[arg-type]  # likewise
            stream=self.stream,
            extra_body=further,
            **{name: getattr(self, name) for name in _REQUEST_PARAMS},
        )

    def _further(self) -> dict[str, Any]:
        params = [name for name in ("response_format", "tools", "reasoning_effort") if getattr(self, name) is not None]
        return self.further_parameters((*_OPERATOR_PARAMS, *params))

    def _kind(self) -> str:
        if self._output is not None:
            return self._output
        from ..client.chat.structured_output import is_structured

        return "json" if is_structured(self.response_format) else "response"

    def _format(self, further: dict[str, Any]) -> Any:
        if self.response_format is None and self._output == "json":
            # The API's own parameter for JSON.
            return further.pop("response_format", {"type": "json_object"})
        return self.response_format

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
