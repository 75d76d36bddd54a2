"""
Images from files, as parts of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...client.chat import image_parts
from ...errors import ConfigurationError
from ...validation import quote
from .inputs import InputFile, is_path


def read_images(paths: Any) -> list[dict[str, Any]]:
    """
    Read image files as parts of a message.

    :param paths: a path or a list of paths: strings, ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; a string may
        be a URL such as ``file:///path`` or ``s3://conn_id@bucket/key``. None for an empty list
    :return: a part for each image, with the image as a data URL
    :raises ConfigurationError: if a file can't be read or isn't an image; before reading, if the files together exceed
        the service's request limit
    """
    named_paths = _name_paths(paths)
    image_parts.check_count(len(named_paths))
    files = [_open_file(value, name) for name, value in named_paths.items()]
    image_parts.check_sizes({file.label: file.size() for file in files})
    parts: list[dict[str, Any]] = []
    sizes: dict[str, int] = {}
    for file in files:
        data = file.read(image_parts.MAX_FILE_BYTES + 1)
        # Check again: a file may have grown, and some storage doesn't know sizes.
        sizes[file.label] = len(data)
        image_parts.check_sizes(sizes)
        parts.append(image_parts.part(data, file.label))
    return parts


def _name_paths(paths: Any) -> dict[str, Any]:
    if paths is None:
        return {}
    if is_path(paths):
        return {"images": paths}
    if isinstance(paths, (bytes, bytearray, Mapping)) or not isinstance(paths, Iterable):
        raise ConfigurationError(f"images must be a path or a list of paths, not {quote(paths)}.")
    return {f"images[{position}]": value for position, value in enumerate(paths)}


def _open_file(value: Any, name: str) -> InputFile:
    if isinstance(value, str) and value.lstrip().lower().startswith("data:"):
        raise ConfigurationError(
            f"{name} is a data URL and not a path: put it into a message, as a part "
            '{"type": "image_url", "image_url": {"url": "data:..."}}.'
        )
    return InputFile(value, name)
