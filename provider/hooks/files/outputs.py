"""
An output file: checked before any billed request, and written completely or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import AIEndpointsError, ConfigurationError
from ...redaction import excerpt
from ...rows.storage import open_storage
from .inputs import resolve_input


class OutputFile:
    """
    A file to write.

    :param value: its path, on this machine or in object storage
    :param name: name of the operator's parameter, for errors
    :param kinds: allowed suffixes, without the dot
    :raises ConfigurationError: if its folder can't be written to, or it has another suffix
    """

    def __init__(self, value: Any, name: str, kinds: Sequence[str]) -> None:
        path = resolve_input(value, name)
        self._storage = open_storage(path)
        #: Its path, for people.
        self.display = self._storage.display
        self._label = f"{name} ({excerpt(self.display, 300)})"
        #: Its suffix.
        self.kind = self._storage.name.rpartition(".")[2].lower() if "." in self._storage.name else ""
        if self.kind not in kinds:
            raise ConfigurationError(f"{self._label} must end in {', '.join(f'.{kind}' for kind in kinds)}.")
        try:
            if self._storage.kind() == "folder":
                raise ConfigurationError(f"{self._label} is a folder: name a file in it.")
            open_storage(path.parent).mkdir()
        except OSError as error:
            fault = type(error).__name__
        else:
            return
        raise ConfigurationError(
            f"{self._label} cannot be written ({fault}): let the user that runs the worker, or the connection in the "
            "path, write there."
        )

    def write(self, data: bytes) -> None:
        """
        Write the file, or replace an existing one.

        :param data: content of the file
        :raises AIEndpointsError: if its storage fails
        """
        try:
            self._storage.write(data)
        except OSError as error:
            fault = type(error).__name__
        else:
            return
        raise AIEndpointsError(f"{self._label} could not be written: its storage failed ({fault}).")
