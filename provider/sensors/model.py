"""
The sensor for a model that is not served yet, or not answering.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .. import defaults
from ..compat import BaseSensorOperator, PokeReturnValue

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook


class OVHCloudAIEndpointsModelSensor(BaseSensorOperator):
    """
    Wait until a model is served and answers; XCom ``return_value`` is the model as the service describes it.

    It looks into the service's list first, which costs nothing, and asks the model once it stands there: a chat model
    for one token, an embedding model for the vector of one word. A model that is there but overloaded, or a service
    that is down, is waited for; a refused token, or a model that refuses such a request, fails the task.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id
    :param require_response: whether it has to answer too, which costs a few tokens a look; models for speech and
        images are only looked for
    :param ovh_conn_id: Airflow connection
    :param poke_interval: seconds between two looks
    """

    template_fields = ("model", "ovh_conn_id")
    ui_color = "#e8edff"
    ui_fgcolor = "#000e9c"

    def __init__(
        self, *, model: str, require_response: bool = True, ovh_conn_id: str = defaults.CONN_ID, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.require_response = require_response
        self.ovh_conn_id = ovh_conn_id

    @cached_property
    def hook(self) -> OVHCloudAIEndpointsHook:
        """
        The hook for this sensor's connection.
        """
        from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook

        # The next look is the next attempt.
        return OVHCloudAIEndpointsHook(self.ovh_conn_id, max_retries=0)

    def poke(self, context: Context) -> PokeReturnValue:
        """
        Look once.

        :param context: the task's context
        :return: whether it is served and answers, and the model
        :raises AIEndpointsError: if waiting cannot help
        """
        found, waits_for = self.hook.check_model(self.model, ask=self.require_response)
        self.log.info("AI Endpoints model %s: %s", self.model, waits_for or "is served")
        return PokeReturnValue(is_done=not waits_for, xcom_value=found)
