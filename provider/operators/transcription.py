"""
The operator that writes down what is said in a recording.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from ..client.media.transcription import MODEL, billed_seconds
from ..errors import ConfigurationError
from ..validation import quote
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.files.outputs import OutputFile

#: What a transcript can be returned as.
OUTPUTS = ("text", "response")

#: What it can be written to a file as, by the file's suffix.
FORMATS = ("txt", "json", "srt", "vtt")


class OVHCloudAIEndpointsTranscriptionOperator(AIEndpointsOperator):
    """
    Write down what is said in a recording; the text goes to XCom, or to a file.

    The recording's size and real format are looked at before it is sent, and it is read as it is sent. XCom ``usage``
    tells the seconds billed, ``language`` what was spoken, where the service says so.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param audio_path: the recording, on this machine or in object storage (``s3://conn_id@bucket/key``): MP3, MP4, M4A,
        AAC, WAV, FLAC, OGG, Opus, WebM or MPEG
    :param model: model id; ``whisper-large-v3-turbo`` is faster and costs less
    :param language: of what is said, such as ``fr``; the model finds out unless given
    :param prompt: words before it, whose spelling and style are taken up: names, abbreviations
    :param response_format: ``json``, or ``verbose_json`` with language, duration and segments; chosen as ``output``,
        ``timestamps`` and ``diarize`` need it unless given
    :param temperature: randomness, 0 to 1; the service's own choice unless given
    :param timestamps: ``word``, ``segment`` or both, whose times are told
    :param diarize: whether speakers are told apart
    :param output: what is returned: ``text``, or ``response`` for all that the service tells; ``text`` unless given
    :param output_path: a file for the transcript, in place of XCom: ``.txt``, ``.json`` (all that the service tells),
        ``.srt`` or ``.vtt`` (subtitles). XCom then has ``path``, ``format``, ``model``, ``language``, ``seconds`` and
        ``characters``
    :param ovh_conn_id: Airflow connection
    :param timeout: seconds for one attempt, from name lookup to the last byte; the connection's unless given. The file
        has as many more as it takes at 2 Mbit/s
    :param max_retries: attempts after the first one within a call, 0 for none; the connection's unless given
    :param fail_fast: whether an error that no retry can cure ends the task at once, whatever its ``retries``
    :param extra_body: further fields of the request, such as ``{"chunking_strategy": "auto"}``
    :param render_prompts: whether templates in ``prompt`` are rendered; False sends braces as they are
    """

    template_fields = (
        "audio_path",
        "model",
        "language",
        "prompt",
        "response_format",
        "temperature",
        "timestamps",
        "diarize",
        "output_path",
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
        audio_path: Any,
        model: str | None = MODEL,
        language: str | None = None,
        prompt: str | None = None,
        response_format: str | None = None,
        temperature: float | str | None = None,
        timestamps: str | list[str] | None = None,
        diarize: bool | str = False,
        output: str | None = None,
        output_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.audio_path = audio_path
        self.model = model
        self.language = language
        self.prompt = prompt
        self.response_format = response_format
        self.temperature = temperature
        self.timestamps = timestamps
        self.diarize = diarize
        # Airflow's own `output` is what stands for the result in a DAG.
        self._output = output
        self.output_path = output_path

    def execute(self, context: Context) -> Any:
        """
        Write down what is said, and return the text, the response, or what was written where.

        :param context: the task's context
        :return: the text, the response in OpenAI's format, or what is known of the file
        :raises ConfigurationError: if the file is too large or no recording that the service reads; nothing was sent
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        model = MODEL if self.model is None else self.model
        self.push_links(context, model, "chat_model")
        with self.hook.boundary():
            file = self._checked_file()
        response = self.hook.transcribe(
            self.audio_path,
            model,
            language=self.language,
            prompt=self.prompt,
            response_format=self._response_format(file),
            temperature=self.temperature,  # type: ignore[arg-type]  # rendered text is read by the hook
            timestamps=self.timestamps,
            diarize=self.diarize,  # type: ignore[arg-type]  # likewise
            **self.further_parameters(
                ("model", "language", "prompt", "response_format", "temperature", "timestamp_granularities", "diarize")
            ),
        )
        self._report(context, response)
        if file is None:
            return response if self._output == "response" else response["text"]
        with self.hook.boundary():
            file.write(_encode_output(response, file.kind))
        told = {
            "path": file.display,
            "format": file.kind,
            "model": model,
            "language": response.get("language"),
            "seconds": billed_seconds(response),
            "characters": len(response["text"]),
        }
        self.record_lineage(context, told, [file.display], [self.audio_path])
        return told

    def _checked_file(self) -> OutputFile | None:
        if self.output_path is None:
            if self._output not in (None, *OUTPUTS):
                raise ConfigurationError(f"output must be one of {', '.join(OUTPUTS)}, not {quote(self._output)}.")
            return None
        if self._output is not None:
            raise ConfigurationError("Give output or output_path, not both: the suffix of the file says what it holds.")
        from ..hooks.files.outputs import OutputFile

        return OutputFile(self.output_path, "output_path", FORMATS)

    def _response_format(self, file: OutputFile | None) -> str | None:
        timed = file is not None and file.kind in {"srt", "vtt"}
        if timed and self.response_format == "json":
            raise ConfigurationError("Subtitles need response_format='verbose_json': leave it out, or say so.")
        whole = timed or self._output == "response" or (file is not None and file.kind == "json")
        return "verbose_json" if self.response_format is None and whole else self.response_format

    def _report(self, context: Context, response: dict[str, Any]) -> None:
        if not self.do_xcom_push:
            return
        # The service's list of models has no price of a second.
        used = {"requests": 1, "audio_seconds": billed_seconds(response), "cost": None, "currency": None}
        context["ti"].xcom_push(key="usage", value=used)
        if isinstance(response.get("language"), str):
            context["ti"].xcom_push(key="language", value=response["language"])


def _encode_output(response: dict[str, Any], kind: str) -> bytes:
    from ..client.media import subtitles

    if kind == "json":
        return (json.dumps(response, ensure_ascii=False, indent=2) + "\n").encode()
    if kind == "txt":
        return f"{response['text'].strip()}\n".encode()
    write = subtitles.srt if kind == "srt" else subtitles.vtt
    return write(response).encode()
