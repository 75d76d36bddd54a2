"""
The sensor for a model that isn't served yet, or doesn't respond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import defaults
from ..compat import BaseSensorOperator, PokeReturnValue
from ..operators._base import HookMixin

if TYPE_CHECKING:
    from ..compat import Context


class OVHCloudAIEndpointsModelSensor(HookMixin, BaseSensorOperator):
    """
    Wait until a model is served and responds; XCom ``return_value`` is the model as the service describes it.

    The sensor first reads the service's list of models, which is free. If the model is on it, the sensor sends a
    request: for one token to a chat model, for the vector of one word to an embedding model. It waits if the model is
    overloaded or the service is down. The task fails if authentication fails, or if the model rejects the request.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id
    :param require_response: whether the model must respond too, which costs a few tokens each time; for speech and
        image models, the sensor only reads the list
    :param ovh_conn_id: Airflow connection
    :param poke_interval: seconds between two checks
    """

    template_fields = ("model", "ovh_conn_id")

    def __init__(
        self, *, model: str, require_response: bool = True, ovh_conn_id: str = defaults.CONN_ID, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.require_response = require_response
        self.ovh_conn_id = ovh_conn_id

    def _hook_params(self) -> dict[str, Any]:
        # The next check is the next attempt.
        return {"max_retries": 0}

    def poke(self, context: Context) -> PokeReturnValue:
        """
        Check the model once.

        :param context: the task's context
        :return: whether it is served and responds, and the model
        :raises AIEndpointsError: if waiting can't help
        """
        model, waits_for = self.hook.check_model(self.model, ask=self.require_response)
        self.log.info("AI Endpoints model %s: %s", self.model, waits_for or "is served")
        return PokeReturnValue(is_done=not waits_for, xcom_value=model)
