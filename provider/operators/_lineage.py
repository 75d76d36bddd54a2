"""
What a task read and wrote, told to Airflow's assets and to OpenLineage.
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
    Tells what a task has written: to the assets that are its outlets, and to OpenLineage where its provider is.
    """

    _lineage: Lineage | None = None

    def record_lineage(
        self, context: Context, told: Mapping[str, Any], outputs: Iterable[Any], inputs: Iterable[Any] = ()
    ) -> None:
        """
        Note what was read and written, and add it to the events of the task's outlets.

        :param context: the task's context
        :param told: what is known of the result
        :param outputs: paths that were written
        :param inputs: paths that were read; those that are None are left out
        """
        facts = {name: told[name] for name in FACTS if told.get(name) is not None}
        found = [tuple(to_dataset_ref(path) for path in paths if path is not None) for paths in (inputs, outputs)]
        self._lineage = Lineage(found[0], found[1], facts)
        for outlet in self.outlets or ():
            self._annotate_outlet(context, outlet, self._lineage)

    def _annotate_outlet(self, context: Context, outlet: Any, lineage: Lineage) -> None:
        kind = type(outlet).__name__
        if kind in {"AssetAlias", "DatasetAlias"}:
            for written in lineage.outputs:
                context["outlet_events"][outlet].add(to_asset(written.uri), extra=dict(lineage.facts))
        elif hasattr(outlet, "uri") or kind == "AssetNameRef":
            context["outlet_events"][outlet].extra.update(lineage.facts)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """
        Answer OpenLineage's provider, which alone calls this.

        :param task_instance: the task instance
        :return: inputs, outputs with the number of their rows, and what is known of the result; None where nothing was
            written
        """
        if self._lineage is None:
            return None
        from ._openlineage import as_operator_lineage

        return as_operator_lineage(self._lineage)
