"""OVHcloud AI Endpoints for Apache Airflow: chat, embeddings, speech and images through an Airflow connection."""

from __future__ import annotations

__version__ = "0.1.0"

_OLD_DISTRIBUTION = "apache-airflow-provider-ovhcloud-ai"
_ADVICE = (
    f"{_OLD_DISTRIBUTION} is installed beside airflow-provider-ovhcloud-ai and shares its import name. Run: "
    f"pip uninstall -y {_OLD_DISTRIBUTION} airflow-provider-ovhcloud-ai && pip install airflow-provider-ovhcloud-ai"
)
_pending_warnings = [_ADVICE]


def get_provider_info() -> dict[str, object]:
    """
    Return empty provider information to the entry point of ``apache-airflow-provider-ovhcloud-ai``.

    That distribution has the same import name, and leaves its entry point behind if this one is installed over it.
    Without a return value every Airflow command would fail. The first call in a process logs how to clean up. Airflow 3
    calls it twice, in its core and in the process that runs tasks.

    :return: provider information with nothing to register
    """
    import logging

    while _pending_warnings:
        logging.getLogger(__name__).warning(_pending_warnings.pop())
    return {
        "package-name": _OLD_DISTRIBUTION,
        "name": "OVHcloud AI (replaced)",
        "description": "Replaced by airflow-provider-ovhcloud-ai; uninstall both and install that one.",
    }
