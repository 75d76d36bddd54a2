"""The headings of Troubleshooting are messages that the code says, word for word, and every error has one."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import airflow
import pytest
from apache_airflow_provider_ovhcloud_ai import errors
from source_strings import literals

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")

SECTIONS = dict(re.findall(r"^### (.+)\n((?:(?!##).*\n)*)", PAGE, re.MULTILINE))
#: Each message of each heading, and the mark of those that Airflow says.
MESSAGES = [match for heading in SECTIONS for match in re.findall(r"`([^`]+)`( \(Airflow\))?", heading)]
OURS = [message for message, airflows in MESSAGES if not airflows]
AIRFLOWS = [message for message, airflows in MESSAGES if airflows]

#: Which file of the newest Airflow says it; None for those of Python, of HTTP, and of Airflow 2.11 alone.
SOURCES = {
    "Bad Request": None,
    "Connection schemes (type: …) shall not contain '_' according to RFC3986": "models/connection.py",
    "Connection type missing? Make sure you have installed the corresponding Airflow Providers Package.": (
        "ui/dist/i18n/locales/en/admin.json"
    ),
    "No module named 'apache_airflow_provider_ovhcloud_ai'": None,
    "Test connection feature is disabled. Please contact an administrator to enable it.": (
        "ui/dist/i18n/locales/en/admin.json"
    ),
    "Testing connections is disabled in Airflow configuration.": "cli/commands/connection_command.py",
    "The hook_class '…' is not fully initialized (UI widgets will be missing)": "providers_manager.py",
    "The triggerer does not appear to be running.": None,
    'Unknown hook type "…"': "models/connection.py",
}

ERRORS = [
    name
    for name, match in inspect.getmembers(errors, inspect.isclass)
    if issubclass(match, errors.AIEndpointsError) and match is not errors.AIEndpointsError
]


def texts() -> list[str]:
    files = [file for file in (ROOT / "provider").rglob("*.py") if "sandbox" not in file.parts]
    return [text for file in files for text in literals(file.read_text(encoding="utf-8"))]


TEXTS = texts()


def is_in_source(message: str, texts: list[str]) -> bool:
    """
    Return whether one string holds a message, or two do that the code joins with a colon.
    """
    message = message.removeprefix("… ")
    if any(message in text for text in texts):
        return True
    head, colon, tail = message.partition(": ")
    put_together = re.compile(re.escape(head) + "(?:: ….*)?", re.DOTALL)
    return bool(colon) and any(put_together.fullmatch(text) for text in texts) and any(tail in text for text in texts)


def test_the_page_is_read() -> None:
    assert 40 < len(SECTIONS) == PAGE.count("\n### ")
    message = r"`[^`]+`(?: \((?:Airflow|404)\))?"
    assert all(re.fullmatch(f"{message}(?:, {message})*", heading) for heading in SECTIONS)


@pytest.mark.parametrize("message", OURS)
def test_each_message_is_one_of_the_code(message: str) -> None:
    assert is_in_source(message, TEXTS)


def test_each_message_of_airflow_is_listed() -> None:
    assert sorted(AIRFLOWS) == sorted(SOURCES)


@pytest.mark.parametrize(("message", "file"), [(message, file) for message, file in SOURCES.items() if file])
def test_airflow_says_it(message: str, file: str) -> None:
    source = (Path(airflow.__file__).parent / file).read_text(encoding="utf-8")
    texts = list(literals(source)) if file.endswith(".py") else [source]
    assert is_in_source(message, texts)


@pytest.mark.parametrize("heading", SECTIONS)
def test_each_message_has_cause_and_remedy(heading: str) -> None:
    assert re.fullmatch(r"\n\*\*Cause(?:\*\* \(.+?\)\.|\.\*\*) .+\n\n\*\*Remedy\.\*\* .+", SECTIONS[heading], re.DOTALL)


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_is_named_beside_a_message(error: str) -> None:
    causes = [section.partition("**Remedy.**")[0] for section in SECTIONS.values()]
    assert any(f"`{error}`" in cause for cause in causes)


@pytest.mark.parametrize(
    ("message", "texts", "expected"),
    [
        ("Failed: token refused (…)", ["Failed", "token refused (…)"], True),
        ("Failed: token refused (…)", ["Failed", "token rejected (…)"], False),
        ("Failed: token refused (…)", ["Failed: unexpected … here", "token refused (…)"], False),
        ("No response from …: nothing listens there", ["No response from …: … (…). …", "nothing listens there"], True),
        ("No response from …: nothing listens there", ["No answer from …: … (…). …", "nothing listens there"], False),
        ("The … is lost", ["The file is lost"], False),
        ("… is lost: look for it", ["is lost: look for it"], True),
    ],
)
def test_a_message_is_matched_in_source(message: str, texts: list[str], expected: bool) -> None:
    assert is_in_source(message, texts) is expected
