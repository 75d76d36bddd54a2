"""
Image files that an author names: read within bounds, wherever they are, and no others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.client.chat.image_parts import MAX_FILE_BYTES, with_images
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException
from apache_airflow_provider_ovhcloud_ai.errors import BadRequestError, ConfigurationError
from apache_airflow_provider_ovhcloud_ai.hooks.files.image_inputs import read_images
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsChatOperator
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.models import LISTED
from support import s3
from support.input_files import PNG, ObjectStoragePath, Pipe, attach, files, what_is_opened
from support.saved_connections import Make, stored

pytestmark = pytest.mark.airflow

MODEL = "Qwen2.5-VL-72B-Instruct"
GIF = b"GIF89a" + bytes(20)


@pytest.mark.parametrize("form", [str, Path, ObjectStoragePath, lambda path: f"file://{path}"])
@pytest.mark.parametrize("several", [lambda value: value, lambda value: [value], lambda value: (value,), lambda v: {v}])
def test_a_file_of_this_machine(png: Path, form: Callable[[Path], Any], several: Callable[[Any], Any]) -> None:
    with what_is_opened() as paths:
        parts = read_images(several(form(png)))
    assert files(parts) == [PNG]
    assert parts[0]["image_url"]["url"].startswith("data:image/png;base64,")
    assert paths.count(str(png)) == 1


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_path_is_no_image(nothing: Any) -> None:
    assert read_images(nothing) == []


def test_several_in_their_order_and_one_twice(png: Path) -> None:
    gif = png.with_name("b.png")
    gif.write_bytes(GIF)
    parts = read_images([png, gif, str(png)])
    assert files(parts) == [PNG, GIF, PNG]
    assert parts[1]["image_url"]["url"].startswith("data:image/gif;")


def test_images_may_be_any_iterable(png: Path) -> None:
    assert files(read_images(path for path in [png, png])) == [PNG, PNG]


def test_the_first_bytes_decide(png: Path) -> None:
    text = png.with_name("b.png")
    text.write_bytes(b"%PDF-1.7 and more")
    with pytest.raises(
        ConfigurationError, match=r"images\[1\] \(.*b\.png\) cannot be sent as an image: it seems to be a PDF"
    ):
        read_images([png, text])
    renamed = png.rename(png.with_name("c.pdf"))
    assert files(read_images(renamed)) == [PNG]


def test_six_are_refused_before_one_is_looked_at(tmp_path: Path) -> None:
    with what_is_opened() as paths, pytest.raises(ConfigurationError, match="would hold 6 images"):
        read_images([tmp_path / f"{number}.png" for number in range(6)])
    assert paths == []


def test_too_much_is_refused_before_it_is_read(png: Path) -> None:
    large = png.with_name("large.png")
    with large.open("wb") as file:
        file.write(PNG)
        file.truncate(50 * 1024**3)  # a hole: it takes no room
    with what_is_opened() as paths:
        with pytest.raises(ConfigurationError, match=r"The largest file is images\[1\] \(.*large\.png\) with 53,687,"):
            read_images([png, large])
        with large.open("r+b") as file:
            file.truncate(MAX_FILE_BYTES - 100)
        paths.clear()
        assert len(read_images([png, large])) == 2
        assert paths == [str(png), str(large)]
        paths.clear()
        with pytest.raises(ConfigurationError, match="as base64; the service accepts 10,000,000"):
            read_images([png, png, large])
        assert paths == []


def test_a_file_is_read_to_its_end_though_it_comes_in_pieces(pipe: Pipe, piped: Any) -> None:
    assert files(read_images(piped)) == [PNG]
    assert pipe.bytes_read == len(PNG)
    pipe.size = None
    assert files(read_images([piped, piped])) == [PNG, PNG]


@pytest.mark.parametrize("size", [10, None])
def test_no_more_than_can_be_sent_is_read_of_any_file(pipe: Pipe, piped: Any, size: int | None) -> None:
    pipe.size, pipe.endless = size, bytes(1_000_000)
    with pytest.raises(ConfigurationError, match="with 7,500,001 bytes"):
        read_images(piped)
    assert pipe.bytes_read == MAX_FILE_BYTES + 1


def test_files_that_have_grown_meanwhile_are_refused_together(pipe: Pipe, piped: Any, png: Path) -> None:
    pipe.endless = bytes(1_000_000)
    with what_is_opened() as paths, pytest.raises(ConfigurationError, match="as base64"):
        read_images([png, piped, png])
    assert paths == [str(png)]  # the third is not read any more


@pytest.fixture
def place(bucket: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The bucket behind an Airflow connection."""
    stored = bucket.storage_options
    extra = {"endpoint_url": stored["endpoint_url"], "region_name": "us-east-1"}
    connection = {"conn_type": "aws", "login": stored["key"], "password": stored["secret"], "extra": extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
    return f"s3://{conn_id}@{s3.BUCKET}"


def test_an_object_behind_a_connection(bucket: Any, place: str, conn_id: str, png: Path) -> None:
    bucket.pipe_file(f"{s3.BUCKET}/in/a picture.png", PNG)
    path = ObjectStoragePath(f"s3://{s3.BUCKET}/in", conn_id=conn_id) / "a picture.png"
    assert files(read_images([f"{place}/in/a picture.png", path, png])) == [PNG] * 3


def test_objects_that_cannot_be_sent(bucket: Any, place: str, conn_id: str) -> None:
    bucket.pipe_file(f"{s3.BUCKET}/in/empty.png", b"")
    for address, words in (
        (f"{place}/in/none.png", r"\(s3://.*@results/in/none\.png\) does not exist"),
        (f"{place}/in", "is a folder"),
        (place, "is a folder"),
        (f"s3://{conn_id}@no-such-bucket/a.png", "does not exist"),
        (f"{place}/in/empty.png", r"empty\.png\) cannot be sent as an image: it is empty"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            read_images([address])


def test_an_object_that_is_too_large_is_not_fetched(bucket: Any, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.pipe_file(f"{s3.BUCKET}/large.png", PNG.ljust(MAX_FILE_BYTES + 1, b"\0"))
    bucket.pipe_file(f"{s3.BUCKET}/a.png", PNG)
    attach("s3", conn_id, fs=bucket)
    methods: list[str] = []
    call = bucket._call_s3

    async def noted(method: str, *args: Any, **kwargs: Any) -> Any:
        methods.append(method)
        return await call(method, *args, **kwargs)

    monkeypatch.setattr(bucket, "_call_s3", noted)
    folder = f"s3://{conn_id}@{s3.BUCKET}"
    assert len(read_images(f"{folder}/a.png")) == 1
    assert methods.count("get_object") == 1
    methods.clear()
    with pytest.raises(ConfigurationError, match=r"large\.png\) with 7,500,001 bytes"):
        read_images([f"{folder}/a.png", f"{folder}/large.png"])
    assert "get_object" not in methods


def read_messages(sandbox: Sandbox) -> list[dict[str, Any]]:
    (request,) = [request for request in sandbox.requests if request.path.endswith("/chat/completions")]
    return request.json["messages"]


def read_answer(response: dict[str, Any]) -> str:
    return response["choices"][0]["message"]["content"]


def test_a_path_in_a_text_is_a_text(hook_for: Make, sandbox: Sandbox, png: Path) -> None:
    messages = [{"role": "user", "content": f"file:///etc/passwd {png} file://{png}"}]
    hook = hook_for(stored(sandbox))
    hook.get_conn()
    with what_is_opened() as paths:
        hook.chat_completion(MODEL, messages)
        with_images(messages, read_images([png]))
    assert read_messages(sandbox) == messages
    assert paths.count(str(png)) == 1  # by the parameter
    assert "/etc/passwd" not in paths


@pytest.mark.parametrize("url", ["file:///etc/hostname", "/etc/hostname", "https://example.com/a.png"])
def test_a_path_in_a_part_goes_to_the_service_as_it_is(hook_for: Make, sandbox: Sandbox, url: str) -> None:
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
    with what_is_opened() as paths, pytest.raises(BadRequestError, match="images are not fetched"):
        hook_for(stored(sandbox)).chat_completion(MODEL, messages)
    assert read_messages(sandbox) == messages
    assert "/etc/hostname" not in paths


@pytest.mark.parametrize("model", [model for model in LISTED if model.kind in {"chat", "guard"}], ids=lambda m: m.id)
def test_models_that_see_and_models_that_do_not(hook_for: Make, sandbox: Sandbox, png: Path, model: Any) -> None:
    messages = with_images([{"role": "user", "content": "What is on this?"}], read_images([png, png]))
    hook = hook_for(stored(sandbox))
    if model.vision:
        assert "Images received: 2." in read_answer(hook.chat_completion(model.id, messages))
        return
    with pytest.raises(BadRequestError, match=f"holds images, which {model.id} does not read") as raised:
        hook.chat_completion(model.id, messages)
    assert isinstance(raised.value, AirflowFailException)


def test_some_models_see_and_some_do_not() -> None:
    sight = {model.id: model.vision for model in LISTED}
    assert [sight[model] for model in (MODEL, "Qwen3.5-9B", "gpt-oss-120b", "bge-m3")] == [True, True, False, False]


def test_the_largest_that_fits_arrives(hook_for: Make, sandbox: Sandbox, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(PNG.ljust(MAX_FILE_BYTES - 1_000, b"\0"))
    messages = with_images([{"role": "user", "content": "What?"}], read_images(large))
    assert "Images received: 1." in read_answer(hook_for(stored(sandbox)).chat_completion(MODEL, messages))
    assert files(read_messages(sandbox)[0]["content"][1:]) == [large.read_bytes()]


def chat(images: Any, **options: Any) -> OVHCloudAIEndpointsChatOperator:
    return OVHCloudAIEndpointsChatOperator(task_id="t", model=MODEL, images=images, **options)


@pytest.mark.usefixtures("ovh_ai_endpoints_connection")
def test_the_operator_reads_them(sandbox: Sandbox, png: Path) -> None:
    response = chat([str(png), png], prompt="What is on this?", system_prompt="Be short.").execute({"ti": MagicMock()})
    assert "Images received: 2." in read_answer(response)
    system, user = read_messages(sandbox)
    assert system == {"role": "system", "content": "Be short."}
    assert user["content"][0] == {"type": "text", "text": "What is on this?"}
    assert files(user["content"][1:]) == [PNG, PNG]


@pytest.mark.usefixtures("ovh_ai_endpoints_connection")
def test_paths_are_rendered(png: Path) -> None:
    task = chat(["{{ folder }}/a picture.png", ObjectStoragePath(f"file://{png}"), png], prompt="What?")
    task.render_template_fields({"folder": str(png.parent)})
    assert "Images received: 3." in read_answer(task.execute({"ti": MagicMock()}))


@pytest.mark.usefixtures("ovh_ai_endpoints_connection")
def test_the_operator_sends_nothing_where_one_cannot_be_read(sandbox: Sandbox, png: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"images\[1\] .* does not exist") as raised:
        chat([png, png.with_name("b.png")], prompt="What?").execute({"ti": MagicMock()})
    assert isinstance(raised.value, AirflowFailException)
    assert sandbox.requests == []


@pytest.mark.usefixtures("ovh_ai_endpoints_connection")
def test_neither_path_nor_image_is_logged(png: Path, ear: Any) -> None:
    task = chat([png], prompt="What?")
    ear.listen(task.hook)
    task.execute({"ti": MagicMock()})
    assert "AI Endpoints chat: model=" in ear.text
    assert "iVBORw0KGgo" not in ear.everything
