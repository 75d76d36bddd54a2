"""
The sensor for a batch that another task or program has started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import defaults
from ..client.batches.batches_api import FINAL_STATUSES, describe, summary
from ..compat import BaseSensorOperator, PokeReturnValue
from ..errors import BadRequestError
from ..operators._base import HookMixin, is_deferrable

if TYPE_CHECKING:
    from ..compat import Context


class OVHCloudAIEndpointsBatchSensor(HookMixin, BaseSensorOperator):
    """
    Wait until a batch is completed; XCom ``return_value`` is the batch as the service describes it.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param batch_id: the batch's id at the service
    :param ovh_conn_id: Airflow connection
    :param deferrable: whether a triggerer waits instead of the worker; default: ``[operators] default_deferrable``
    :param poke_interval: seconds between two requests for the batch's status
    """

    template_fields = ("batch_id", "ovh_conn_id")

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

    def execute(self, context: Context) -> Any:
        """
        Wait, in the worker or in a triggerer.

        :param context: the task's context
        :return: the batch
        :raises BadRequestError: if the batch failed, expired or was cancelled
        """
        self._defer_unless_ended(context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Resume after the triggerer has seen that the batch finished.

        :param context: the task's context
        :param event: the trigger's event; the task reads the batch again, and waits again if the event is about another
            batch
        :return: the batch
        :raises BadRequestError: if the batch failed, expired or was cancelled
        """
        if not isinstance(event, dict) or event.get("batch_ids") != [self.batch_id]:
            self._defer_unless_ended(context)
        return super().execute(context)

    def _defer_unless_ended(self, context: Context) -> None:
        if is_deferrable(self.deferrable) and not self.poke(context):
            from ..triggers.batch import OVHCloudAIEndpointsBatchTrigger

            trigger = OVHCloudAIEndpointsBatchTrigger([self.batch_id], self.ovh_conn_id, float(self.poke_interval))
            self.defer(trigger=trigger, method_name="execute_complete")

    def poke(self, context: Context) -> PokeReturnValue:
        """
        Read the batch's status once.

        :param context: the task's context
        :return: whether it is completed, and the batch
        :raises BadRequestError: if the batch failed, expired or was cancelled
        """
        batch = self.hook.get_batch(self.batch_id)
        status = batch["status"]
        self.log.info(describe(summary(batch)))
        if status in FINAL_STATUSES and status != "completed":
            with self.hook.boundary():
                raise BadRequestError(f"The batch {self.batch_id} is {status}: what it has answered can be read still.")
        return PokeReturnValue(is_done=status == "completed", xcom_value=batch)
