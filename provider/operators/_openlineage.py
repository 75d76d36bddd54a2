"""
A task's lineage in OpenLineage's classes; imported only if Airflow's OpenLineage provider asks for it.
"""

from __future__ import annotations

from typing import Any

import attr
from openlineage.client.event_v2 import Dataset, OutputDataset
from openlineage.client.facet_v2 import RunFacet, output_statistics_output_dataset

from ..compat import OperatorLineage
from ._datasets import DatasetRef, Lineage

#: Facets that aren't OpenLineage's own carry their owner's name.
FACET = "ovhcloud_aiEndpoints"


@attr.define
class AIEndpointsRunFacet(RunFacet):
    """
    Facts about a run.

    :param model: model id
    :param dimensions: numbers in a vector
    :param seconds: duration of the recording in seconds
    :param characters: number of characters of the transcript
    """

    model: str | None = attr.field(default=None)
    dimensions: int | None = attr.field(default=None)
    seconds: float | None = attr.field(default=None)
    characters: int | None = attr.field(default=None)


def as_operator_lineage(lineage: Lineage) -> OperatorLineage[Any, Any]:
    """
    Convert a task's lineage to OpenLineage's classes.

    :param lineage: the task's datasets
    :return: the same for OpenLineage's provider
    """
    facts = lineage.facts
    names = {field.name for field in attr.fields(AIEndpointsRunFacet)}
    facet = AIEndpointsRunFacet(**{name: value for name, value in facts.items() if name in names})
    return OperatorLineage(
        inputs=[Dataset(namespace=dataset.namespace, name=dataset.name) for dataset in lineage.inputs],
        outputs=[_output(dataset, facts) for dataset in lineage.outputs],
        run_facets={FACET: facet},
    )


def _output(dataset: DatasetRef, facts: Any) -> OutputDataset:
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=facts.get("rows"), fileCount=facts.get("parts", 1)
    )
    return OutputDataset(namespace=dataset.namespace, name=dataset.name, outputFacets={"outputStatistics": counted})
