"""
Verbs of the hook that have images made.
"""

from __future__ import annotations

from typing import Any

from ...client.http import http_request, http_response
from ...client.media import image_generation
from ...errors import AIEndpointsError, ConfigurationError
from ...rows.image_files import ImageFiles
from ...rows.storage import open_storage
from ...validation import boolean
from ..base import BaseAIEndpointsHook
from ..files.inputs import resolve_input


class ImageMethods(BaseAIEndpointsHook):
    """
    What a hook has for images that a model makes.
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
        Have images made.

        :param prompt: what they show
        :param model: model id
        :param n: how many, 1 to 10
        :param size: width and height in pixels, such as ``1024x1024``; None leaves it to the model
        :param params: any further parameter of the API, such as ``quality``
        :return: ``images``, each with ``data`` (the file's bytes) and ``type``; ``model`` and ``created``
        :raises InvalidResponseError: if what came is not as many images as were asked for
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            return self._pictures(image_generation.build_request(_model(model), prompt, n=n, size=size, **params))

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
        Have images made and written to files. Those that the same request made before are not paid for again.

        :param prompt: what they show
        :param output_path: the file, on this machine or in object storage, such as ``s3://conn_id@bucket/cat.png``;
            several are numbered, ``cat-1.png`` and so on
        :param model: model id
        :param n: how many, 1 to 10
        :param size: width and height in pixels, such as ``1024x1024``; None leaves it to the model
        :param overwrite: whether to make all anew, in the place of whatever is there
        :param params: any further parameter of the API, such as ``quality``
        :return: ``paths``, ``types`` and ``bytes`` of the files, ``model``, ``created``, ``size`` and ``requests``
        :raises ConfigurationError: if the files cannot be written, or others are there; nothing was sent then
        :raises InvalidResponseError: if what came is not as many images as were asked for
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            request = image_generation.build_request(_model(model), prompt, n=n, size=size, **params)
            anew = boolean(overwrite, "overwrite")
            path = _way_to(output_path)
            self.get_conn()  # a connection that cannot work leaves nothing behind
            count, recipe = image_generation.count_images(request), image_generation.digest(request)
            files = ImageFiles(open_storage(path.parent), open_storage(path).name, count, recipe)
            missing = files.begin(overwrite=anew)
            if missing:
                request = image_generation.build_request(_model(model), prompt, n=missing, size=size, **params)
                try:
                    made = self._pictures(request)
                except AIEndpointsError:
                    files.give_up()
                    raise
                made_of = {"model": made.model, "created": made.created}
                files.write([(each.data, each.type) for each in made.images], made_of)
            told = {**files.summary(), "size": size, "requests": 1 if missing else 0}
            self._log_images(told, files)
            return told

    def _pictures(self, request: http_request.Request) -> image_generation.GeneratedImages:
        reply = self._send(request)
        value = http_response.parse(reply, request, self.settings.client)
        self._report("image", request.model, [reply], value)
        return image_generation.read_images(value, reply, request)

    def _log_images(self, told: dict[str, Any], files: ImageFiles) -> None:
        if not told["requests"]:
            self.log.info(
                "AI Endpoints image: this prompt, model and size have made %s before; nothing was sent. overwrite=True "
                "makes new ones.",
                ", ".join(told["paths"]),
            )
        for path, kind in files.misnamed():
            self.log.warning("%s holds %s, as the service sent it, though its name says otherwise.", path, kind)


def _model(model: Any) -> Any:
    return image_generation.MODEL if model is None else model


def _way_to(output_path: Any) -> Any:
    bucket, slash, _ = str(output_path).partition("://")[2].partition("/")
    if bucket and not slash:
        raise ConfigurationError(f"output_path names a bucket and no file in it, such as s3://{bucket}/cat.png.")
    return resolve_input(output_path, "output_path")
