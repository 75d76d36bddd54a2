"""
Datasets that a task reads and writes, as lineage names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: What is told of a result, as far as a task knows it.
FACTS = ("model", "dimensions", "rows", "parts", "format", "seconds", "characters", "images", "size")


_REMOTE = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/@]*@)?(?P<bucket>[^/?#]+)/?(?P<key>[^?#]*)")


@dataclass(frozen=True)
class DatasetRef:
    """
    Where data is, without whom it is reached as.

    :param uri: as Airflow's assets spell it, such as ``s3://bucket/key`` or ``file:///folder``
    :param namespace: OpenLineage's first part of it
    :param name: the second one
    """

    uri: str
    namespace: str
    name: str


def to_dataset_ref(path: Any) -> DatasetRef:
    """
    Take an address out of a path.

    :param path: of this machine, or of object storage
    :return: the address
    """
    text = re.sub(r"^(?:file|local):(?://)?", "", str(path))
    found = _REMOTE.match(text)
    if found is None:
        place = Path(text).absolute()
        return DatasetRef(place.as_uri(), "file", str(place))
    root, key = f"{found['scheme']}://{found['bucket']}", found["key"].rstrip("/")
    return DatasetRef(f"{root}/{key}" if key else root, root, key or "/")


@dataclass(frozen=True)
class Lineage:
    """
    What a task read and wrote.

    :param inputs: what it read
    :param outputs: what it wrote
    :param facts: what is known of the result: those of :data:`FACTS`
    """

    inputs: tuple[DatasetRef, ...] = ()
    outputs: tuple[DatasetRef, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
