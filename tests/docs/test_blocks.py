"""Every code block of the documentation is run, is quoted from a file that is, or says what the code says."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai.connection.fields import FIELDS
from apache_airflow_provider_ovhcloud_ai.defaults import CONN_ID
from apache_airflow_provider_ovhcloud_ai.errors import AIEndpointsError
from apache_airflow_provider_ovhcloud_ai.hooks.ai_endpoints import OVHCloudAIEndpointsHook
from support.commands import Fixture, is_an_option, run_each, says_the_token
from support.pages import PAGES, REFERENCE, ROOT, Block, find_blocks, without_blocks
from support.sample_output import SampleOutput, everything

BLOCKS = [block for page in PAGES if page not in REFERENCE for block in find_blocks(page)]
PROVIDER = ROOT / "provider"

QUOTE = re.compile(r'--8<-- "(?P<file>[^":]+)(?::(?P<section>[a-z][-_0-9a-z]*))?"\n')
MARKER = re.compile(r"^.*--8<-- \[(?:start|end):[-\w]+\]\n", re.MULTILINE)
#: A number, and where it counts time its unit: those differ from run to run.
NUMBER = re.compile(r"(?<![\w.-])\d[\d,.]*(?: (?:s|min|h)\b)?(?!\w|-\w)")

#: Names in drawings that are no modules.
PEOPLE_AND_THINGS = {"admin", "ask", "browser", "hook", "model", "operator", "response", "connection"}


def test_blocks_are_found() -> None:
    assert len(BLOCKS) > 100
    for page in PAGES:
        fences = re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(find_blocks(page)), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_block_is_fenced_and_says_what_it_is(page: Path) -> None:
    assert [block.line for block in find_blocks(page) if not block.kind] == []
    # Below an item of a list, or an admonition, text is indented as well.
    indented = r"^(?! *(?:[-*] |\d+\. |!!! |\?\?\? |=== )).*\S\n\n(?: {4,}|\t)\S.*"
    assert re.findall(indented, without_blocks(page), re.MULTILINE) == []


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_block(block: Block, request: pytest.FixtureRequest) -> None:
    assert block.kind in CHECKS, f"nothing checks blocks of the kind {block.kind!r}"
    CHECKS[block.kind](block, request.getfixturevalue)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("yaml", "version: 2\n"),
        ("python", "print('nobody runs this')\n"),
        ("python", '--8<-- "example_dags/example_chat.py:nothing"\n'),
        ("python", '--8<-- "tests/support/nothing.py"\n'),
        ("python", '--8<-- "provider/errors.py"\n'),
        ("bash", "rm -r dags\n"),
        ("bash", "pip install airflow-provider-ovh-ai\n"),
        ("bash", "pip install 'airflow-provider-ovhcloud-ai[nothing]'\n"),
        ("bash", "make demonstration\n"),
        ("bash", "python -m apache_airflow_provider_ovhcloud_ai.sandbox --host 0.0.0.0\n"),
        ("bash", "python -c 'print(1)'\n"),
        ("bash", "env | grep OVH_\n"),
        ("bash", 'curl -sS -H "Authorization: Bearer $TOKEN" https://your-service/v1/modules\n'),
        ("bash", 'curl -sS -H "Authorization: $TOKEN" https://your-service/v1/models\n'),
        ("bash", "airflow connections add other --conn-type ovh_ai_endpoints --conn-host YOUR-TOKEN\n"),
        ("bash", "airflow connections add other --conn-type ovh_ai_endpoints --password YOUR-TOKEN\n"),
        ("bash", "airflow pools set another 4 'Another one'\n"),
        ("bash", "airflow providers list | grep ovh-cloud\n"),
        ("bash", 'AIRFLOW_CONN_OTHER=\'{"host": "YOUR-TOKEN"}\'\n'),
        ("bash", "export AIRFLOW__CORE__TEST_CONNECTIONS=Enabled\n"),
        ("bash", "AIRFLOW_TEST_CONNECTION=Enabled\n"),
        ("ini", "[core]\ntest_connections = Enabled\n"),
        ("json", '{"safe": false, "safety": "Unsafe"}\n'),
        ("json", '{"safe": "no", "safety": "", "categories": ["V"], "refusal": null, "model": ""}\n'),
        ("json", '{"conn_type": "ovh_ai_endpoints", "host": "YOUR-TOKEN"}\n'),
        ("json", '{"conn_type": "ovh_ai_endpoints", "password": "YOUR-TOKEN", "extra": {"model": "bge-m3"}}\n'),
        ("json", '{"ovh_ai_endpoints_default": {"conn_type": "ovh_ai_endpoints", "login": "YOUR-TOKEN"}}\n'),
        ("text", "AI Endpoints task: requests=2 input_tokens=41 output_tokens=88 price=0.000045 USD\n"),
        ("text", "AI Endpoints chat: model=gpt-oss-21b: 1 of 2 done, 0 failed, ...\n"),
        ("text", "provider/\n  client/  \n    requests nothing  what to send\n"),
        ("text", "browser -> guard -> answers -> nothing\n"),
        ("text", "operator -> hook.answer -> ask\n"),
    ],
)
def test_a_wrong_block_is_seen(kind: str, text: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, AIEndpointsError, FileNotFoundError, SystemExit)):
        test_block(Block("docs/page.md", 1, kind, text), request)


# Quotes


def check_code(block: Block, _: Any) -> None:
    if block.page == "README.md":
        # Where no file can be included.
        example = (ROOT / "example_dags" / "example_quickstart.py").read_text(encoding="utf-8")
        assert block.text == MARKER.sub("", example.split('"""\n\n', 1)[1])
        return
    quotes = list(QUOTE.finditer(block.text))
    assert "".join(quote[0] for quote in quotes) == block.text, "quote it from a file that a test runs"
    for quote in quotes:
        assert is_run(quote["file"])
        source = (ROOT / quote["file"]).read_text(encoding="utf-8")
        for end in ("start", "end") if quote["section"] else ():
            assert source.count(f"--8<-- [{end}:{quote['section']}]\n") == 1


