"""
What a task read and wrote, told to Airflow's assets and to OpenLineage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compat import BaseOperator, asset_of

if TYPE_CHECKING:
    from ..compat import Context

#: What is told of a result, as far as a task knows it.
FACTS = ("model", "dimensions", "rows", "parts", "format", "seconds", "characters", "images", "size")

_REMOTE = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/@]*@)?(?P<bucket>[^/?#]+)/?(?P<key>[^?#]*)")


@dataclass(frozen=True)
class Address:
    """
    Where data is, without whom it is reached as.

    :param uri: as Airflow's assets spell it, such as ``s3://bucket/key`` or ``file:///folder``
    :param namespace: OpenLineage's first part of it
    :param name: the second one
    """

    uri: str
    namespace: str
    name: str


def address_of(path: Any) -> Address:
    """
    Take an address out of a path.

    :param path: of this machine, or of object storage
    :return: the address
    """
    text = re.sub(r"^(?:file|local):(?://)?", "", str(path))
    found = _REMOTE.match(text)
    if found is None:
        place = Path(text).absolute()
        return Address(place.as_uri(), "file", str(place))
    root, key = f"{found['scheme']}://{found['bucket']}", found["key"].rstrip("/")
    return Address(f"{root}/{key}" if key else root, root, key or "/")


@dataclass(frozen=True)
class Lineage:
    """
    What a task read and wrote.

    :param inputs: what it read
    :param outputs: what it wrote
    :param facts: what is known of the result: those of :data:`FACTS`
    """

    inputs: tuple[Address, ...] = ()
    outputs: tuple[Address, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class TellsLineage(BaseOperator):
    """
    Tells what a task has written: to the assets that are its outlets, and to OpenLineage where its provider is.
    """

    _lineage: Lineage | None = None

    def tell_lineage(
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
        found = [tuple(address_of(path) for path in paths if path is not None) for paths in (inputs, outputs)]
        self._lineage = Lineage(found[0], found[1], facts)
        for outlet in self.outlets or ():
            self._tell_outlet(context, outlet, self._lineage)

    def _tell_outlet(self, context: Context, outlet: Any, lineage: Lineage) -> None:
        kind = type(outlet).__name__
        if kind in {"AssetAlias", "DatasetAlias"}:
            for written in lineage.outputs:
                context["outlet_events"][outlet].add(asset_of(written.uri), extra=dict(lineage.facts))
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
