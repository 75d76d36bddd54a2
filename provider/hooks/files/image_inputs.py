"""
Image files as parts of a message.
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
    Read image files.

    :param paths: a path or a list of paths: text, ``pathlib.Path`` or Airflow's ``ObjectStoragePath``; a text may be an
        address such as ``file:///path`` or ``s3://conn_id@bucket/key``. None is no image
    :return: a part of a message for each, with the image as a data URL
    :raises ConfigurationError: if one cannot be read or is no image, or all together are more than the service takes
        in a request, which is looked at before they are read
    """
    named = _named(paths)
    image_parts.check_count(len(named))
    files = [_file(value, name) for name, value in named.items()]
    image_parts.check_sizes({file.label: file.size() for file in files})
    parts: list[dict[str, Any]] = []
    read: dict[str, int] = {}
    for file in files:
        data = file.read(image_parts.MAX_FILE_BYTES + 1)
        # A file may have grown since, and not every storage knows a size.
        read[file.label] = len(data)
        image_parts.check_sizes(read)
        parts.append(image_parts.part(data, file.label))
    return parts


def _named(paths: Any) -> dict[str, Any]:
    if paths is None:
        return {}
    if is_path(paths):
        return {"images": paths}
    if isinstance(paths, (bytes, bytearray, Mapping)) or not isinstance(paths, Iterable):
        raise ConfigurationError(f"images must be a path or a list of paths, not {quote(paths)}.")
    return {f"images[{position}]": value for position, value in enumerate(paths)}


def _file(value: Any, name: str) -> InputFile:
    if isinstance(value, str) and value.lstrip().lower().startswith("data:"):
        raise ConfigurationError(
            f"{name} is a data URL and not a path: put it into a message, as a part "
            '{"type": "image_url", "image_url": {"url": "data:..."}}.'
        )
    return InputFile(value, name)
