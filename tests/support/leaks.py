"""
Where a token or a prompt could be left behind, as texts to look through.
"""

from __future__ import annotations

import json
import pickle
import re
import sqlite3
import subprocess
import traceback
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from support import canary
from support.audio_samples import wav
from support.scripted_server import Received, Wire, message

#: Tables that Airflow keeps a prompt in: what a DAG and a task are made of, and what a task returns.
OF_PROMPTS = {"dag_code", "serialized_dag", "rendered_task_instance_fields", "xcom"}


def tables(home: Path) -> dict[str, str]:
    """
    Dump the metadata database as text, each table by itself.
    """
    dumps: dict[str, str] = {}
    with closing(sqlite3.connect(home / "airflow.db")) as database:
        for statement in database.iterdump():
            if row := re.match(r'INSERT INTO "(\w+)"', statement):
                dumps[row[1]] = dumps.get(row[1], "") + statement + "\n"
    return dumps


def files(folder: Path, pattern: str = "*") -> dict[str, str]:
    """
    Read all files below a folder, of any format.
    """
    paths = (file for file in folder.rglob(pattern) if file.is_file() and not file.is_symlink())
    return {str(file.relative_to(folder)): _content(file).decode("latin-1") for file in paths}


def _content(file: Path) -> bytes:
    if file.suffix.startswith(".db"):  # and "-wal" and "-shm"
        # Whoever closes a file loses the locks that SQLite has on it in the same process: another one then takes itself
        # for the last, removes the write-ahead log, and the next connection here says "disk I/O error".
        return subprocess.run(["cat", str(file)], capture_output=True, check=True).stdout
    return file.read_bytes()


def of_error(error: BaseException) -> str:
    """
    Write down an error as a log, a debugger, an error tracker and another process would have it.
    """
    texts = [*canary.traces(error), *traceback.format_exception(error), repr(pickle.dumps(error))]
    return "\n".join(texts)


def of_object(value: Any) -> str:
    """
    Write down an object as a log, a debugger and another process would have it.
    """
    return format_object(value) + repr(pickle.dumps(value))


def format_object(value: Any) -> str:
    """
    Write down an object, and each of its attributes.
    """
    return "\n".join([str(value), repr(value), *map(repr, getattr(value, "__dict__", {}).items())])


def holding_token(texts: dict[str, str]) -> dict[str, str]:
    """
    Find the texts that hold the token, each with the characters before it.
    """
    return {name: _before(text, canary.spellings()) for name, text in texts.items() if canary.shows(text)}


def holding_prompt(texts: dict[str, str]) -> set[str]:
    """
    Find the texts that hold the prompt, as it is or in a BLOB.
    """
    spelled = (canary.PROMPT, canary.PROMPT.encode().hex())
    return {name for name, text in texts.items() if any(each in text.lower() for each in spelled)}


def _before(text: str, spellings: Iterable[str]) -> str:
    at = max(text.lower().find(each.lower()) for each in spellings)
    return text[max(at - 300, 0) : at] if at >= 0 else "only a part of it"


def connections(base_url: str, refusing_url: str) -> dict[str, dict[str, Any]]:
    """
    Make the connections of the DAG ``leaks``: to a service, with the token as it is usually pasted and in the extra,
    and to one that refuses all.
    """
    kind = {"conn_type": "ovh_ai_endpoints"}
    return {
        "canary": {**kind, "host": base_url, "password": f"Bearer {canary.TOKEN}\n", "extra": "{}"},
        "canary_extra": {**kind, "host": base_url, "extra": json.dumps({"api_key": canary.TOKEN})},
        "canary_refused": {**kind, "host": refusing_url, "password": canary.TOKEN, "extra": '{"max_retries": 0}'},
    }


def echo(wire: Wire, request: Received) -> bool:
    """
    Refuse every request, and echo the token in every spelling and place.
    """
    text = " ".join([f"Bearer {canary.TOKEN}", *canary.spellings()])
    headers = {"X-Request-Id": canary.TOKEN, "Location": f"https://{canary.TOKEN}/", "X-Warning": canary.TOKEN}
    assert request.headers["authorization"] == f"Bearer {canary.TOKEN}"
    echoed = message(403, {"error": {"message": f"No: {text}", "code": canary.TOKEN}}, headers)
    wire.send(echoed.replace(b"403 Scripted", f"403 {canary.TOKEN}".encode()))
    return True


def prepare(folder: Path) -> None:
    """
    Put there what the tasks of the DAG ``leaks`` read.
    """
    folder.mkdir(exist_ok=True)
    (folder / "talk.wav").write_bytes(wav(2))
    (folder / "rows.jsonl").write_text(json.dumps({"text": canary.PROMPT}) + "\n")
