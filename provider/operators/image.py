"""
The operator that generates images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..client.media.image_generation import MODEL
from ._base import AIEndpointsOperator
from ._prompt_files import PromptFiles

if TYPE_CHECKING:
    from ..compat import Context

#: Fields of the request that the operator has parameters for, or sets itself.
_OPERATOR_PARAMS = ("prompt", "model", "n", "size", "output_path", "overwrite", "response_format", "stream")


class OVHCloudAIEndpointsImageOperator(PromptFiles, AIEndpointsOperator):
    """
    Generate images from a description, and write them to files.

    XCom ``return_value`` describes the files and never holds them: ``paths``, their ``types`` and ``bytes``, ``model``,
    ``created`` (seconds since 1970), the requested ``size``, and ``requests``, which is 0 if all files existed.
    ``paths`` is also an XCom of its own, for ``task.output["paths"]``. A retry generates only images that are missing.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param prompt: description of the images
    :param prompt_file: file that holds the prompt; Airflow looks for it as for template files, beside the DAG file or
        in the DAG's ``template_searchpath``, and renders it like ``prompt``
    :param output_path: the file to write, on this machine or in object storage, with an image's suffix; several images
        are numbered: ``cat.png`` becomes ``cat-1.png``, ``cat-2.png`` and so on
    :param model: model id
    :param n: number of images, 1 to 10
    :param size: width and height in pixels, such as ``1024x1024``; None uses the model's default
    :param overwrite: whether to generate all images again and replace existing files; if False, files from the same
        prompt, model, size and ``extra_body`` are kept, and other files are an error before any request
    :param extra_body: more fields of the request, such as ``quality``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
    """

    template_fields = (
        "prompt",
        "prompt_file",
        "output_path",
        "model",
        "n",
        "size",
        "overwrite",
        *AIEndpointsOperator.template_fields,
    )
    prompt_fields = ("prompt",)

    def __init__(
        self,
        *,
        prompt: str | None = None,
        prompt_file: str | None = None,
        output_path: Any = None,
        model: str | None = MODEL,
        n: int | str = 1,
        size: str | None = None,
        overwrite: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prompt = prompt
        self.prompt_file = prompt_file
        self.output_path = output_path
        self.model = model
        self.n = n
        self.size = size
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, Any]:
        """
        Generate the images, and write them.

        :param context: the task's context
        :return: a description of the files
        :raises InvalidResponseError: if the response has fewer or more images than requested
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model or MODEL, "chat_model")
        further = self.further_parameters(_OPERATOR_PARAMS)
        metadata = self.hook.generate_image_files(
            self.prompt,
            self.output_path,
            self.model,
            self.n,  # type: ignore[arg-type]  # rendered text is read by the hook
            self.size,
            overwrite=self.overwrite,  # type: ignore[arg-type]  # likewise
            **further,
        )
        if self.do_xcom_push:
            self.push_xcom(context, "paths", metadata["paths"])
        self.record_lineage(context, {**metadata, "images": len(metadata["paths"])}, metadata["paths"])
        return metadata
