"""The body of a request as its parameters: JSON, or a form with a file (``multipart/form-data``)."""

from __future__ import annotations

from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from ...defaults import MAX_REQUEST_BYTES, MAX_REQUEST_BYTES_IMAGES
from .messages import Request, gateway_refusal, model_refusal, parse_json


def json_payload(request: Request) -> dict[str, Any]:
    """
    Read a JSON object as the parameters of a request.

    :param request: the request
    :return: the parameters
    """
    # The service has a larger limit for vision models; this finds images without parsing the body.
    limit = MAX_REQUEST_BYTES_IMAGES if b'"image_url"' in request.body else MAX_REQUEST_BYTES
    if (size := len(request.body)) > limit:
        raise gateway_refusal(413, f"Request body is {size} bytes, more than {limit}")
    try:
        payload = parse_json(request.body)
    except ValueError as error:
        raise model_refusal(400, f"The body is not JSON: {error}", code="invalid_json") from None
    if not isinstance(payload, dict):
        raise model_refusal(400, "The body must be a JSON object", code="invalid_json")
    return payload


def parts(request: Request) -> Iterator[tuple[str, tuple[str, bytes]]]:
    """
    Split a form into its parts.

    :param request: the request
    :return: name of each part, with its file name and content
    """
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise model_refusal(400, "The body must be multipart/form-data")
    # A form is a message of parts, as an e-mail with attachments is.
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        yield str(name), (part.get_filename() or "", content if isinstance(content, bytes) else b"")


def form_payload(request: Request) -> dict[str, Any]:
    """
    Read a form as the parameters of a request.

    :param request: the request
    :return: strings by name; a list of strings if the name ends in ``[]``; bytes for ``file``
    """
    params: dict[str, Any] = {}
    for name, (_, content) in parts(request):
        if name == "file":
            params[name] = content
        elif name.endswith("[]"):
            params.setdefault(name.removesuffix("[]"), []).append(content.decode("utf-8", "replace"))
        else:
            params[name] = content.decode("utf-8", "replace")
    return params
