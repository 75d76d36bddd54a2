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

#: What a model can be returned as.
OUTPUTS = ("models", "ids")


class OVHCloudAIEndpointsModelsOperator(AIEndpointsOperator):
    """
    List the models that the service serves now, those that fit; nothing is billed.

    XCom ``return_value`` is a list, in the order of their names, which further tasks can be mapped over.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param kind: ``chat``, ``embedding``, ``speech``, ``image`` or several, as far as the list tells what a model is for
    :param name: a pattern of the id, such as ``qwen3*``, or several, of which one has to fit; upper and lower case are
        alike
    :param min_context: tokens that prompt and answer have together, at least
    :param output: ``models`` as the service describes them (``id``, ``context_length``, ``pricing`` ...), or ``ids``
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
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
        # Airflow's own `output` is what stands for the result in a DAG.
        self._output = output

    def execute(self, context: Context) -> list[Any]:
        """
        List the models that fit.

        :param context: the task's context
        :return: the models, or their ids
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, None, "chat_model")
        with self.hook.boundary():
            if self._output not in OUTPUTS:
                raise ConfigurationError(f"output must be one of {', '.join(OUTPUTS)}, not {quote(self._output)}.")
            choose = filter_models(self.kind, self.name, self.min_context)
        models = self.hook.list_models()
        found = sorted((model for model in models if choose(model)), key=lambda model: str(model["id"]).lower())
        self.log.info("AI Endpoints models: %d of %d fit", len(found), len(models))
        return [model["id"] for model in found] if self._output == "ids" else found
