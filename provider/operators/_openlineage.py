"""
A task's lineage in OpenLineage's words; imported only where Airflow's OpenLineage provider asks for it.
"""

from __future__ import annotations

from typing import Any

import attr
from openlineage.client.event_v2 import Dataset, OutputDataset
from openlineage.client.facet_v2 import RunFacet, output_statistics_output_dataset

from ..compat import OperatorLineage
from ._datasets import DatasetRef, Lineage

#: A facet that is not OpenLineage's own carries whose it is.
FACET = "ovhcloud_aiEndpoints"


@attr.define
class AIEndpointsRunFacet(RunFacet):
    """
    What a run had of AI Endpoints.

    :param model: model id
    :param dimensions: numbers of a vector
    :param seconds: seconds of a recording
    :param characters: letters of a transcript
    """

    model: str | None = attr.field(default=None)
    dimensions: int | None = attr.field(default=None)
    seconds: float | None = attr.field(default=None)
    characters: int | None = attr.field(default=None)


def as_operator_lineage(lineage: Lineage) -> OperatorLineage[Any, Any]:
    """
    Say it in OpenLineage's words.

    :param lineage: what the task read and wrote
    :return: the same
    """
    facts = lineage.facts
    names = {field.name for field in attr.fields(AIEndpointsRunFacet)}
    facet = AIEndpointsRunFacet(**{name: value for name, value in facts.items() if name in names})
    return OperatorLineage(
        inputs=[Dataset(namespace=read.namespace, name=read.name) for read in lineage.inputs],
        outputs=[_output(written, facts) for written in lineage.outputs],
        run_facets={FACET: facet},
    )


def _output(written: DatasetRef, facts: Any) -> OutputDataset:
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=facts.get("rows"), fileCount=facts.get("parts", 1)
    )
    return OutputDataset(namespace=written.namespace, name=written.name, outputFacets={"outputStatistics": counted})
