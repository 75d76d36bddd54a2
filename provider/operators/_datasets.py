"""
Datasets that a task reads and writes, as lineage names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Facts about a result, of which a task knows some.
FACTS = ("model", "dimensions", "rows", "failed", "parts", "format", "seconds", "characters", "images", "size")


_REMOTE = re.compile(r"(?P<scheme>[\w+.-]+)://(?:[^/@]*@)?(?P<bucket>[^/?#]+)/?(?P<key>[^?#]*)")


@dataclass(frozen=True)
class DatasetRef:
    """
    Location of data, without the user name or connection in its URL.

    :param uri: as Airflow's assets spell it, such as ``s3://bucket/key`` or ``file:///folder``
    :param namespace: OpenLineage's namespace
    :param name: OpenLineage's name
    """

    uri: str
    namespace: str
    name: str


def to_dataset_ref(path: Any) -> DatasetRef:
    """
    Build the dataset's location from a path.

    :param path: on this machine or in object storage
    :return: the location
    """
    text = re.sub(r"^(?:file|local):(?://)?", "", str(path))
    match = _REMOTE.match(text)
    if match is None:
        place = Path(text).absolute()
        return DatasetRef(place.as_uri(), "file", str(place))
    root, key = f"{match['scheme']}://{match['bucket']}", match["key"].rstrip("/")
    return DatasetRef(f"{root}/{key}" if key else root, root, key or "/")


@dataclass(frozen=True)
class Lineage:
    """
    Datasets of a task.

    :param inputs: datasets that it read
    :param outputs: datasets that it wrote
    :param facts: facts about the result, named in :data:`FACTS`
    """

    inputs: tuple[DatasetRef, ...] = ()
    outputs: tuple[DatasetRef, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
