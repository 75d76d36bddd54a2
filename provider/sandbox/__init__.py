"""
An offline stand-in for OVHcloud AI Endpoints on a real socket, for trying things out and for tests of DAGs.

Run it with ``python -m apache_airflow_provider_ovhcloud_ai.sandbox``, use :class:`Sandbox` as a context
manager, or load the pytest fixtures of :mod:`apache_airflow_provider_ovhcloud_ai.sandbox.pytest_plugin`.
No model runs: answers say so, echo the question, and are the same bytes for the same request.
"""

from __future__ import annotations

from .http.messages import Request
from .server import Sandbox

__all__ = ["Request", "Sandbox"]
