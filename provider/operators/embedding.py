"""
The operator that creates embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from .. import defaults
from ..hooks.files.object_path import to_object_path
from ..hooks.files.owner import read_owner
from ..validation import text
from ._base import AIEndpointsOperator
from ._rows import RowsOperator

if TYPE_CHECKING:
    from ..compat import Context

#: More vectors don't belong in XCom: 1,000 of 1,024 numbers are some 20 MB of JSON in the metadata database.
MAX_XCOM_TEXTS = 1_000


class OVHCloudAIEndpointsEmbeddingOperator(RowsOperator):
    """
    Create embedding vectors.

    Without ``output_path``, XCom has the response in OpenAI's format. With it, the vectors go to files in that folder,
    with the columns of their rows, and XCom has a manifest: ``path``, ``rows``, ``rows_reused``, ``model``,
    ``dimensions``, ``usage``. XCom ``path`` has the path of the folder. A retry, or a later run with other rows, sends
    only texts without a vector there. Equal texts are sent once.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param model: model id; default: the connection's embedding model
    :param input: one string or any number of them, sent in as many requests as the service's limits require; with
        ``output_path`` also dictionaries
    :param text_column: the column of a row to embed
    :param concurrency: maximum number of requests at a time, up to 512; ``auto`` for as many as the rate limit needs
    :param on_error: with ``output_path``, ``raise`` fails the task at the first failure, ``fail`` after all rows, and
        ``skip`` doesn't fail it; the last two add the column ``error``
    :param on_long_text: how to handle a string that is too long for the model before it is sent: ``error``,
        ``truncate``, or with ``output_path`` ``split`` into rows of their own; None sends it unchanged
    :param max_text_tokens: maximum number of tokens of a string; default: the model's context
    :param extra_body: more fields of the request, such as ``dimensions``
    :param kwargs: parameters of :class:`._rows.RowsOperator`
    """

    template_fields = (
        "model",
        "input",
        "text_column",
        "concurrency",
        "on_long_text",
        "max_text_tokens",
        *RowsOperator.template_fields,
        *AIEndpointsOperator.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"input": "json", "extra_body": "json"}
    prompt_fields = ("input",)

    def __init__(
        self,
        *,
        model: str | None = None,
        input: Any = None,  # noqa: A002  (the API's own name)
        text_column: str = "text",
        concurrency: int | str = defaults.CONCURRENCY,
        on_error: str = "raise",
        on_long_text: str | None = None,
        max_text_tokens: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(on_error=on_error, **kwargs)
        self.model = model
        self.input = input
        self.text_column = text_column
        self.concurrency = concurrency
        self.on_long_text = on_long_text
        self.max_text_tokens = max_text_tokens

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Create the vectors, and return the response or the manifest.

        :param context: the task's context
        :return: the response in OpenAI's format; with ``output_path`` the manifest
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model, "embedding_model")
        further = self._options()
        with self.hook.boundary():
            if self.output_path is not None:
                return self.return_manifest(context, self._to_folder(context, further))
            texts = self._texts()
        if isinstance(texts, (list, tuple)) and not texts:
            self.check_empty(0)
            return {"object": "list", "model": self.model, "data": [], "usage": {}}
        return self.hook.create_embedding(model=self.model, input=texts, **further)

    def _options(self) -> dict[str, Any]:
        own = ("concurrency", "on_long_text", "max_text_tokens")
        further = self.further_parameters((*own, "model", "input"))
        return {name: getattr(self, name) for name in own} | further

    def _to_folder(self, context: Context, further: dict[str, Any]) -> dict[str, Any]:
        return self.hook.embed_rows(
            self._rows(),
            to_object_path(self.output_path, "output_path"),
            self.model,
            text_column=self.text_column,
            output_format=self.output_format,
            part_size=self.part_size,  # type: ignore[arg-type]  # rendered text is read by the hook
            if_exists=self.if_exists,
            owner=read_owner(context),
            on_error=self.on_error,
            max_failures=self.max_failures,  # type: ignore[arg-type]  # likewise
            **further,
        )

    def _texts(self) -> Any:
        texts = self.input
        if self.input_path is not None:
            from ..rows.serialization import read_text_column

            column = text(self.text_column, "text_column")
            texts = [read_text_column(row, number, column) for number, row in enumerate(self._rows())]
        if isinstance(texts, (list, tuple)) and len(texts) > MAX_XCOM_TEXTS:
            self.log.warning(
                "%s vectors will go to XCom, most often into the metadata database, where each takes some 20 kB: "
                "give output_path to write them to files instead.",
                f"{len(texts):,}",
            )
        return texts

    def _rows(self) -> Iterable[dict[str, Any]]:
        values = [self.input] if isinstance(self.input, str) else self.input
        return self.read_rows(values, "input")
