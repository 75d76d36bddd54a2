from __future__ import annotations

import io

import pytest
from apache_airflow_provider_ovhcloud_ai.client.http.multipart import Attachment, MultipartForm
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError

FILE = Attachment("audio.wav", "audio/wav", 4, lambda: io.BytesIO(b"RIFF"))


def test_a_form_is_as_long_as_it_says() -> None:
    form = MultipartForm([("language", "fr"), ("prompt", "café")], FILE)
    assert len(b"".join(form)) == len(form)


@pytest.mark.parametrize("size", [3, 5])
def test_a_file_that_changes_ends_the_upload(size: int) -> None:
    file = Attachment("audio.wav", "audio/wav", size, lambda: io.BytesIO(b"RIFF"))
    with pytest.raises(AIEndpointsError, match="changed while it was sent"):
        b"".join(MultipartForm([], file))


def test_a_form_can_be_read_again_and_a_name_may_occur_twice() -> None:
    form = MultipartForm([("words[]", "a"), ("words[]", "b")], FILE)
    body = b"".join(form)
    assert b"".join(form) == body
    boundary = form.content_type.removeprefix("multipart/form-data; boundary=").encode()
    parts = body.split(b"--" + boundary)
    assert [part.split(b"\r\n\r\n")[-1].strip() for part in parts[1:]] == [b"a", b"b", b"RIFF", b"--"]
    assert b'name="file"; filename="audio.wav"\r\nContent-Type: audio/wav' in parts[3]
