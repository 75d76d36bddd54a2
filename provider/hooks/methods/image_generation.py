"""
Methods of the hook for image generation.
"""

from __future__ import annotations

from typing import Any

from ...client.http import http_request
from ...client.media import image_generation
from ...errors import AIEndpointsError, ConfigurationError
from ...rows.image_files import ImageFiles
from ...rows.storage import open_storage
from ...validation import boolean
from ..base import BaseAIEndpointsHook
from ..files.inputs import resolve_input


class ImageMethods(BaseAIEndpointsHook):
    """
    Methods for image generation.
    """

    def generate_image(
        self,
        prompt: str | None = None,
        model: str | None = image_generation.MODEL,
        n: int = 1,
        size: str | None = None,
        **params: Any,
    ) -> image_generation.GeneratedImages:
        """
        Generate images.

        :param prompt: description of the images
        :param model: model id
        :param n: number of images, 1 to 10
        :param size: width and height in pixels, such as ``1024x1024``; the model's default unless given
        :param params: further parameters of the API, such as ``quality``
        :return: ``images``, each with ``data`` (the file's bytes) and ``type``; ``model`` and ``created``
        :raises InvalidResponseError: if the response doesn't contain ``n`` images
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._generate(image_generation.build_request(_model(model), prompt, n=n, size=size, **params))

    def generate_image_files(
        self,
        prompt: str | None,
        output_path: Any,
        model: str | None = image_generation.MODEL,
        n: int = 1,
        size: str | None = None,
        *,
        overwrite: bool = False,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Generate images and write them to files. Images from an earlier identical request are reused.

        :param prompt: description of the images
        :param output_path: file on this machine or in object storage, such as ``s3://conn_id@bucket/cat.png``;
            several files are numbered, ``cat-1.png`` and so on
        :param model: model id
        :param n: number of images, 1 to 10
        :param size: width and height in pixels, such as ``1024x1024``; the model's default unless given
        :param overwrite: whether to generate all images again and replace existing files
        :param params: further parameters of the API, such as ``quality``
        :return: ``paths``, ``types`` and ``bytes`` of the files, ``model``, ``created``, ``size`` and ``requests``
        :raises ConfigurationError: before the request, if the files can't be written, or other files exist
        :raises InvalidResponseError: if the response doesn't contain the requested number of images
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            request = image_generation.build_request(_model(model), prompt, n=n, size=size, **params)
            replace = boolean(overwrite, "overwrite")
            path = _resolve_output(output_path)
            self.get_conn()  # fail before any file is written if the connection is invalid
            count, recipe = image_generation.count_images(request), image_generation.digest(request)
            files = ImageFiles(open_storage(path.parent), open_storage(path).name, count, recipe)
            missing = files.begin(overwrite=replace)
            if missing:
                request = image_generation.build_request(_model(model), prompt, n=missing, size=size, **params)
                try:
                    generated = self._generate(request)
                except AIEndpointsError:
                    files.give_up()
                    raise
                facts = {"model": generated.model, "created": generated.created}
                files.write([(each.data, each.type) for each in generated.images], facts)
            summary = {**files.summary(), "size": size, "requests": 1 if missing else 0}
            self._log_images(summary, files)
            return summary

    def _generate(self, request: http_request.Request) -> image_generation.GeneratedImages:
        response = self._send(request)
        value = self._parse(response, request)
        self._report("image", request.model, [response], value)
        return image_generation.read_images(value, response, request)

    def _log_images(self, summary: dict[str, Any], files: ImageFiles) -> None:
        if not summary["requests"]:
            self.log.info(
                "AI Endpoints image: this prompt, model and size have made %s before; nothing was sent. overwrite=True "
                "makes new ones.",
                ", ".join(summary["paths"]),
            )
        for path, kind in files.misnamed():
            self.log.warning("%s holds %s, as the service sent it, though its name says otherwise.", path, kind)


def _model(model: Any) -> Any:
    return image_generation.MODEL if model is None else model


def _resolve_output(output_path: Any) -> Any:
    bucket, slash, _ = str(output_path).partition("://")[2].partition("/")
    if bucket and not slash:
        raise ConfigurationError(f"output_path names a bucket and no file in it, such as s3://{bucket}/cat.png.")
    return resolve_input(output_path, "output_path")
