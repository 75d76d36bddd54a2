"""
The image operator as Airflow runs it: files, XComs, links, templates, mapping, retries, and what reaches the service.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.compat import AirflowFailException, ObjectStoragePath
from apache_airflow_provider_ovhcloud_ai.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsImageOperator as Image
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.ui.links import ConsoleLink, ModelCardLink, PlaygroundLink
from support import s3
from support.image_samples import PNG, images
from support.scripted_server import Server, respond

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

MODEL = "stable-diffusion-xl-base-v10"


def execute(**arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run the operator without a DAG; give its result and the XComs that it pushed itself."""
    ti = MagicMock()
    value = Image(task_id="t", **{"prompt": "a cat", **arguments}).execute({"ti": ti})
    return value, {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}


class TestFiles:
    def test_one(self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        value, _ = execute(output_path=str(tmp_path / "cat.png"))
        assert value == {
            "paths": [str(tmp_path / "cat.png")],
            "types": ["image/png"],
            "bytes": [(tmp_path / "cat.png").stat().st_size],
            "model": MODEL,
            "created": 1_767_225_600,
            "size": None,
            "requests": 1,
        }
        assert (tmp_path / "cat.png").read_bytes().startswith(b"\x89PNG")
        (request,) = ovh_ai_endpoints_sandbox.requests
        assert request.json == {"model": MODEL, "prompt": "a cat", "response_format": "b64_json"}

    def test_several(self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        value, _ = execute(
            output_path=tmp_path / "cat.png", n="2", size="512x512", extra_body={"quality": "hd"}, model=MODEL
        )
        assert [Path(path).name for path in value["paths"]] == ["cat-1.png", "cat-2.png"]
        assert ovh_ai_endpoints_sandbox.requests[-1].json == {
            "model": MODEL,
            "prompt": "a cat",
            "n": 2,
            "size": "512x512",
            "quality": "hd",
            "response_format": "b64_json",
        }

    def test_a_second_try_pays_for_nothing(self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        first, _ = execute(output_path=tmp_path / "cat.png")
        again, _ = execute(output_path=tmp_path / "cat.png", model=None)
        assert again == {**first, "requests": 0}
        assert len(ovh_ai_endpoints_sandbox.requests) == 1
        execute(output_path=tmp_path / "cat.png", overwrite="true")
        assert len(ovh_ai_endpoints_sandbox.requests) == 2

    def test_links_lead_to_the_model_before_it_is_asked(self, tmp_path: Path) -> None:
        ti = MagicMock()
        with pytest.raises(ConfigurationError):
            Image(task_id="t", prompt="a cat", output_path="cat.txt").execute({"ti": ti})
        pushed = {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}
        assert pushed[ModelCardLink.xcom_key].endswith("/catalog/stable-diffusion-xl/")
        assert pushed[PlaygroundLink.xcom_key].endswith(f"/{MODEL}")
        assert ConsoleLink.xcom_key in pushed
        assert execute(output_path=tmp_path / "a.png", model=None)[1] == {**pushed, "paths": [str(tmp_path / "a.png")]}

    def test_no_xcom_where_none_is_wanted(self, tmp_path: Path) -> None:
        assert "paths" not in execute(output_path=tmp_path / "a.png", do_xcom_push=False)[1]


class TestWhatCannotWork:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"prompt": None}, "prompt must be a text, not None"),
            ({"prompt": " "}, "prompt must not be empty"),
            ({"model": ""}, "model must not be empty"),
            ({"n": 11}, "n must be a number from 1 to 10, not 11"),
            ({"n": "1.5"}, "n must be a whole number"),
            ({"size": "big"}, "size must be width x height in pixels"),
            ({"output_path": None}, "output_path must be a path, not None"),
            ({"output_path": "cat"}, "output_path must name an image file"),
            ({"output_path": "/proc/nowhere/cat.png"}, "so nothing was sent"),
            ({"overwrite": "perhaps"}, "overwrite must be true or false"),
            ({"extra_body": "quality"}, "extra_body must be a dictionary"),
            *(
                ({"extra_body": {name: 1}}, f"extra_body repeats {name}")
                for name in ("prompt", "model", "n", "size", "output_path", "overwrite", "response_format", "stream")
            ),
        ],
    )
    def test_invalid_parameters_are_refused_before_a_request(
        self, arguments: dict[str, Any], says: str, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        with pytest.raises(ConfigurationError, match=says) as caught:
            execute(**{"output_path": tmp_path / "cat.png", **arguments})
        assert isinstance(caught.value, AirflowFailException)
        assert ovh_ai_endpoints_sandbox.requests == []
        assert list(tmp_path.iterdir()) == []

    def test_a_model_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match=MODEL) as caught:
            execute(output_path=tmp_path / "cat.png", model="stable-diffusion-xl")
        assert isinstance(caught.value, AirflowFailException)

    def test_a_token_that_is_refused_is_left_to_the_retries_where_asked(
        self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(403, {"message": "Forbidden: authentication failed"}, times=2)
        for fail_fast in (True, False):
            with pytest.raises(AuthenticationError) as caught:
                execute(output_path=tmp_path / "cat.png", fail_fast=fail_fast)
            assert isinstance(caught.value, AirflowFailException) == fail_fast
        assert list(tmp_path.iterdir()) == []

    def test_fewer_images_than_were_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with Server(respond(200, images(PNG))) as server:
            value = {"conn_type": "ovh_ai_endpoints", "host": server.base_url, "password": "sandbox-token"}
            monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(value))
            with pytest.raises(InvalidResponseError, match="1 of 3 images came") as caught:
                execute(output_path=tmp_path / "cat.png", n=3)
        assert not isinstance(caught.value, AirflowFailException)
        assert list(tmp_path.iterdir()) == []


