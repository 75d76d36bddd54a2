"""
The transcription operator as Airflow runs it, on the sandbox and on servers that answer otherwise.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import (
    AIEndpointsError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidResponseError,
    NotFoundError,
)
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import (
    OVHCloudAIEndpointsTranscriptionOperator as Transcription,
)
from apache_airflow_provider_ovhcloud_ai.sandbox import Sandbox
from apache_airflow_provider_ovhcloud_ai.sandbox.http.request_bodies import form_payload
from apache_airflow_provider_ovhcloud_ai.ui.links import ModelCardLink
from support import s3
from support.audio_samples import HEADS, wav

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("ovh_ai_endpoints_connection")]

TRANSCRIPT = "The sandbox was sent 2.0 seconds of sound and heard nothing in them."


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    file = tmp_path / "Entretien à huis clos.mp3"  # a wrong suffix, and a name that is nobody's business
    file.write_bytes(wav(2))
    return file


def execute(**arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run the operator without a DAG; give its result and the XComs that it pushed itself."""
    ti = MagicMock()
    result = Transcription(task_id="t", **arguments).execute({"ti": ti})
    return result, {call.kwargs["key"]: call.kwargs["value"] for call in ti.xcom_push.call_args_list}


class TestWhatComesBack:
    def test_text(self, recording: Path) -> None:
        text, pushed = execute(audio_path=str(recording))
        assert text == TRANSCRIPT
        assert pushed["usage"] == {"requests": 1, "audio_seconds": 2, "cost": None, "currency": None}
        assert pushed["language"] == "en"
        assert pushed[ModelCardLink.xcom_key].endswith("/whisper-large-v3/")

    def test_response(self, recording: Path) -> None:
        response, _ = execute(
            audio_path=recording, output="response", timestamps=["word", "segment"], diarize=True, language="fr"
        )
        assert (response["text"], response["language"], response["duration"]) == (TRANSCRIPT, "fr", 2.0)
        assert response["words"][0] == {"word": "The", "start": 0, "end": 1.0}
        assert response["segments"][0]["text"] == "The sandbox was sent 2.0"
        assert {each["speaker"] for each in response["diarization"]} == {"speaker_0", "speaker_1"}

    @pytest.mark.parametrize(
        ("kind", "beginning"),
        [
            ("txt", TRANSCRIPT + "\n"),
            ("srt", "1\n00:00:00,000 --> 00:00:05,000\nThe sandbox was sent 2.0\n"),
            ("vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:05.000\nThe sandbox was sent 2.0\n"),
            ("json", '{\n  "task": "transcribe",'),
        ],
    )
    def test_a_file(self, recording: Path, tmp_path: Path, kind: str, beginning: str) -> None:
        target = tmp_path / "new folder" / f"transcript.{kind}"
        summary, pushed = execute(audio_path=recording, output_path=str(target))
        assert pushed["path"] == summary["path"]
        assert target.read_text().startswith(beginning)
        assert [file.name for file in target.parent.iterdir()] == [target.name]
        assert summary == {
            "path": str(target),
            "format": kind,
            "model": "whisper-large-v3",
            "language": "en",
            "seconds": 2,
            "characters": len(TRANSCRIPT),
        }

    def test_log_has_one_line_with_the_billed_seconds(
        self, recording: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level("INFO")
        execute(audio_path=recording, prompt="Bescherelle")
        output = caplog.text + "".join(capfd.readouterr())
        assert "AI Endpoints transcription: model=whisper-large-v3 audio_seconds=2 milliseconds=" in output
        assert "Bescherelle" not in output


class TestWhatIsSent:
    def test_no_more_than_was_asked_for(self, recording: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(audio_path=recording)
        (request,) = ovh_ai_endpoints_sandbox.requests
        assert form_payload(request) == {"model": "whisper-large-v3", "file": wav(2)}
        assert b'filename="audio.wav"' in request.body
        assert b"Entretien" not in request.body

    def test_all_that_was(self, recording: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        execute(
            audio_path=recording,
            model="whisper-large-v3-turbo",
            language="fr",
            prompt="Orléans, l'OVHcloud",
            temperature="0.1",
            timestamps="word",
            diarize="True",
            extra_body={"chunking_strategy": "auto"},
        )
        assert form_payload(ovh_ai_endpoints_sandbox.requests[-1]) == {
            "model": "whisper-large-v3-turbo",
            "language": "fr",
            "prompt": "Orléans, l'OVHcloud",
            "response_format": "verbose_json",
            "temperature": "0.1",
            "timestamp_granularities": ["word"],
            "diarize": "true",
            "chunking_strategy": "auto",
            "file": wav(2),
        }

    @pytest.mark.parametrize("kind", HEADS)
    def test_each_format(self, kind: str, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        file = tmp_path / "recording"
        file.write_bytes(wav() if kind == "wav" else HEADS[kind].ljust(32_000, b"\1"))
        execute(audio_path=file)
        assert f'filename="audio.{kind}"'.encode() in ovh_ai_endpoints_sandbox.requests[-1].body

    def test_again_from_its_beginning(self, recording: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(429, headers={"Retry-After": "0"})
        assert execute(audio_path=recording)[0] == TRANSCRIPT
        first, second = (form_payload(request) for request in ovh_ai_endpoints_sandbox.requests)
        assert first == second

    @pytest.mark.parametrize("status", [500, 504])
    def test_what_may_have_been_billed_is_left_to_the_task(
        self, recording: Path, status: int, ovh_ai_endpoints_sandbox: Sandbox
    ) -> None:
        ovh_ai_endpoints_sandbox.fail_next(status, times=9)
        with pytest.raises(AIEndpointsError) as caught:
            execute(audio_path=recording)
        assert caught.value.retryable
        assert len(ovh_ai_endpoints_sandbox.requests) == {500: 2, 504: 1}[status]


class TestWhatCannotWork:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"audio_path": "nowhere.mp3"}, r"audio_path \(nowhere.mp3\) does not exist"),
            ({"audio_path": "/"}, "is a folder"),
            ({"audio_path": "https://example.org/a.mp3"}, "is a web address"),
            ({"audio_path": ""}, "audio_path must not be empty"),
            ({"audio_path": None}, "audio_path must be a path, not None"),
            ({"audio_path": "['a.mp3']"}, r"audio_path=task\.output"),
            ({"output": "json"}, "output must be one of text, response, not 'json'"),
            ({"output": "text", "output_path": "a.txt"}, "Give output or output_path, not both"),
            ({"output_path": "transcript"}, r"output_path \(transcript\) must end in .txt, .json, .srt, .vtt"),
            ({"output_path": "a.srt", "response_format": "json"}, "Subtitles need response_format"),
            ({"timestamps": "hour"}, "timestamps must be"),
            ({"extra_body": {"language": "fr"}}, "extra_body repeats language"),
            ({"model": ""}, "model must not be empty"),
        ],
    )
    def test_is_refused_before_anything_is_sent(
        self,
        recording: Path,
        ovh_ai_endpoints_sandbox: Sandbox,
        options: dict[str, Any],
        words: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(recording.parent)
        with pytest.raises(ConfigurationError, match=words):
            execute(**{"audio_path": recording, **options})
        assert not ovh_ai_endpoints_sandbox.requests

    def test_a_text_is_no_recording(self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        file = tmp_path / "a.mp3"
        file.write_text("<html>Not found</html>")
        with pytest.raises(ConfigurationError, match="seems to be an HTML page"):
            execute(audio_path=file)
        assert not ovh_ai_endpoints_sandbox.requests

    def test_ten_megabytes_without_a_token(
        self, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connection = ovh_ai_endpoints_sandbox.connection | {"password": "", "extra": {"access": "anonymous"}}
        monkeypatch.setenv("AIRFLOW_CONN_OVH_AI_ENDPOINTS_DEFAULT", json.dumps(connection))
        file = tmp_path / "a.mp3"
        file.write_bytes(HEADS["mp3"])
        with file.open("r+b") as grown:
            grown.truncate(10 * 1024 * 1024 + 1)
        with pytest.raises(ConfigurationError, match="give the connection a token"):
            execute(audio_path=file)
        assert not ovh_ai_endpoints_sandbox.requests

    @pytest.mark.parametrize("target", ["folder.txt", "file/transcript.txt"])
    def test_a_file_that_cannot_be_written_is_known_before_it_is_paid_for(
        self, recording: Path, tmp_path: Path, ovh_ai_endpoints_sandbox: Sandbox, target: str
    ) -> None:
        (tmp_path / "folder.txt").mkdir()
        (tmp_path / "file").touch()
        with pytest.raises(ConfigurationError, match=r"is a folder|cannot be written"):
            execute(audio_path=recording, output_path=str(tmp_path / target))
        assert not ovh_ai_endpoints_sandbox.requests

    def test_what_the_service_refuses(self, recording: Path, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        with pytest.raises(NotFoundError, match="whisper-large-v3"):
            execute(audio_path=recording, model="whisper-large-v4")
        with pytest.raises(BadRequestError, match="is a model for chat, not for transcription"):
            execute(audio_path=recording, model="gpt-oss-20b")
        ovh_ai_endpoints_sandbox.fail_next(403, {"message": f"no: {ovh_ai_endpoints_sandbox.token}"})
        with pytest.raises(AuthenticationError) as caught:
            execute(audio_path=recording)
        assert ovh_ai_endpoints_sandbox.token not in str(caught.value)

    @pytest.mark.parametrize("body", ["<html>Sign in</html>", {"task": "transcribe"}, {"text": "a", "success": False}])
    def test_what_is_no_transcript(self, recording: Path, body: Any, ovh_ai_endpoints_sandbox: Sandbox) -> None:
        ovh_ai_endpoints_sandbox.fail_next(200, body)
        with pytest.raises(InvalidResponseError):
            execute(audio_path=recording)


def test_mapped_over_recordings(
    run_dag: Callable[..., Any], xcom: Callable[..., Any], recording: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(wav(3))
    run = run_dag(
        f"""
from datetime import datetime
from airflow import DAG
from apache_airflow_provider_ovhcloud_ai.operators.ai_endpoints import OVHCloudAIEndpointsTranscriptionOperator
with DAG("d", start_date=datetime(2026, 1, 1), schedule=None, params={{"lang": "fr"}}):
    OVHCloudAIEndpointsTranscriptionOperator.partial(
        task_id="t", language="{{{{ params.lang }}}}", diarize="{{{{ true }}}}"
    ).expand(audio_path=[{str(recording)!r}, {str(other)!r}])
"""
    )
    assert str(run.state) in {"success", "DagRunState.SUCCESS"}
    assert [xcom(run, "t", "usage", place)["audio_seconds"] for place in (0, 1)] == [2, 3]
    assert xcom(run, "t", "language", 0) == "fr"


@pytest.mark.skipif(
    importlib.util.find_spec("s3fs") is None, reason="s3fs is installed beside the newest Airflow alone"
)
def test_object_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3.behind_a_connection(monkeypatch) as (bucket, place):
        bucket.pipe_file(f"{s3.BUCKET}/talk.wav", wav(2))
        summary, _ = execute(audio_path=f"{place}/talk.wav", output_path=f"{place}/out/talk.srt")
        assert summary["path"] == f"{place}/out/talk.srt"
        assert bucket.cat_file(f"{s3.BUCKET}/out/talk.srt").startswith(b"1\n00:00:00,000 --> ")
        with pytest.raises(ConfigurationError, match="does not exist"):
            execute(audio_path=f"{place}/nobody.wav")
