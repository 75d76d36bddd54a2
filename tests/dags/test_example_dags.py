"""
Every example DAG runs against the sandbox, and leaves what its docstring promises.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.releases import oldest_and_newest
from support.vector_databases import STORES

EXAMPLES = Path(__file__).parents[2] / "example_dags"

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]


def answer(response: dict[str, Any]) -> str:
    assert response["object"] == "chat.completion"
    assert response["choices"][0]["message"]["role"] == "assistant"
    assert response["usage"]["total_tokens"] > 0
    return response["choices"][0]["message"]["content"]


def vectors(response: dict[str, Any]) -> list[list[float]]:
    assert response["object"] == "list"
    assert [item["index"] for item in response["data"]] == list(range(len(response["data"])))
    return [item["embedding"] for item in response["data"]]


def check_quickstart(pull: Callable[..., Any]) -> None:
    assert "What is Apache Airflow?" in answer(pull("ask"))


def check_chat(pull: Callable[..., Any]) -> None:
    assert "The parcel came a week late" in answer(pull("classify"))
    assert set(json.loads(answer(pull("extract")))) == {"city", "rivers"}
    assert "{{ .Values.image }}" in answer(pull("explain_template"))


def check_stream(pull: Callable[..., Any]) -> None:
    assert "history of the port of Dunkirk" in answer(pull("story"))
    assert "." in pull("first_sentence")
    assert "Hi" in pull("whatever_comes")


def check_answers(pull: Callable[..., Any]) -> None:
    assert "What is a DAG?" in pull("ask")
    description = pull("look")
    assert (description["characters"], description["model"]) == (len(pull("ask")), "Meta-Llama-3_3-70B-Instruct")
    assert description["usage"]["cost"] > 0
    assert description["usage"]["currency"] == "USD"
    assert (description["finish_reason"], bool(description["request_id"])) == ("stop", True)
    assert "Summarise what Ada says below in two sentences, in French." in pull("summarise")
    assert "2027" in pull("think")
    assert pull("think", key="reasoning")


def check_structured(pull: Callable[..., Any]) -> None:
    assert pull("place").keys() == {"city", "rivers"}
    assert pull("rivers") == len(pull("place")["rivers"])
    assert pull("ticket").keys() == {"product", "urgent"}
    assert pull("anything")["sandbox"] is True
    assert pull("urgent") in {True, False}


def check_tools(pull: Callable[..., Any]) -> None:
    assert "The tool answered:" in pull("answer")
    assert pull("answer", key="usage")["requests"] == 2
    (call,) = pull("decide")["tool_calls"]
    assert call["function"]["name"] == "order"


def check_fallback(pull: Callable[..., Any]) -> None:
    assert "What is a DAG?" in answer(pull("ask"))
    assert pull("ask", key="model") == "gpt-oss-120b"


def check_images(pull: Callable[..., Any]) -> None:
    assert "from left to right?" in answer(pull("describe"))
    assert "Images received: 1." in answer(pull("describe"))
    shutil.rmtree(Path(pull("paint")).parent)


def check_budget(pull: Callable[..., Any]) -> None:
    assert pull("report").startswith("3 answers for 0.0000")
    assert pull("report").endswith(" USD")


def check_bulk_chat(pull: Callable[..., Any]) -> None:
    rows = pull("report")
    assert [row["id"] for row in rows] == [17, 18, 19]
    assert all(row["review"] in row["about"] for row in rows)


def check_classify(pull: Callable[..., Any]) -> None:
    manifest = pull("classify")
    assert (manifest["rows"], manifest["failed"], manifest["format"]) == (3, 0, "parquet")
    rows = list(OVHCloudAIEndpointsHook.read_rows(pull("classify", key="path")))
    assert [(row["id"], row["customer"]) for row in rows] == [("1", "Ada"), ("2", "Grace"), ("3", "Linus")]
    assert {(row["topic"] in {"delivery", "quality", "other"}, type(row["urgent"])) for row in rows} == {(True, bool)}
    assert 0 < pull("classify", key="usage")["cost"] < 5
    shutil.rmtree(Path(manifest["path"]).parent)


def check_guard(pull: Callable[..., Any]) -> None:
    assert (pull("check_question")["safety"], pull("refuse")) == ("Safe", None)
    assert pull("check_answer") == {**pull("check_question"), "refusal": False}
    assert "sharpen a kitchen knife" in pull("publish")
    assert pull("count_unsafe") == 1


def check_batch_chat(pull: Callable[..., Any]) -> None:
    rows = pull("report")
    assert [row["id"] for row in rows] == [17, 18, 19]
    assert all(row["review"] in row["about"] for row in rows)


def check_batch_embeddings(pull: Callable[..., Any]) -> None:
    manifest = pull("embed")
    assert (manifest["rows"], manifest["failed"], pull("load")) == (100, 0, 100)
    shutil.rmtree(manifest["path"])


def check_multi_turn(pull: Callable[..., Any]) -> None:
    assert "question number 2" in answer(pull("follow_up"))


def check_embeddings(pull: Callable[..., Any]) -> None:
    assert [len(vector) for vector in vectors(pull("embed_one"))] == [1024]
    assert [len(vector) for vector in vectors(pull("embed_many"))] == [256] * 60


def check_mapped_with_pool(pull: Callable[..., Any]) -> None:
    answers = [answer(pull("describe", map_indexes=index)) for index in range(6)]
    assert ["Describe Roubaix" in answers[0], "Describe Warsaw" in answers[5]] == [True, True]


def check_embed_corpus(pull: Callable[..., Any]) -> None:
    manifest = pull("embed")
    assert (manifest["rows"], manifest["parts"], manifest["dimensions"]) == (100, 4, 1024)
    assert pull("load") == {"rows": 100, "columns": ["embedding", "id", "text"], "dimensions": 1024}
    shutil.rmtree(Path(manifest["path"]).parent)


def check_templated(pull: Callable[..., Any]) -> None:
    response = pull("report")
    assert response["model"] == "Meta-Llama-3_3-70B-Instruct"
    assert "a report about solar power as of manual__" in answer(response)


def check_hook(pull: Callable[..., Any]) -> None:
    result = pull("summarise_and_embed")
    assert result["dimensions"] == 1024
    assert "Summarise in one sentence" in result["summary"]


def check_chain(pull: Callable[..., Any]) -> None:
    result = pull("report")
    assert result["answer"] == answer(pull("ask"))
    assert result["dimensions"] == 1024
    assert result["tokens"] == pull("ask")["usage"]["total_tokens"] + pull("embed")["usage"]["total_tokens"]


def check_decorators(pull: Callable[..., Any]) -> None:
    answers = [pull("describe", map_indexes=index) for index in range(3)]
    assert ["Lille" in answers[0], "Gdańsk" in answers[1], "Porto" in answers[2]] == [True] * 3
    assert "Which of these is best visited now?" in pull("compare")
    assert len(vectors(pull("embed"))) == 3


def check_retries(pull: Callable[..., Any]) -> None:
    assert "Name three rivers" in answer(pull("ask_patiently"))


def check_retry_policy(pull: Callable[..., Any]) -> None:
    assert "Name three rivers" in answer(pull("ask_when_told"))


def check_transcription(pull: Callable[..., Any]) -> None:
    assert pull("transcribe").startswith("Roubaix, Apache Airflow The sandbox was sent 2.0 seconds")
    assert pull("transcribe", key="usage")["audio_seconds"] == 2
    assert pull("transcribe") in pull("summarise")
    summary = pull("subtitles")
    assert Path(summary["path"]).read_text().startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert pull("how_many") == 2
    shutil.rmtree(Path(summary["path"]).parent)


def check_models(pull: Callable[..., Any]) -> None:
    names = pull("models")
    assert names == ["gpt-oss-120b", "gpt-oss-20b"] + [name for name in names if name.startswith("Mistral")]
    assert len(names) == 5
    assert "longest river" in pull("compare", map_indexes=4)
    assert pull("wait")["id"] == "Qwen3-Embedding-8B"


def check_response(pull: Callable[..., Any]) -> None:
    assert "What is a lighthouse for?" in pull("ask")
    assert pull("ask", key="usage")["cost"] > 0
    assert set(pull("data")) == {"port", "tonnes"}
    assert "How long is it?" in pull("converse")


def check_image_generation(pull: Callable[..., Any]) -> None:
    drafts = pull("drafts")
    assert [Path(path).name for path in drafts["paths"]] == ["draft-1.png", "draft-2.png", "draft-3.png"]
    assert [Path(path).stat().st_size for path in drafts["paths"]] == drafts["bytes"]
    assert "Images received: 3." in pull("choose")
    assert (len(pull("poster")["paths"]), pull("thumbnails") > 200) == (1, True)
    shutil.rmtree(Path(drafts["paths"][0]).parent)


def check_from_openai(pull: Callable[..., Any]) -> None:
    assert pull("store") == [1024, 1024]
    assert ["Lille" in pull("publish")[0], "Porto" in pull("publish")[2]] == [True, True]
    assert "Summarise in one sentence: The parcel" in pull("summarise")
    assert all("still warm" in pull(task_id) for task_id in ("classify", "judge", "with_the_package"))
    assert "Why is this review" in pull("classify_and_explain")["reason"]


CHECKS = {f"example_{name[6:]}": check for name, check in list(globals().items()) if name.startswith("check_")}


#: Those that need another provider, or a scheduler; each has a test of its own.
ELSEWHERE = {"example_assets", "example_common_ai", "example_rag", *(f"example_to_{store}" for store in STORES)}


def test_every_example_is_checked() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(CHECKS) | ELSEWHERE


def test_every_example_is_read(dag_bag: Callable[[Path], Any]) -> None:
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / "examples"
    shutil.copytree(EXAMPLES, folder)
    bag = dag_bag(folder)
    shutil.rmtree(folder)
    assert {Path(file).stem for file in bag.import_errors} <= ELSEWHERE
    assert {Path(dag.fileloc).stem for dag in bag.dags.values()} >= set(CHECKS)


@oldest_and_newest
@pytest.mark.parametrize("example", CHECKS)
def test_example(example: str, run_dag: Callable[..., Any], xcom: Callable[..., Any]) -> None:
    # The files that an example finds beside itself.
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    shutil.copytree(EXAMPLES / "prompts", folder / "prompts", dirs_exist_ok=True)
    shutil.copy(EXAMPLES / "reviews.csv", folder)
    run = run_dag((EXAMPLES / f"{example}.py").read_text(encoding="utf-8"))

    assert run.state == "success"
    CHECKS[example](lambda task_id, **options: xcom(run, task_id, **options))