DAG = """
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsImageOperator as Image
try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("{}", start_date=datetime(2026, 1, 1), schedule=None, params={{"animal": "cat", "many": 2}}):
"""

NUMBERS = itertools.count()


def build_dag(body: str, folder: Path) -> str:
    # An id of its own: 3.1 would look up the tasks of another test.
    source = DAG.format(f"image_{next(NUMBERS)}") + textwrap.indent(textwrap.dedent(body), "    ")
    return source.replace("<folder>", str(folder))


class TestInADag:
    def test_all_that_can_vary_is_rendered(
        self,
        run_dag: Callable[..., Any],
        xcom: Callable[..., Any],
        tmp_path: Path,
        ovh_ai_endpoints_sandbox: Sandbox,
    ) -> None:
        run = run_dag(
            build_dag(
                """
                Image(
                    task_id="draw",
                    prompt="A {{ params.animal }}",
                    output_path="<folder>/{{ params.animal }}.png",
                    model="stable-diffusion-xl-base-v{{ 10 }}",
                    n="{{ params.many }}",
                    size="{{ 256 * 2 }}x512",
                    overwrite="{{ params.many > 5 }}",
                    extra_body={"quality": "{{ 'hd' }}"},
                    ovh_conn_id="ovh_ai_endpoints_{{ 'default' }}",
                    timeout="{{ 30 }}",
                    max_retries="{{ 1 }}",
                ) >> Image(
                    task_id="left_alone",
                    prompt="A {{ params.animal }}",
                    output_path="<folder>/{{ params.animal }}-as-it-is.png",
                    render_prompts=False,
                )
                """,
                tmp_path,
            )
        )
        assert run.state == "success"
        rendered, left_alone = (request.json for request in ovh_ai_endpoints_sandbox.requests)
        assert rendered == {
            "model": MODEL,
            "prompt": "A cat",
            "n": 2,
            "size": "512x512",
            "quality": "hd",
            "response_format": "b64_json",
        }
        assert left_alone["prompt"] == "A {{ params.animal }}"
        assert xcom(run, "draw")["paths"] == [f"{tmp_path}/cat-1.png", f"{tmp_path}/cat-2.png"]
        assert xcom(run, "left_alone")["paths"] == [f"{tmp_path}/cat-as-it-is.png"]
        assert xcom(run, "draw", ModelCardLink.xcom_key).endswith("/stable-diffusion-xl/")

    def test_a_prompt_from_a_file(
        self, run_dag: Callable[..., Any], tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        (tmp_path / "cat.md").write_text("A {{ params.animal }} in oil\n")
        source = build_dag(
            """
            Image(task_id="draw", prompt_file="cat.md", output_path="<folder>/cat.png")
            Image(task_id="both", prompt_file="cat.md", prompt="A dog", output_path="<folder>/dog.png")
            """,
            tmp_path,
        )
        run = run_dag(source.replace("schedule=None", f"schedule=None, template_searchpath={str(tmp_path)!r}"))
        assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == {"draw": "success", "both": "failed"}
        assert [request.json["prompt"] for request in ovh_ai_endpoints_sandbox.requests] == ["A cat in oil"]

    def test_mapped_and_seen_by_what_follows(
        self, run_dag: Callable[..., Any], xcom: Callable[..., Any], tmp_path: Path
    ) -> None:
        run = run_dag(
            build_dag(
                """
                drawn = Image.partial(task_id="draw", size="256x256").expand_kwargs(
                    [
                        {"prompt": "a cat", "output_path": "<folder>/cat.png"},
                        {"prompt": "a dog", "output_path": "<folder>/dog.png"},
                    ]
                )

                @task
                def collect(told):
                    return [path for each in told for path in each["paths"]]

                collect(drawn.output)
                """,
                tmp_path,
            )
        )
        assert run.state == "success"
        assert xcom(run, "collect") == [f"{tmp_path}/cat.png", f"{tmp_path}/dog.png"]

    def test_a_retry_asks_for_nothing_that_is_there(
        self, run_dag: Callable[..., Any], tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        body = 'Image(task_id="draw", prompt="a cat", output_path="<folder>/cat.png", n=2)'
        for _ in range(2):
            assert run_dag(build_dag(body, tmp_path)).state == "success"
        assert len(ovh_ai_endpoints_sandbox.requests) == 1


@pytest.mark.skipif(
    importlib.util.find_spec("s3fs") is None, reason="s3fs is installed beside the newest Airflow alone"
)
class TestInObjectStorage:
    @pytest.fixture
    def bucket(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        """The file system itself, and the address of the same bucket behind an Airflow connection."""
        with s3.behind_a_connection(monkeypatch) as storage:
            yield storage

    def test_where_a_connection_leads(self, bucket: Any, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        storage, place = bucket
        value, _ = execute(output_path=f"{place}/art/cat.png", n=2)
        assert value["paths"] == [f"{place}/art/cat-1.png", f"{place}/art/cat-2.png"]
        images = [storage.cat_file(f"{s3.BUCKET}/art/cat-{number}.png") for number in (1, 2)]
        assert [len(data) for data in images] == value["bytes"]
        assert all(data.startswith(b"\x89PNG") for data in images)
        storage.invalidate_cache()
        assert len(storage.ls(f"{s3.BUCKET}/art")) == 3
        again, _ = execute(output_path=ObjectStoragePath(f"{place}/art/cat.png"), n=2)
        assert again == {**value, "requests": 0}
        storage.rm_file(f"{s3.BUCKET}/art/cat-1.png")
        execute(output_path=f"{place}/art/cat.png", n=2)
        assert [request.json.get("n") for request in ovh_ai_endpoints_sandbox.requests] == [2, None]
        with pytest.raises(ConfigurationError, match=r"art/cat-1\.png exists, and was not made by this prompt"):
            execute(output_path=f"{place}/art/cat.png", n=2, prompt="a dog")
        assert execute(output_path=f"{place}/top.png")[0]["paths"] == [f"{place}/top.png"]

    @pytest.mark.parametrize("path", ["cat.png", "art/cat.png"])
    def test_a_missing_bucket_is_reported_before_a_request(
        self, bucket: Any, ovh_ai_endpoints_sandbox: Sandbox, path: str
    ) -> None:
        with pytest.raises(ConfigurationError):
            execute(output_path=f"{bucket[1].replace(s3.BUCKET, 'not-there')}/{path}")
        assert ovh_ai_endpoints_sandbox.requests == []
