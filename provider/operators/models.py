"""
The operator that lists the models of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..client.models.model_names import filter_models
from ..errors import ConfigurationError
from ..validation import quote
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context

#: Values of ``output``.
OUTPUTS = ("models", "ids")


class OVHCloudAIEndpointsModelsOperator(AIEndpointsOperator):
    """
    List the models that the service serves and that match the parameters; free of charge.

    XCom ``return_value`` is a list, sorted by model id, over which you can map other tasks.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param kind: ``chat``, ``embedding``, ``speech``, ``image`` or several, if the service's list has the model's type
    :param name: one or several patterns of the model id, such as ``qwen3*``, of which one must match; case-insensitive
    :param min_context: minimum number of tokens of prompt and answer together
    :param output: ``models`` as the service describes them (``id``, ``context_length``, ``pricing`` ...), or ``ids``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = ("kind", "name", "min_context", "ovh_conn_id", "timeout", "max_retries")

    def __init__(
        self,
        *,
        kind: str | list[str] | None = None,
        name: str | list[str] | None = None,
        min_context: int | str | None = None,
        output: str = "models",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.name = name
        self.min_context = min_context
        # Airflow's own `output` refers to the result in a DAG.
        self._output = output

    def execute(self, context: Context) -> list[Any]:
        """
        List the models that match.

        :param context: the task's context
        :return: the models, or their ids
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, None, "chat_model")
        with self.hook.boundary():
            if self._output not in OUTPUTS:
                raise ConfigurationError(f"output must be one of {', '.join(OUTPUTS)}, not {quote(self._output)}.")
            is_match = filter_models(self.kind, self.name, self.min_context)
        models = self.hook.list_models()
        matches = sorted((model for model in models if is_match(model)), key=lambda model: str(model["id"]).lower())
        self.log.info("AI Endpoints models: %d of %d fit", len(matches), len(models))
        return [model["id"] for model in matches] if self._output == "ids" else matches
