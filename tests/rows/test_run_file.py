"""
Whose a folder is, on this machine and in object storage.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError, InvalidInputError
from apache_airflow_provider_ovhcloud_ai.rows import part_names, run_file
from apache_airflow_provider_ovhcloud_ai.rows.folder import Folder
from apache_airflow_provider_ovhcloud_ai.rows.results import read_results
from apache_airflow_provider_ovhcloud_ai.rows.run_file import RUN_FILE, Owner

IDS = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": 0}


def build_folder(path: Any, if_exists: str = "fail", *, owner: Owner | None = None, **ids: Any) -> Folder:
    return Folder(path, "jsonl", {"model": "m"}, owner=owner or Owner({**IDS, **ids}), if_exists=if_exists)


def write(folder: Folder, count: int = 3, usage: dict[str, Any] | None = None) -> dict[str, Any]:
    folder.begin()
    for index, rows in part_names.split([{"n": n} for n in range(count)], 2):
        name = folder.build_name(index, rows)
        if not folder.has(name):
            folder.write(name, [{**row, "answer": "a", "error": None} for row in rows])
            folder.renew(usage or {})
    return folder.finish({"usage": usage or {}})


def change(path: Any, **fields: Any) -> None:
    state = json.loads((path / RUN_FILE).read_bytes())
    (path / RUN_FILE).write_bytes(json.dumps({**state, **fields}).encode())


@pytest.mark.parametrize("ids", [{"map_index": 1}, {"run_id": "s"}, {"task_id": "u"}, {"dag_id": "e"}])
@pytest.mark.parametrize("if_exists", ["fail", "update"])
def test_folder_of_a_run_that_is_not_over_is_refused(path: Any, ids: dict[str, Any], if_exists: str) -> None:
    build_folder(path).begin()
    with pytest.raises(ConfigurationError, match=r"belongs to another run .*dag_id d.* isn't over.*ti.map_index"):
        build_folder(path, if_exists, **ids).begin()
    assert write(build_folder(path))["rows"] == 3


def test_same_run_goes_on(path: Any) -> None:
    build_folder(path).begin()
    assert write(build_folder(path))["rows"] == 3
    assert write(build_folder(path))["rows"] == 3


@pytest.mark.parametrize("ending", ["finished", "failed", "expired"])
def test_folder_of_a_run_that_is_over_is_updated_on_request(path: Any, ending: str) -> None:
    if ending == "finished":
        write(build_folder(path))
    else:
        folder = build_folder(path)
        folder.begin()
        if ending == "failed":
            folder.end({"requests": 1})
        else:
            change(path, expires=0)
    with pytest.raises(ConfigurationError, match="set if_exists='update'"):
        build_folder(path, run_id="s").begin()
    assert write(build_folder(path, "update", run_id="s"), 5)["rows"] == 5


def test_run_that_will_be_retried_is_not_over(path: Any) -> None:
    folder = build_folder(path, owner=Owner(IDS, is_last_try=False))
    folder.begin()
    folder.end({})
    with pytest.raises(ConfigurationError, match="isn't over"):
        build_folder(path, "update", run_id="s").begin()


def test_run_whose_folder_was_taken_over_stops(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_file, "RENEW_INTERVAL_S", 0.0)
    folder = build_folder(path)
    folder.begin()
    change(path, owner={**IDS, "run_id": "s"})
    with pytest.raises(ConfigurationError, match=r"Another run .*run_id s.* writes the output folder"):
        folder.renew({})
    with pytest.raises(ConfigurationError, match="Another run"):
        folder.finish({})
    folder.end({})
    assert json.loads((path / RUN_FILE).read_bytes())["owner"]["run_id"] == "s"


def test_part_that_another_program_removed_is_missed(path: Any) -> None:
    folder = build_folder(path)
    folder.begin()
    name = folder.build_name(0, [{"n": 0}])
    folder.write(name, [{"n": 0}])
    (path / name).unlink()
    with pytest.raises(ConfigurationError, match=r"1 parts of the output folder .* were removed"):
        folder.finish({})


def test_usage_of_all_tries_is_added_up(path: Any) -> None:
    folder = build_folder(path, owner=Owner(IDS, is_last_try=False))
    folder.begin()
    folder.end({"requests": 2, "input_tokens": 7})
    manifest = write(build_folder(path), usage={"requests": 3, "output_tokens": 1})
    assert manifest["usage"] == {"requests": 3, "output_tokens": 1}
    assert manifest["usage_total"] == {"requests": 5, "input_tokens": 7, "output_tokens": 1}
    assert write(build_folder(path, "update", run_id="s"))["usage_total"] == {}


def test_rows_of_a_manifest_are_those_of_its_run(path: Any) -> None:
    first = write(build_folder(path))
    assert len(list(read_results(path, first["digest"]))) == 3
    write(build_folder(path, "update", run_id="s"), 5)
    with pytest.raises(InvalidInputError, match="Another run has written the folder"):
        list(read_results(path, first["digest"]))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"owner": 5, "usage": []}'])
def test_damaged_run_file_is_a_run_that_is_over(path: Any, content: bytes) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / RUN_FILE).write_bytes(content)
    assert write(build_folder(path, "update"))["rows"] == 3


def test_if_exists_is_checked(tmp_path: Any) -> None:
    with pytest.raises(ConfigurationError, match="if_exists must be 'fail' or 'update', not 'replace'"):
        build_folder(tmp_path, "replace")
