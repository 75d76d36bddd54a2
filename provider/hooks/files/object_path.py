"""
Paths in object storage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...validation import quote, text

if TYPE_CHECKING:
    from ...compat import ObjectStoragePath

#: Maximum length of a file name on Linux and macOS.
MAX_NAME_BYTES = 255
#: Distribution that brings a storage, by scheme.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a", "s3n"), "apache-airflow-providers-amazon[s3fs]"),
    **dict.fromkeys(("gs", "gcs"), "apache-airflow-providers-google"),
    **dict.fromkeys(("abfs", "abfss", "adl"), "apache-airflow-providers-microsoft-azure"),
}


def to_object_path(value: Any, name: str) -> ObjectStoragePath:
    """
    Convert the value of a parameter to Airflow's path.

    :param value: a path, or a URL such as ``s3://conn_id@bucket/key``
    :param name: name of the operator's parameter, for the error
    :return: the path; its storage's provider and connection exist
    :raises ConfigurationError: if this Airflow can't use its storage, or a file name is too long
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
        path.fs  # noqa: B018  (loads the provider and the connection)
    except Exception as error:  # noqa: BLE001  (the storage's own library may raise anything, with any text)
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
