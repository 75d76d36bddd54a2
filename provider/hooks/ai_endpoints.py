"""
The hook: a connection's settings, and one line for each thing the service does.
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
    Talk to OVHcloud AI Endpoints, or to any service that speaks the same OpenAI-compatible API.

    Safe to use from several threads, which share its connections, and after a fork, which leaves them to the
    parent.

    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    """

    conn_name_attr = "ovh_conn_id"
    default_conn_name = defaults.CONN_ID
    conn_type = defaults.CONN_TYPE
    hook_name = defaults.SERVICE_NAME

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """
        Draw the form's own fields on Airflow 2.11 to 3.1.

        :return: a wtforms field for each name
        """
        from ..connection.form import as_widgets

        return as_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """
        Rename and hide standard fields on Airflow 2.11 to 3.1.

        :return: hidden fields, labels and placeholders
        """
        from ..connection.form import as_hook_behaviour

        return as_hook_behaviour()

    def test_connection(self) -> tuple[bool, str]:
        """
        Find out within ten seconds whether the connection works; never billed, never raises.

        :return: whether it does, and a sentence that says so, or why not and what to do
        """
        from ..connection.check import run_test
        from ..connection.check_message import compose_message, internal_error

        try:
            report = run_test(read_settings(self._get_connection(), token_required=False))
        except AIEndpointsError as error:
            return False, f"Failed: {error}"
        except Exception as error:  # Airflow would show its bare text, which may be anything, or nothing.
            self.log.exception("The connection test itself failed.")
            return False, internal_error(error)
        self.log.info("Models listed: %s", ", ".join(report.models or ["none seen"]))
        return report.ok, compose_message(report)
