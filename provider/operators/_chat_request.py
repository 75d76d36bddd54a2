"""
What all operators that ask a language model have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import defaults
from ._base import AIEndpointsOperator
from ._prompt_files import PromptFiles

#: Parameters of the operators that are fields of a request.
_REQUEST_PARAMS = ("temperature", "max_tokens", "top_p", "stop")

#: Parameters that decide about the conversation.
_CONVERSATION_PARAMS = ("response_format", "repair", "tools", "max_tool_rounds", "fallback_models")


class ChatRequestOperator(PromptFiles, AIEndpointsOperator):
    """
    Base of the operators that ask a language model.

    :param model: model id, case-sensitive; default: the connection's chat model
    :param prompt: the user's message, instead of ``messages``
    :param messages: the conversation, each message with ``role`` and ``content``
    :param system_prompt: the system message
    :param prompt_file: file that holds the prompt; Airflow looks for it as for template files, beside the DAG file or
        in the DAG's ``template_searchpath``, and renders it like ``prompt``
    :param system_prompt_file: file that holds the system prompt, likewise
    :param images: paths of images for the user's last message, on this machine or in object storage
    :param response_format: format of the answer: a JSON schema, a Python type such as a Pydantic model class, or as the
        API defines it
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
    :param fallback_models: models to use in turn if a model is gone, deprecated or overloaded
    :param max_cost: maximum cost of the task's requests, in the currency of the service's list of models; the request
        that exceeds it is the last
    :param max_total_tokens: maximum number of tokens of all requests, likewise
    :param report_cost: whether to read the prices in the service's list of models after the answer
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields: Sequence[str] = (
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
    prompt_fields: ClassVar[tuple[str, ...]] = ("messages", "prompt", "system_prompt")

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
        response_format: Any = None,
        repair: bool = True,
        tools: Any = None,
        max_tool_rounds: int = defaults.MAX_TOOL_ROUNDS,
        reasoning_effort: str | None = None,
        temperature: float | str | None = defaults.TEMPERATURE,
        max_tokens: int | str | None = None,
        top_p: float | str | None = None,
        stop: str | list[str] | None = None,
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
        self.response_format = response_format
        self.repair = repair
        self.tools = tools
        self.max_tool_rounds = max_tool_rounds
        self.reasoning_effort = reasoning_effort
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.top_p = top_p
        self.stop = stop
        self.fallback_models = fallback_models
        self.max_cost = max_cost
        self.max_total_tokens = max_total_tokens
        self.report_cost = report_cost

    def chat_params(self, *own: str) -> dict[str, Any]:
        """
        Collect the parameters that the hook's methods for one prompt and for many take alike.

        :param own: further parameters of the operator, which ``extra_body`` must not repeat
        :return: parameters by name
        :raises ConfigurationError: if ``extra_body`` isn't a dictionary, or repeats a parameter
        """
        optional = ("response_format", "tools", "reasoning_effort")
        chosen = [name for name in optional if getattr(self, name) is not None]
        further = self.further_parameters(("model", "messages", *_REQUEST_PARAMS, *chosen, *own))
        # The hook converts rendered strings.
        params = {name: getattr(self, name) for name in (*_CONVERSATION_PARAMS, *_REQUEST_PARAMS)}
        if self.reasoning_effort is not None:
            params["reasoning_effort"] = self.reasoning_effort
        return {**params, "extra_body": further}
