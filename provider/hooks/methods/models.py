"""
Whether a model is there.
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
    What a hook has for models themselves.
    """

    def check_model(self, model: str, *, ask: bool = True) -> tuple[dict[str, Any] | None, str]:
        """
        Look whether a model is served, and answers.

        :param model: model id; one with ``@`` stands for several, is in no list, and is only asked
        :param ask: whether it has to answer, which costs a few tokens
        :return: the model as the service describes it, None where it does not; and what is missing still, nothing
            where nothing is
        :raises AIEndpointsError: if time will not mend it: a refused token, or a request that the model does not take
        """
        with self.boundary():
            wanted = text(model, "model")
            try:
                models = self._models(self._send)
                found = find_model(wanted, models)
                if found is None and "@" not in wanted:
                    return None, _not_listed(wanted, [each["id"] for each in models])
                if ask:
                    self._ask_briefly(wanted, find_kind(found) if found else "chat")
            except AIEndpointsError as error:
                # Models appear and vanish: that one is not there is what is waited for.
                if not error.retryable and not isinstance(error, NotFoundError):
                    raise
                return None, str(error)
            return found or {"id": wanted}, ""

    def _ask_briefly(self, model: str, kind: str | None) -> None:
        if kind == "chat":
            self._send(chat_request.chat(model, [{"role": "user", "content": "Hi"}], max_tokens=1))
        elif kind == "embedding":
            for _, request in embeddings_request.embeddings(model, "Hi"):
                self._send(request)


def _not_listed(wanted: str, names: list[str]) -> str:
    near = nearest(wanted, names)
    return "is not served" + (f"; there is {', '.join(near)}" if near else "")
