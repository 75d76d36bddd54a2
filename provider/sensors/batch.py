"""
The sensor for a batch that was started elsewhere.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .. import defaults
from ..client.batches.batches_api import FINAL_STATUSES, describe, summary
from ..compat import BaseSensorOperator, PokeReturnValue, conf
from ..errors import BadRequestError

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook


class OVHCloudAIEndpointsBatchSensor(BaseSensorOperator):
    """
    Wait until a batch has ended; XCom ``return_value`` is the batch as the service describes it.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param batch_id: what the service calls it
    :param ovh_conn_id: Airflow connection
    :param deferrable: whether a triggerer waits instead of the worker; ``[operators] default_deferrable`` unless given
    :param poke_interval: seconds between two looks
    """

    template_fields = ("batch_id", "ovh_conn_id")
    ui_color = "#e8edff"
    ui_fgcolor = "#000e9c"

    def __init__(
        self,
        *,
        batch_id: str,
        ovh_conn_id: str = defaults.CONN_ID,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.batch_id = batch_id
        self.ovh_conn_id = ovh_conn_id
        self.deferrable = deferrable

    @cached_property
    def hook(self) -> OVHCloudAIEndpointsHook:
        """
        The hook for this sensor's connection.
        """
        from ..hooks.ai_endpoints import OVHCloudAIEndpointsHook

        return OVHCloudAIEndpointsHook(self.ovh_conn_id)

    def execute(self, context: Context) -> Any:
        """
        Wait, in the worker or in a triggerer.

        :param context: the task's context
        :return: the batch
        :raises BadRequestError: if it ended without being completed
        """
        self._defer_unless_ended(context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Go on when the triggerer has seen that the batch ended.

        :param context: the task's context
        :param event: the trigger's; the batch is looked at anew, and waited for again if the event is of another
        :return: the batch
        :raises BadRequestError: if it ended without being completed
        """
        if not isinstance(event, dict) or event.get("batch_ids") != [self.batch_id]:
            self._defer_unless_ended(context)
        return super().execute(context)

    def _defer_unless_ended(self, context: Context) -> None:
        deferrable = self.deferrable
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        if deferrable and not self.poke(context):
            from ..triggers.batch import OVHCloudAIEndpointsBatchTrigger

            trigger = OVHCloudAIEndpointsBatchTrigger([self.batch_id], self.ovh_conn_id, float(self.poke_interval))
            self.defer(trigger=trigger, method_name="execute_complete")

    def poke(self, context: Context) -> PokeReturnValue:
        """
        Look once.

        :param context: the task's context
        :return: whether it is completed, and the batch
        :raises BadRequestError: if it ended without being completed
        """
        batch = self.hook.get_batch(self.batch_id)
        status = batch["status"]
        self.log.info(describe(summary(batch)))
        if status in FINAL_STATUSES and status != "completed":
            with self.hook.boundary():
                raise BadRequestError(f"The batch {self.batch_id} is {status}: what it has answered can be read still.")
        return PokeReturnValue(is_done=status == "completed", xcom_value=batch)
