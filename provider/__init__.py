"""OVHcloud AI Endpoints for Apache Airflow: chat completions and embeddings over a connection of its own."""

from __future__ import annotations

__version__ = "0.1.0"

_OLD_DISTRIBUTION = "apache-airflow-provider-ovhcloud-ai"
_ADVICE = (
    f"{_OLD_DISTRIBUTION} is installed beside airflow-provider-ovhcloud-ai and shares its import name. Run: "
    f"pip uninstall -y {_OLD_DISTRIBUTION} airflow-provider-ovhcloud-ai && pip install airflow-provider-ovhcloud-ai"
)
_unsaid = [_ADVICE]


def get_provider_info() -> dict[str, object]:
    """
    Answer the entry point that ``apache-airflow-provider-ovhcloud-ai`` leaves behind when this is installed over it.

    That distribution has the same import name. Without an answer every Airflow command would die;
    this one registers nothing under its name and says once a process how to clean up.
    Airflow 3 asks twice: in its core, and in what runs tasks.

    :return: provider information with nothing to register
    """
    import logging

    while _unsaid:
        logging.getLogger(__name__).warning(_unsaid.pop())
    return {
        "package-name": _OLD_DISTRIBUTION,
        "name": "OVHcloud AI (replaced)",
        "description": "Replaced by airflow-provider-ovhcloud-ai; uninstall both and install that one.",
    }
