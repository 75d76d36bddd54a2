"""
The hook's verbs for images: what they give, what they log, and what fails how.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
    RateLimitError,
)
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from support.canary import TOKEN, shows, traces
from support.image_samples import JPEG, PNG, images
from support.scripted_server import Manner, Server, echo, hang, respond

pytestmark = pytest.mark.airflow

PROMPT = "a cat that nobody shall read about"


@pytest.fixture
def hook(ovh_ai_endpoints_connection: None) -> OVHCloudAIEndpointsHook:
    return OVHCloudAIEndpointsHook()


def test_images_come_as_bytes(hook: OVHCloudAIEndpointsHook, sandbox: Sandbox) -> None:
    images = hook.generate_image(PROMPT, n=2, size="256x256")
    assert [each.type for each in images.images] == ["image/png"] * 2
    assert len({each.data for each in images.images}) == 2
    assert images.model == "stable-diffusion-xl-base-v10"
    assert sandbox.requests[-1].json == {
        "model": "stable-diffusion-xl-base-v10",
        "prompt": PROMPT,
        "n": 2,
        "size": "256x256",
        "response_format": "b64_json",
    }
    hook.generate_image(PROMPT, None, quality="hd")
    assert sandbox.requests[-1].json == {
        "model": "stable-diffusion-xl-base-v10",
        "prompt": PROMPT,
        "quality": "hd",
        "response_format": "b64_json",
    }


def test_summary_describes_the_files(hook: OVHCloudAIEndpointsHook, tmp_path: Path) -> None:
    summary = hook.generate_image_files(PROMPT, tmp_path / "cat.png", n=2, size="256x256")
    assert json.loads(json.dumps(summary)) == summary
    assert summary == {
        "paths": [str(tmp_path / "cat-1.png"), str(tmp_path / "cat-2.png")],
        "types": ["image/png", "image/png"],
        "bytes": [Path(path).stat().st_size for path in summary["paths"]],
        "model": "stable-diffusion-xl-base-v10",
        "created": 1_767_225_600,
        "size": "256x256",
        "requests": 1,
    }


@pytest.mark.parametrize("spell", [str, Path, lambda path: f"file://{path}"])
def test_paths(hook: OVHCloudAIEndpointsHook, tmp_path: Path, spell: Callable[[Path], Any]) -> None:
    summary = hook.generate_image_files(PROMPT, spell(tmp_path / "new" / "cat.png"))
    assert summary["paths"] == [str(tmp_path / "new" / "cat.png")]
    assert Path(summary["paths"][0]).read_bytes().startswith(b"\x89PNG")


def test_a_path_without_a_folder(
    hook: OVHCloudAIEndpointsHook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hook.generate_image_files(PROMPT, "cat.png")["paths"] == ["cat.png"]
    assert (tmp_path / "cat.png").exists()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (None, "output_path must be a path, not None"),
        ("", "output_path must not be empty"),
        (["cat.png"], "output_path must be a path, not a value of type list"),
        ("https://example.com/cat.png", "output_path is a web address"),
        ("cat\0.png", "null character"),
        ("s3://cat.png", "output_path names a bucket and no file in it, such as s3://cat.png/cat.png"),
        ("nowhere://bucket/cat.png", "the storage 'nowhere' is not available here"),
        ("images/", "output_path must name an image file"),
        ("images/cat.txt", "output_path must name an image file"),
    ],
)
def test_an_invalid_path_is_refused_before_a_request(
    hook: OVHCloudAIEndpointsHook, sandbox: Sandbox, path: Any, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        hook.generate_image_files(PROMPT, path)
    assert isinstance(caught.value, AirflowFailException)
    assert sandbox.requests == []


def test_what_is_there_is_not_paid_for_again(
    hook: OVHCloudAIEndpointsHook, sandbox: Sandbox, tmp_path: Path, ear: Any
) -> None:
    ear.listen(hook)
    path = tmp_path / "cat.png"
    first = hook.generate_image_files(PROMPT, path, n=3)
    assert hook.generate_image_files(PROMPT, path, n=3) == {**first, "requests": 0}
    assert len(sandbox.requests) == 1
    (line,) = ear.lines("AI Endpoints image: this prompt")
    assert "nothing was sent. overwrite=True makes new ones." in line
    Path(first["paths"][1]).unlink()
    assert hook.generate_image_files(PROMPT, path, n=3)["paths"] == first["paths"]
    assert "n" not in sandbox.requests[-1].json
    with pytest.raises(ConfigurationError, match="was not made by this prompt, model and size"):
        hook.generate_image_files("a dog", path, n=3)
    assert len(sandbox.requests) == 2
    assert hook.generate_image_files("a dog", path, n=3, overwrite=True)["requests"] == 1
    assert hook.generate_image_files("a dog", path, n=3, overwrite="False")["requests"] == 0
    with pytest.raises(ConfigurationError, match="overwrite must be true or false, not 'perhaps'"):
        hook.generate_image_files("a dog", path, overwrite="perhaps")


def test_one_line_a_call_and_neither_prompt_nor_image(hook: OVHCloudAIEndpointsHook, tmp_path: Path, ear: Any) -> None:
    ear.listen(hook)
    hook.generate_image_files(PROMPT, tmp_path / "cat.png")
    (line,) = ear.lines("AI Endpoints image:")
    assert line.startswith("AI Endpoints image: model=stable-diffusion-xl-base-v10 ")
    assert " requests=1 attempts=1 request_id=sandbox-000001" in line
    # What the response does not tell, the line does not name.
    assert "None" not in line
    assert "finish_reason" not in line
    assert PROMPT not in ear.everything
    assert "iVBOR" not in ear.everything


def drawn(hook_for: Callable[..., Any], manner: Manner, tmp_path: Path, **options: Any) -> tuple[Any, Server]:
    """What comes of a request, an error too, and the server that answered."""
    with Server(manner) as server:
        stored = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": TOKEN}
        hook = hook_for(stored, **{"max_retries": 0, **options})
        try:
            return hook.generate_image_files(PROMPT, tmp_path / "cat.png"), server
        except AIEndpointsError as error:
            return error, server


def test_image_of_another_type_than_its_suffix_is_written_and_reported(
    hook_for: Callable[..., Any], tmp_path: Path, ear: Any
) -> None:
    summary, _ = drawn(hook_for, respond(200, images(JPEG)), tmp_path)
    assert (summary["types"], (tmp_path / "cat.png").read_bytes()) == (["image/jpeg"], JPEG)
    assert "cat.png holds image/jpeg, as the service sent it" in ear.everything


@pytest.mark.parametrize(
    ("manner", "kind", "says"),
    [
        (
            respond(200, "<title>Sign in</title>", {"Content-Type": "text/html"}),
            InvalidResponseError,
            "Sign in",
        ),
        (
            respond(200, PNG, {"Content-Type": "image/png"}),
            InvalidResponseError,
            "came back as image/png instead of JSON",
        ),
        (respond(200, [1]), InvalidResponseError, "a list where an object belongs"),
        (respond(200, images()), InvalidResponseError, "0 of 1 images came"),
        (respond(200, images(PNG, PNG)), InvalidResponseError, "2 of 1 images came"),
        (respond(200, images(b"<html>")), InvalidResponseError, "no PNG, JPEG, WebP or GIF"),
        (respond(302, "", {"Location": "https://example.com/"}), InvalidResponseError, "was redirected"),
        (respond(400, {"error": {"message": "unknown field `seed`"}}), BadRequestError, "unknown field `seed`"),
        (echo(401, str), AuthenticationError, "401"),
        (echo(403, lambda token: f"Bearer {token}", www_authenticate="TOKEN"), AuthenticationError, "403"),
        (respond(429, {"message": "API rate limit exceeded"}, {"Retry-After": "3600"}), RateLimitError, "429"),
        (respond(500, {"message": "An unexpected error occurred"}), APIStatusError, "500"),
    ],
)
def test_what_fails_leaves_nothing_behind(
    hook_for: Callable[..., Any], tmp_path: Path, ear: Any, manner: Manner, kind: type[Exception], says: str
) -> None:
    error, _ = drawn(hook_for, manner, tmp_path)
    assert type(error).__mro__[0] is kind or isinstance(error, kind)
    assert says in str(error)
    assert list(tmp_path.iterdir()) == []
    texts = "\n".join([*traces(error), ear.everything])
    assert not shows(texts)
    assert PROMPT not in "".join([str(error), repr(vars(error)), ear.everything])


def test_a_missing_model_is_reported_with_the_nearest(hook: OVHCloudAIEndpointsHook, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="stable-diffusion-xl-base-v10") as caught:
        hook.generate_image_files(PROMPT, tmp_path / "cat.png", "stable-diffusion-xl")
    assert isinstance(caught.value, AirflowFailException)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_makes_no_images(hook: OVHCloudAIEndpointsHook, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="is a model for chat, not for image"):
        hook.generate_image(PROMPT, "gpt-oss-20b")


def test_a_response_that_does_not_come_is_not_asked_for_twice(hook_for: Callable[..., Any], tmp_path: Path) -> None:
    error, server = drawn(hook_for, hang, tmp_path, timeout=0.5, max_retries=3)
    assert isinstance(error, APITimeoutError)
    assert len(server.requests) == 1


def test_a_refusal_for_speed_is_waited_for(hook: OVHCloudAIEndpointsHook, sandbox: Sandbox) -> None:
    sandbox.fail_next(429, {"message": "API rate limit exceeded"}, {"Retry-After": "0"}, times=2)
    assert len(hook.generate_image(PROMPT).images) == 1
    assert len(sandbox.requests) == 3


def test_a_connection_that_cannot_work_leaves_nothing_behind(hook_for: Callable[..., Any], tmp_path: Path) -> None:
    hook = hook_for({"conn_type": "ovh_ai_endpoints"})
    with pytest.raises(ConfigurationError):
        hook.generate_image_files(PROMPT, tmp_path / "new" / "cat.png")
    assert list(tmp_path.iterdir()) == []
