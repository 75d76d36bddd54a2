"""
Method of the hook for transcription.
"""

from __future__ import annotations

from typing import Any

from ...client.http.multipart import Attachment
from ...client.media import transcription
from ..base import BaseAIEndpointsHook
from ..files.inputs import InputFile


class TranscriptionMethods(BaseAIEndpointsHook):
    """
    Methods for recordings.
    """

    def transcribe(
        self,
        audio_path: Any,
        model: str | None = transcription.MODEL,
        *,
        language: str | None = None,
        prompt: str | None = None,
        response_format: str | None = None,
        temperature: float | None = None,
        timestamps: str | list[str] | None = None,
        diarize: bool = False,
        **params: Any,
    ) -> dict[str, Any]:
        """
        Transcribe a recording. It is streamed from its file, so it needn't fit into memory.

        :param audio_path: path of the recording, on this machine or in object storage
        :param model: model id
        :param language: language of the recording, such as ``fr``; detected unless given
        :param prompt: example text whose spelling and style the model follows, such as names and abbreviations
        :param response_format: ``json``, or ``verbose_json`` with language, duration and segments; the service's
            default unless given
        :param temperature: randomness, 0 to 1
        :param timestamps: times to return: ``word``, ``segment`` or both
        :param diarize: whether to distinguish speakers
        :param params: further parameters of the API, such as ``chunking_strategy``
        :return: the response: ``text``, with ``verbose_json`` also ``language``, ``duration``, ``segments``, ``words``
            and ``diarization``; ``usage`` with the seconds billed
        :raises ConfigurationError: before the request, if the file is too large or of an unsupported format
        :raises AIEndpointsError: see :mod:`..errors` for which, and what a retry would do
        """
        with self.boundary():
            recording = self._recording(audio_path)
            request = transcription.transcription(
                transcription.MODEL if model is None else model,
                recording,
                language=language,
                prompt=prompt,
                response_format=response_format,
                temperature=temperature,
                timestamps=timestamps,
                diarize=diarize,
                **params,
            )
            response = self._send(request)
            value = self._parse(response, request)
            self._report("transcription", request.model, [response], value)
            return transcription.check_transcript(value, response)

    def _recording(self, path: Any) -> Attachment:
        file = InputFile(path, "audio_path")
        size, head = file.size(), file.read(transcription.HEAD_BYTES)
        kind = transcription.check_recording(file.label, size, head, with_token=self.settings.client.token is not None)
        return transcription.attachment(kind, size, file.open)
