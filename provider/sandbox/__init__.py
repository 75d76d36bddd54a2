"""
An offline mock server for OVHcloud AI Endpoints on a real socket, to try out the provider and to test DAGs.

Run it with ``python -m apache_airflow_provider_ovhcloud_ai.sandbox``, use :class:`Sandbox` as a context
manager, or load the pytest fixtures of :mod:`apache_airflow_provider_ovhcloud_ai.sandbox.pytest_plugin`.
No model runs. The answers say so and repeat the question. The same request always gets the same bytes.
"""

from __future__ import annotations

from .http.messages import Request
from .server import Sandbox

__all__ = ["Request", "Sandbox"]
