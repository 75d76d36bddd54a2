"""
Methods of the hook for models.
"""

from __future__ import annotations

from typing import Any

from ...client.chat import chat_request
from ...client.embeddings import embeddings_request
from ...client.models.model_names import find_kind, find_model, nearest
from ...errors import AIEndpointsError, NotFoundError
from ...validation import text
from ..base import BaseAIEndpointsHook


class ModelMethods(BaseAIEndpointsHook):
    """
    Methods for models.
    """

    def check_model(self, model: str, *, ask: bool = True) -> tuple[dict[str, Any] | None, str]:
        """
        Check that a model is listed, and that it answers.

        :param model: model id; an alias with ``@`` isn't in the list, so it is only sent a request
        :param ask: whether to send the model a request, which costs a few tokens
        :return: the model as the service describes it, or None if it isn't available; and the reason, or an empty
            string
        :raises AIEndpointsError: if waiting doesn't help: authentication failed, or the model rejects the request
        """
        with self.boundary():
            model_id = text(model, "model")
            try:
                models = self._models(self._send)
                listed_model = find_model(model_id, models)
                if listed_model is None and "@" not in model_id:
                    return None, _explain_missing(model_id, [each["id"] for each in models])
                if ask:
                    self._ask_briefly(model_id, find_kind(listed_model) if listed_model else "chat")
            except AIEndpointsError as error:
                # Models appear and vanish: a missing one is a reason to wait, not an error.
                if not error.retryable and not isinstance(error, NotFoundError):
                    raise
                return None, str(error)
            return listed_model or {"id": model_id}, ""

    def _ask_briefly(self, model: str, kind: str | None) -> None:
        if kind == "chat":
            self._send(chat_request.chat(model, [{"role": "user", "content": "Hi"}], max_tokens=1))
        elif kind == "embedding":
            for _, request in embeddings_request.embeddings(model, "Hi"):
                self._send(request)


def _explain_missing(model_id: str, names: list[str]) -> str:
    near = nearest(model_id, names)
    return "is not served" + (f"; there is {', '.join(near)}" if near else "")
