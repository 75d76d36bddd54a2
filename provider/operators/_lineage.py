"""
Lineage of a task, for Airflow's assets and for OpenLineage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..compat import BaseOperator, to_asset
from ._datasets import FACTS, Lineage, to_dataset_ref

if TYPE_CHECKING:
    from ..compat import Context


class LineageMixin(BaseOperator):
    """
    Reports the task's lineage to the assets that are its outlets, and to OpenLineage if its provider is installed.
    """

    _lineage: Lineage | None = None

    def record_lineage(
        self, context: Context, summary: Mapping[str, Any], outputs: Iterable[Any], inputs: Iterable[Any] = ()
    ) -> None:
        """
        Record the datasets of the task, and add facts about them to the events of its outlets.

        :param context: the task's context
        :param summary: the task's result, which holds the facts
        :param outputs: paths of the output
        :param inputs: paths of the input; None is ignored
        """
        facts = {name: summary[name] for name in FACTS if summary.get(name) is not None}
        datasets = [tuple(to_dataset_ref(path) for path in paths if path is not None) for paths in (inputs, outputs)]
        self._lineage = Lineage(datasets[0], datasets[1], facts)
        events = context.get("outlet_events")
        if events is None:  # in unit tests
            return
        for outlet in self.outlets or ():
            self._annotate_outlet(events, outlet, self._lineage)

    def _annotate_outlet(self, events: Any, outlet: Any, lineage: Lineage) -> None:
        kind = type(outlet).__name__
        if kind in {"AssetAlias", "DatasetAlias"}:
            for dataset in lineage.outputs:
                events[outlet].add(to_asset(dataset.uri), extra=dict(lineage.facts))
        elif hasattr(outlet, "uri") or kind == "AssetNameRef":
            events[outlet].extra.update(lineage.facts)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """
        Return the lineage to OpenLineage's provider, which calls this.

        :param task_instance: the task instance
        :return: inputs, outputs with their number of rows, and facts; None if the task wrote nothing
        """
        if self._lineage is None:
            return None
        from ._openlineage import as_operator_lineage

        return as_operator_lineage(self._lineage)
