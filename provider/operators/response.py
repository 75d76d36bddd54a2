"""
The operator for the Responses API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import AIEndpointsError, ConfigurationError, InvalidOutputError
from ..validation import quote
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context

_REQUEST_PARAMS = (
    "instructions",
    "response_format",
    "reasoning_effort",
    "max_output_tokens",
    "temperature",
    "top_p",
)


class OVHCloudAIEndpointsResponseOperator(AIEndpointsOperator):
    """
    Send input to a language model with the Responses API, which stores nothing: send earlier turns again.

    Use the chat operator to run tools, repair answers or fall back to other models. More XComs: ``usage`` (tokens and
    their cost), ``model`` and ``status``.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id; default: the connection's chat model
    :param input: a string, or a list of items: messages with ``role`` and ``content``, or the ``output`` of an earlier
        response
    :param instructions: the system message
    :param output: return value: ``response``, ``text`` or ``json``; default: ``json`` if ``response_format`` describes
        data, else ``response``
    :param response_format: format of the answer: a JSON schema, a Python type, or the chat API's own
        ``response_format``
    :param reasoning_effort: such as ``low``, ``medium`` or ``high``, if the model supports it
    :param max_output_tokens: maximum number of tokens to generate, including the reasoning
    :param temperature: randomness, 0 to 2; default: the model's default
    :param top_p: nucleus sampling, 0 to 1
    :param report_cost: whether to read the prices in the service's list of models after the answer
    :param extra_body: more fields of the request, such as ``tools``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = (
        "model",
        "input",
        "instructions",
        "reasoning_effort",
        "max_output_tokens",
        "temperature",
        "top_p",
        *AIEndpointsOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input": "json", "extra_body": "json"}
    prompt_fields = ("input", "instructions")

    def __init__(
        self,
        *,
        input: Any,  # noqa: A002  (the API's own name)
        model: str | None = None,
        instructions: str | None = None,
        output: str | None = None,
        response_format: Any = None,
        reasoning_effort: str | None = None,
        max_output_tokens: int | str | None = None,
        temperature: float | str | None = None,
        top_p: float | str | None = None,
        report_cost: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.input = input
        self.model = model
        self.instructions = instructions
        # Airflow's own `output` refers to the result in a DAG.
        self._output = output
        self.response_format = response_format
        self.reasoning_effort = reasoning_effort
        self.max_output_tokens = max_output_tokens
        self.temperature = temperature
        self.top_p = top_p
        self.report_cost = report_cost

    def execute(self, context: Context) -> Any:
        """
        Send the request, and return the response or its part in ``output``.

        :param context: the task's context
        :return: the response in OpenAI's format, its text, or its data
        :raises InvalidOutputError: if the answer doesn't match ``response_format``; ``response`` has the answer
        :raises OutputTruncatedError: if it was cut off before its first word
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        from ..client import responses_api

        self.push_links(context, self.model, "chat_model")
        with self.hook.boundary():
            kind = self._kind()
        further = self.further_parameters(("model", "input", "text", "reasoning", *_REQUEST_PARAMS))
        params = {name: getattr(self, name) for name in _REQUEST_PARAMS}
        try:
            response = self.hook.create_response(self.input, self.model, **params, **further)
        except AIEndpointsError as error:
            # Also without an answer: the request is billed.
            self._report(context, error.response)
            raise
        self._report(context, response)
        if kind == "response":
            return response
        answer = responses_api.read_text(response)
        with self.hook.boundary():
            return self._read(answer, response) if kind == "json" else answer

    def _kind(self) -> str:
        from ..client.chat.structured_output import is_structured
        from ..client.responses_api import OUTPUTS

        if self._output is None:
            return "json" if is_structured(self.response_format) else "response"
        if self._output not in OUTPUTS:
            raise ConfigurationError(f"output must be one of {', '.join(OUTPUTS)}, not {quote(self._output)}.")
        return self._output

    def _read(self, answer: str, response: dict[str, Any]) -> Any:
        from ..client.chat.structured_output import ResponseFormat, SchemaMismatch, to_jsonable

        response_format = {"type": "json_object"} if self.response_format is None else self.response_format
        fault = ""
        try:
            return to_jsonable(ResponseFormat(response_format).read(answer))
        except SchemaMismatch as mismatch:
            fault = str(mismatch)
        raise InvalidOutputError(
            f"The answer of {response.get('model') or self.model} has not the form asked for: {fault}. It is in the "
            "error's response; the chat operator would have it repaired once.",
            response=response,
        )

    def _report(self, context: Context, response: dict[str, Any] | None) -> None:
        from ..client.responses_api import to_chat_usage

        if response is None:
            return
        usage_tracker = self.hook.track_usage()
        usage_tracker.add(to_chat_usage(response), self.model or self.hook.settings.chat_model or "")
        self.report_usage(context, usage_tracker, priced=self.report_cost)
        if self.do_xcom_push:
            for key in ("model", "status"):
                if isinstance(response.get(key), str):
                    self.push_xcom(context, key, response[key])
