"""
The operator that has images made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ..client.media.image_generation import MODEL
from ._base import AIEndpointsOperator
from ._prompt_files import PromptFiles

if TYPE_CHECKING:
    from ..compat import Context

#: What the operator has parameters for, or decides itself.
_OPERATOR_PARAMS = ("prompt", "model", "n", "size", "output_path", "overwrite", "response_format", "stream")


class OVHCloudAIEndpointsImageOperator(PromptFiles, AIEndpointsOperator):
    """
    Have images made from a description, and written to files.

    XCom ``return_value`` tells of the files and never holds them: ``paths``, and for each its ``types`` and ``bytes``;
    ``model``, ``created`` (seconds since 1970), ``size`` as it was asked for, and ``requests``, 0 where all files were
    there already. ``paths`` is an XCom of its own too, which is what ``task.output["paths"]`` stands for. A task that
    is tried again pays only for what is not there.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param prompt: what the images show
    :param prompt_file: a file that holds the prompt, found as Airflow finds template files: beside the DAG file or in
        the DAG's ``template_searchpath``; rendered as ``prompt`` is
    :param output_path: the file to write, on this machine or in object storage, with the suffix of an image; several
        images are numbered: ``cat.png`` becomes ``cat-1.png``, ``cat-2.png`` and so on
    :param model: model id
    :param n: how many images, 1 to 10
    :param size: width and height in pixels, such as ``1024x1024``; None leaves it to the model
    :param overwrite: whether to make all anew, in the place of whatever is there; otherwise files that the same prompt,
        model, size and ``extra_body`` made are kept, and others are an error before anything is sent
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    :param extra_body: further parameters of the request, such as ``quality``
    :param render_prompts: whether templates in the prompt are rendered; False sends braces as they are
    """

    template_fields = (
        "prompt",
        "prompt_file",
        "output_path",
        "model",
        "n",
        "size",
        "overwrite",
        "extra_body",
        "ovh_conn_id",
        "timeout",
        "max_retries",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"extra_body": "json"}
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
        Have the images made, and write them.

        :param context: the task's context
        :return: what the files are
        :raises InvalidResponseError: if what came is not as many images as were asked for
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        self.push_links(context, self.model or MODEL, "chat_model")
        further = self.further_parameters(_OPERATOR_PARAMS)
        told = self.hook.generate_image_files(
            self.prompt,
            self.output_path,
            self.model,
            self.n,  # type: ignore[arg-type]  # rendered text is read by the hook
            self.size,
            overwrite=self.overwrite,  # type: ignore[arg-type]  # likewise
            **further,
        )
        if self.do_xcom_push:
            context["ti"].xcom_push(key="paths", value=told["paths"])
        self.record_lineage(context, {**told, "images": len(told["paths"])}, told["paths"])
        return told