def is_run(file: str) -> bool:
    """
    Return whether tests run a file: all example DAGs, tests themselves, and files named in one of those.
    """
    path = Path(file)
    if path.parts[0] == "example_dags":
        return True  # tests/dags has a test that no example is left out
    if path.parts[0] != "tests" or path.name in {"conftest.py"} or path.name.startswith("test_"):
        return path.parts[0] == "tests"
    named = [file for file in (ROOT / "tests").rglob("*.py") if file.name != "test_blocks.py"]
    return any(f'"{path.name}"' in file.read_text(encoding="utf-8") for file in named)


# What Airflow is told


def check_settings(block: Block, _: Any) -> None:
    settings = configparser.ConfigParser()
    settings.read_string(block.text)
    assert settings.sections()
    for section in settings.sections():
        for option in settings[section]:
            is_an_option(section, option)


# What comes back


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> SampleOutput:
    return everything(tmp_path_factory.mktemp("said"))


def check_data(block: Block, fixture: Fixture) -> None:
    sample = json.loads(block.text)
    if "conn_type" in sample:
        fixture("monkeypatch").setenv("AIRFLOW_CONN_SHOWN", block.text)
        assert says_the_token("shown")
        assert sample.get("extra", {}).keys() <= {field.name for field in FIELDS}
        return
    if CONN_ID in sample:
        kept_in_a_file(block, fixture)
        return
    assert any(is_like(sample, value) for value in fixture("output").values)


def kept_in_a_file(block: Block, fixture: Fixture) -> None:
    """What stands in the file of Airflow's own secrets backend is a connection there."""
    from airflow.secrets.local_filesystem import LocalFilesystemBackend

    file = fixture("tmp_path") / "connections.json"
    file.write_text(block.text, encoding="utf-8")
    connection = LocalFilesystemBackend(connections_file_path=str(file)).get_connection(CONN_ID)
    assert connection is not None
    fixture("monkeypatch").setenv("AIRFLOW_CONN_KEPT", connection.get_uri())
    assert says_the_token("kept")


def is_like(sample: Any, value: Any) -> bool:
    """
    Return whether a sample on a page has the form of a real value: the same names in the same order, the same types.
    """
    if isinstance(sample, dict) and isinstance(value, dict):
        return list(sample) == list(value) and all(is_like(sample[name], value[name]) for name in sample)
    if isinstance(sample, list) and isinstance(value, list):
        return len(sample) == len(value) and all(map(is_like, sample, value))
    return type(sample) is type(value) or NoneType in {type(sample), type(value)}


def check_text(block: Block, fixture: Fixture) -> None:
    if block.text.startswith("provider/"):
        assert missing_from(block.text) == []
    elif re.search(r"-> |<- ", block.text):
        assert [name for name in names_in(block.text) if not is_there(name)] == []
    else:
        lines = fixture("output").lines
        missing_lines = [
            line_on_page
            for line_on_page in block.text.splitlines()
            if not any(matches_line(line_on_page, line) for line in lines)
        ]
        assert missing_lines == []


def matches_line(sample: str, line: str) -> bool:
    """
    Return whether a line of a page is a line of output, except for its numbers and omissions.
    """
    pattern = re.escape(NUMBER.sub("\0", sample)).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern.replace("\0", r"\d[\d,.]*(?: (?:s|min|h)\b)?"), line) is not None


def missing_from(tree: str) -> list[str]:
    """
    Give what stands in the tree of the package and is not there: before each text one name, or several.
    """
    missing, parents = [], {0: [PROVIDER]}
    for line in tree.splitlines()[1:]:
        indent = len(line) - len(line.lstrip())
        if indent > 6:
            continue  # the text goes on
        names = re.split(r"  +", line.strip())[0].split()
        inside = parents[indent - 2]
        parents[indent] = [folder / name for folder in inside for name in names if name.endswith("/")]
        missing += [name for name in names if not any(in_folder(folder, name) for folder in inside)]
    return missing


def in_folder(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (folder / f"{name}.py").exists()


def names_in(drawing: str) -> list[str]:
    """
    Give the names between the arrows of a drawing; what is more than one word is a remark.
    """
    parts = re.split(r"<?-+>?|[|,`]|\s{2,}|\n", drawing)
    return [part.strip() for part in parts if re.fullmatch(r"[a-z]\w*(?:[./]\w+)*", part.strip())]


def is_there(name: str) -> bool:
    if name in PEOPLE_AND_THINGS:
        return True
    first, _, verb = name.partition(".")
    if first == "hook":
        return callable(getattr(OVHCloudAIEndpointsHook, verb, None))
    path = name.replace(".", "/")
    return any(PROVIDER.rglob(path)) or any(PROVIDER.rglob(f"{path}.py"))


def test_the_import_rule_is_the_same_everywhere() -> None:
    rules = {block.text.splitlines()[0] for block in BLOCKS if block.text.startswith("compat, defaults <-")}
    assert len(rules) == 1


CHECKS: dict[str, Callable[[Block, Fixture], None]] = {
    "bash": lambda block, fixture: run_each(block.text, fixture),
    "ini": check_settings,
    "json": check_data,
    "python": check_code,
    "sql": check_code,
    "text": check_text,
}
