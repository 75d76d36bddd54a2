"""
The operator that turns texts into vectors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context


class OVHCloudAIEndpointsEmbeddingOperator(AIEndpointsOperator):
    """
    Turn texts into vectors; the response goes to XCom in OpenAI's format.

    :param model: model id; the connection's embedding model unless given
    :param input: a text, or any number of them: they are sent in as many requests as the service's limits ask for
    :param concurrency: how many requests at a time, 1 to 32
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    :param extra_body: further parameters of the request, such as ``dimensions``
    :param render: whether templates in ``input`` are rendered; False sends braces as they are
    """

    template_fields = ("model", "input", "concurrency", "extra_body", "ovh_conn_id", "timeout", "max_retries")
    template_fields_renderers: ClassVar[dict[str, str]] = {"input": "json", "extra_body": "json"}
    prompt_fields = ("input",)

    def __init__(
        self,
        *,
        model: str | None = None,
        input: Any = None,  # noqa: A002
        concurrency: int | str = defaults.CONCURRENCY,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.input = input
        self.concurrency = concurrency

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Embed, and return the response.

        :param context: the task's context
        :return: the response in OpenAI's format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "embedding_model")
        further = self.further_parameters(("model", "input", "concurrency"))
        return self.hook.create_embedding(
            model=self.model,
            input=self.input,
            concurrency=self.concurrency,  # type: ignore[arg-type]  # rendered text is read by the hook
            **further,
        )
