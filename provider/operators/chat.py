"""
The operator that asks a language model.
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
    Ask a language model; the response goes to XCom in OpenAI's format, or what ``output`` names of it.

    XComs of their own: ``usage`` (tokens of all requests, and their cost), ``finish_reason``, ``model``,
    ``request_id``, and ``reasoning`` where the model tells what it thought.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id, in which upper and lower case matter; the connection's chat model unless given
    :param messages: the conversation, each message with ``role`` and ``content``
    :param prompt: what the user says, in place of ``messages``
    :param system_prompt: what the model is told first
    :param prompt_file: a file that holds the prompt, found as Airflow finds template files: beside the DAG file or in
        the DAG's ``template_searchpath``; rendered as ``prompt`` is
    :param system_prompt_file: likewise
    :param images: paths of images that belong to the last message of the user, on this machine or in object storage
    :param output: what is returned: ``response``, ``text``, ``json`` or ``message``; without it ``json`` where
        ``response_format`` asks for data, else ``response``
    :param response_format: the form of the answer: a JSON schema, a Pydantic model class, or as the API has it
    :param repair: whether an answer of another form is sent back once
    :param tools: typed Python functions, which are run, and dictionaries in OpenAI's format, whose calls are returned
    :param max_tool_rounds: how often functions are run at most
    :param reasoning_effort: such as ``low``, ``medium`` or ``high``, as far as the model knows it
    :param temperature: randomness, 0 to 2; None leaves it to the model
    :param max_tokens: tokens to generate at most; a reasoning model spends them on its thoughts first, so leave it out
        there
    :param top_p: nucleus sampling, 0 to 1
    :param stop: one text or several at which to stop
    :param stream: whether the answer is written into the task's log as it comes; the response is the same
    :param fallback_models: models that are asked in turn when one is gone, deprecated or overloaded
    :param max_cost: what the task's requests may cost, in the currency of the service's list of models; the one that
        exceeds it is the last
    :param max_total_tokens: tokens of all requests, likewise
    :param report_cost: whether the service's list of models is read for prices once there is an answer
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte, and with ``stream`` for silence; the
        connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    :param extra_body: further parameters of the request, such as ``seed`` or ``tool_choice``
    :param render_prompts: whether templates in messages and prompts are rendered; False sends braces as they are
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
        "extra_body",
        "ovh_conn_id",
        "timeout",
        "max_retries",
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
        # Airflow's own `output` is what stands for the result in a DAG.
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
        Ask, and return the response, or what ``output`` names of it.

        :param context: the task's context
        :return: the response in OpenAI's format, its message, its text, or the data that it says
        :raises InvalidOutputError: if the answer has not the form asked for; it is in ``response``
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
            # Also where it failed: what was paid for is told.
            if conversation.response is not None:
                self._report(context, conversation)

    def _conversation(self) -> Conversation:
        with self.hook.boundary():
            chat_response.check_output(self._kind())
        further = self._further()
        # Rendered text is read by the client.
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
        given = [name for name in ("response_format", "tools", "reasoning_effort") if getattr(self, name) is not None]
        return self.further_parameters((*_OPERATOR_PARAMS, *given))

    def _kind(self) -> str:
        if self._output is not None:
            return self._output
        from ..client.chat.structured_output import is_structured

        return "json" if is_structured(self.response_format) else "response"

    def _format(self, further: dict[str, Any]) -> Any:
        if self.response_format is None and self._output == "json":
            # JSON is asked for in the way that the API has for it.
            return further.pop("response_format", {"type": "json_object"})
        return self.response_format

    def _report(self, context: Context, conversation: Conversation) -> None:
        self.report_usage(context, conversation.usage_tracker, priced=self.report_cost)
        if not self.do_xcom_push:
            return
        response = conversation.response or {}
        told = {
            "finish_reason": chat_response.read_finish_reason(response),
            "model": response.get("model"),
            "request_id": conversation.request_id,
            "reasoning": chat_response.read_reasoning(response),
        }
        for key, value in told.items():
            if value is not None:
                context["ti"].xcom_push(key=key, value=value)


#: The name in OVHcloud's documentation, and in DAGs of the earlier distribution.
OVHCloudAIEndpointsChatCompletionsOperator = OVHCloudAIEndpointsChatOperator
