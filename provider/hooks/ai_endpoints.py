"""
The hook of an AI Endpoints connection, with the methods of all modules in :mod:`.methods`.
"""

from __future__ import annotations

from typing import Any

from .. import defaults
from ..connection.reader import read_settings
from ..errors import AIEndpointsError
from .methods.batches import BatchMethods
from .methods.bulk_chat import BulkChatMethods
from .methods.embeddings import EmbeddingMethods
from .methods.guard import GuardMethods
from .methods.image_generation import ImageMethods
from .methods.models import ModelMethods
from .methods.responses import ResponseMethods
from .methods.transcription import TranscriptionMethods


class OVHCloudAIEndpointsHook(
    BulkChatMethods,
    GuardMethods,
    ResponseMethods,
    EmbeddingMethods,
    BatchMethods,
    TranscriptionMethods,
    ModelMethods,
    ImageMethods,
):
    """
    Interact with OVHcloud AI Endpoints, or with any service that has the same OpenAI-compatible API.

    Safe to use from several threads, which share its connections, and after a fork, when the child opens its own.

    :param ovh_conn_id: id of the Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether a non-retryable error fails the task at once, without its remaining ``retries``
    """

    conn_name_attr = "ovh_conn_id"
    default_conn_name = defaults.CONN_ID
    conn_type = defaults.CONN_TYPE
    hook_name = defaults.SERVICE_NAME

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """
        Return the connection form's own fields, for Airflow 2.11 to 3.1.

        :return: wtforms fields by name
        """
        from ..connection.form import as_widgets

        return as_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """
        Return the changes to the connection form's standard fields, for Airflow 2.11 to 3.1.

        :return: hidden fields, labels and placeholders
        """
        from ..connection.form import as_hook_behaviour

        return as_hook_behaviour()

    def test_connection(self) -> tuple[bool, str]:
        """
        Test the connection within ten seconds, without billed requests. Never raises.

        :return: whether the connection works, and a message: the result, or the reason and the fix
        """
        from ..connection.check import run_test
        from ..connection.check_message import compose_message, internal_error

        try:
            report = run_test(read_settings(self._get_connection(), token_required=False))
        except AIEndpointsError as error:
            return False, f"Failed: {error}"
        except Exception as error:  # Airflow would show only its text, which may be anything, or empty.
            self.log.exception("The connection test itself failed.")
            return False, internal_error(error)
        self.log.info("Models listed: %s", ", ".join(report.models or ["none seen"]))
        return report.ok, compose_message(report)
