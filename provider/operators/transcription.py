"""
The operator that transcribes recordings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..client.media.transcription import MODEL
from ..client.usage import read_audio_seconds, read_usage
from ..errors import ConfigurationError
from ..validation import quote
from ._base import AIEndpointsOperator

if TYPE_CHECKING:
    from ..compat import Context
    from ..hooks.files.outputs import OutputFile

#: Values of ``output``.
OUTPUTS = ("text", "response")

#: Formats of the file, by its suffix.
FORMATS = ("txt", "json", "srt", "vtt")


class OVHCloudAIEndpointsTranscriptionOperator(AIEndpointsOperator):
    """
    Transcribe a recording; the transcript goes to XCom, or to a file.

    The task checks the recording's size and real format before it sends it, and streams it from its storage. XCom
    ``usage`` has the billed seconds, ``language`` the spoken language if the service returns it, and ``path`` the file,
    for ``task.output["path"]``.

    Not safe to use from several threads: it is of one task, which Airflow runs once at a time.

    :param audio_path: the recording, on this machine or in object storage (``s3://conn_id@bucket/key``): MP3, MP4, M4A,
        AAC, WAV, FLAC, OGG, Opus, WebM or MPEG
    :param model: model id; ``whisper-large-v3-turbo`` is faster and costs less
    :param language: spoken language, such as ``fr``; default: the model detects it
    :param prompt: words before the recording, whose spelling and style the model continues: names, abbreviations
    :param response_format: ``json``, or ``verbose_json`` with language, duration and segments; default: the one that
        ``output``, ``timestamps`` and ``diarize`` need
    :param temperature: randomness, 0 to 1; default: the service's default
    :param timestamps: ``word``, ``segment`` or both, to return their times
    :param diarize: whether to distinguish the speakers
    :param output: return value: ``text``, or ``response`` for all that the service returns; default: ``text``
    :param output_path: a file for the transcript instead of XCom: ``.txt``, ``.json`` (the whole response), ``.srt`` or
        ``.vtt`` (subtitles). XCom then has ``path``, ``format``, ``model``, ``language``, ``seconds`` and
        ``characters``
    :param timeout: seconds for one attempt, from name lookup to the last byte; default: the connection's timeout. The
        task adds the seconds that the file takes at 2 Mbit/s
    :param extra_body: more fields of the request, such as ``{"chunking_strategy": "auto"}``
    :param kwargs: parameters of all operators: :class:`._base.AIEndpointsOperator`
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
        *AIEndpointsOperator.template_fields,
    )
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
        # Airflow's own `output` refers to the result in a DAG.
        self._output = output
        self.output_path = output_path

    def execute(self, context: Context) -> Any:
        """
        Transcribe the recording, and return the transcript, the response, or a description of the file.

        :param context: the task's context
        :return: the transcript, the response in OpenAI's format, or a description of the file
        :raises ConfigurationError: if the file is too large, or isn't a recording that the service reads; nothing was
            sent
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
        metadata = {
            "path": file.display,
            "format": file.kind,
            "model": model,
            "language": response.get("language"),
            "seconds": read_audio_seconds(response),
            "characters": len(response["text"]),
        }
        if self.do_xcom_push:
            self.push_xcom(context, "path", file.display)
        self.record_lineage(context, metadata, [file.display], [self.audio_path])
        return metadata

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
        usage = {**read_usage(response).as_dict(), "cost": None, "currency": None}
        self.push_xcom(context, "usage", usage)
        if isinstance(response.get("language"), str):
            self.push_xcom(context, "language", response["language"])


def _encode_output(response: dict[str, Any], kind: str) -> bytes:
    from ..client.media import subtitles

    if kind == "json":
        return (json.dumps(response, ensure_ascii=False, indent=2) + "\n").encode()
    if kind == "txt":
        return f"{response['text'].strip()}\n".encode()
    write = subtitles.srt if kind == "srt" else subtitles.vtt
    return write(response).encode()
