"""
An Airflow with a user who may read and test connections, but not edit them. The simple auth manager lacks such a role.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

NAME = "tester"


class TesterAuthManager(SimpleAuthManager):
    """
    The simple auth manager, with one person more.
    """

    def is_authorized_connection(self, *, method: Any, user: Any, details: Any = None) -> bool:
        # POST is what Airflow asks of who tests, and of who creates.
        if user.username == NAME:
            return method in {"GET", "POST"}
        return super().is_authorized_connection(method=method, user=user, details=details)
