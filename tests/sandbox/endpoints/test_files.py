from __future__ import annotations

import pytest
from openai import BadRequestError, NotFoundError, OpenAI


def test_files_are_kept_listed_and_deleted(client: OpenAI) -> None:
    file = client.files.create(file=("rows.jsonl", b'{"a": "\xc3\xa9"}\r\n'), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (13, "rows.jsonl", "batch")
    assert client.files.content(file.id).content == b'{"a": "\xc3\xa9"}\r\n'
    assert [each.id for each in client.files.list().data] == [file.id]
    client.files.delete(file.id)
    for look in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(NotFoundError, match="No such File object"):
            look(file.id)


def test_other_purposes_are_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="'purpose' must be batch"):
        client.files.create(file=("rows.jsonl", b"{}"), purpose="fine-tune")
