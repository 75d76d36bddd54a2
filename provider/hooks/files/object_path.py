"""
Files and folders as authors name them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...validation import quote, text

if TYPE_CHECKING:
    from ...compat import ObjectStoragePath

#: Bytes of the name of a file: what Linux and macOS take.
MAX_NAME_BYTES = 255
#: Distribution that brings a storage, by scheme.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a", "s3n"), "apache-airflow-providers-amazon[s3fs]"),
    **dict.fromkeys(("gs", "gcs"), "apache-airflow-providers-google"),
    **dict.fromkeys(("abfs", "abfss", "adl"), "apache-airflow-providers-microsoft-azure"),
}


def to_object_path(value: Any, name: str) -> ObjectStoragePath:
    """
    Open the way to a file or folder.

    :param value: a path, or an address such as ``s3://conn_id@bucket/key``
    :param name: the parameter that it came from, for the error
    :return: the path, whose storage can be reached as far as this machine knows
    :raises ConfigurationError: if this Airflow cannot use such storage
    """
    from ...compat import ObjectStoragePath

    address = text(str(value), name)
    if (
        "://" not in address
        and max(len(part.encode("utf-8", "replace")) for part in address.split("/")) > MAX_NAME_BYTES
    ):
        raise ConfigurationError(
            f"{name} must be a path whose names have {MAX_NAME_BYTES} bytes each at most, not {quote(address)}."
        )
    try:
        path = ObjectStoragePath(address)
        path.fs  # noqa: B018  (only this looks for the provider and the connection)
    except Exception as error:  # noqa: BLE001  (whatever the storage's own library raises, with anything in its text)
        kind = type(error).__name__
    else:
        return path
    scheme = address.partition("://")[0]
    package = _PACKAGES.get(scheme)
    remedy = f'pip install "{package}"' if package else "install the Airflow provider that brings it"
    raise ConfigurationError(
        f"{name} cannot be used: the storage {scheme!r} is not available here ({kind}): {remedy}, and check the "
        "connection in the path."
    )
