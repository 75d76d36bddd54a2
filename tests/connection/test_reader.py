from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from apache_airflow_provider_ovhcloud_ai import __version__, defaults
from apache_airflow_provider_ovhcloud_ai.compat import airflow_version
from apache_airflow_provider_ovhcloud_ai.connection.reader import (
    build_user_agent,
    explain_missing_connection,
    read_extra,
    read_settings,
)
from apache_airflow_provider_ovhcloud_ai.connection.settings import ConnectionSettings
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from support import canary

pytestmark = pytest.mark.airflow


def read(*, extra: Any = None, params: dict[str, Any] | None = None, **fields: Any) -> ConnectionSettings:
    """
    Read a connection as Airflow hands it over: all fields there, most of them None.
    """
    connection = {
        "conn_id": "c",
        "conn_type": "generic",
        "host": None,
        "port": None,
        "schema": None,
        "login": None,
        "password": "xyz",
        **fields,
    }
    as_stored = extra if extra is None or isinstance(extra, str) else json.dumps(extra)
    return read_settings(SimpleNamespace(**connection, extra=as_stored), **(params or {}))


def refusal(**fields: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(**fields)
    return str(caught.value)


def test_nothing_but_a_token_is_needed() -> None:
    settings = read()
    client = settings.client
    assert (client.token, client.base_url, settings.access) == ("xyz", defaults.BASE_URL, "token")
    assert (client.timeout, client.max_retries, client.requests_per_minute) == (120.0, 2, None)
    assert (settings.chat_model, settings.embedding_model, settings.project_id) == (None, None, None)
    assert client.user_agent == build_user_agent()


def test_user_agent_names_the_versions() -> None:
    assert build_user_agent().startswith(
        f"airflow-provider-ovhcloud-ai/{__version__} apache-airflow/{airflow_version()} python/3."
    )


FULL = {
    "access": "token",
    "chat_model": "gpt-oss-120b",
    "embedding_model": "bge-m3",
    "project_id": "0123",
    "timeout": 30,
    "max_retries": 0,
    "requests_per_minute": 100,
    "allow_http": True,
}
TEXTS = {name: str(value) for name, value in FULL.items()}
SPELLED = {
    "numbers": FULL,
    "texts": TEXTS,
    "blanks_around": {name: f" {value} " for name, value in TEXTS.items()},
    "y": FULL | {"allow_http": "y"},
    "prefixed": {f"extra__ovh_ai_endpoints__{name}": value for name, value in FULL.items()},
    "prefix_beside_blanks": {f"extra__ovh_ai_endpoints__{n}": v for n, v in FULL.items()} | dict.fromkeys(FULL, ""),
    "prefix_of_another_type": {f"extra__generic__{name}": value for name, value in TEXTS.items()},
    "own_name_wins": {f"extra__ovh_ai_endpoints__{name}": "stale" for name in FULL} | FULL,
    "unknown_fields": FULL | {"something": {"else": 1}, "extra__": 5, "": 1},
}


@pytest.mark.parametrize("extra", SPELLED.values(), ids=SPELLED)
def test_extra_in_every_spelling(extra: dict[str, Any]) -> None:
    settings = read(host="http://gateway.test/v1", extra=extra)
    client = settings.client
    assert (settings.access, settings.project_id) == ("token", "0123")
    assert (settings.chat_model, settings.embedding_model) == ("gpt-oss-120b", "bge-m3")
    assert (client.timeout, client.max_retries, client.requests_per_minute) == (30.0, 0, 100)
    assert client.base_url == "http://gateway.test/v1"


@pytest.mark.parametrize("nothing", [None, "", " ", "\n"])
def test_blank_extra_fields_are_no_fields(nothing: Any) -> None:
    assert read(extra=dict.fromkeys(FULL, nothing)) == read()


@pytest.mark.parametrize("extra", [None, "", "  ", "{}", "null", {}, []])
def test_extra_that_says_nothing(extra: Any) -> None:
    assert read_extra(SimpleNamespace(extra=extra)) == {}


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("{", "The connection's extra is not JSON (Expecting property name"),
        ("api_key=secret", "The connection's extra is not JSON (Expecting value: line 1 column 1 (char 0))"),
        ('"text"', "The connection's extra must be a JSON object, not a text."),
        ("[1]", "The connection's extra must be a JSON object, not a value of type list."),
        ("5", "The connection's extra must be a JSON object, not 5."),
    ],
)
def test_extra_that_is_none(extra: str, says: str) -> None:
    message = refusal(extra=extra)
    assert message.startswith(says)
    assert "secret" not in message


class Stored(SimpleNamespace):
    """
    A connection that shows as little of itself as Airflow's own.
    """

    def __repr__(self) -> str:
        return "c"


@pytest.mark.parametrize(
    ("password", "extra"),
    [
        (canary.TOKEN + "\n\n" + canary.TOKEN, None),
        (canary.TOKEN, '{"timeout": "soon"}'),
        (canary.TOKEN, '{"access": "open"}'),
        (canary.TOKEN, '{"ca_bundle": "/no/such.pem"}'),
        (None, json.dumps({"api_key": canary.TOKEN, "max_retries": -1})),
        (None, json.dumps({"api_key": canary.TOKEN + " " + canary.TOKEN})),
        (None, json.dumps(canary.TOKEN)),
        (None, "api_key=" + canary.TOKEN),
    ],
)
def test_no_traceback_holds_the_token(password: str | None, extra: str | None) -> None:
    connection = Stored(conn_type="generic", host=None, port=None, schema=None, password=password, extra=extra)
    with pytest.raises(ConfigurationError) as caught:
        read_settings(connection)
    # Airflow 3.0 prints the variables of each function on a console.
    assert not any(canary.shows(trace) for trace in canary.traces(caught.value))


@pytest.mark.parametrize(("word", "flag"), [(w, True) for w in ("y", "Yes", "true", "TRUE", "on", "1", "t", 1, True)])
@pytest.mark.parametrize("host", ["http://gateway.test"])
def test_yes(word: Any, flag: bool, host: str) -> None:
    assert read(host=host, extra={"allow_http": word}).client.base_url == host


@pytest.mark.parametrize("word", ["n", "No", "false", "off", "0", "f", 0, False, None])
def test_no(word: Any) -> None:
    assert "would send the token unencrypted" in refusal(host="http://gateway.test", extra={"allow_http": word})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"extra": {"allow_http": "maybe"}},
            "'Allow plain HTTP' of the connection must be true or false, not 'maybe'.",
        ),
        ({"extra": {"access": "open"}}, "'Access' of the connection must be token or anonymous, not 'open'."),
        ({"extra": {"access": 5}}, "'Access' of the connection must be a text, not 5."),
        ({"extra": {"chat_model": 5}}, "'Chat model' of the connection must be a text, not 5."),
        ({"extra": {"timeout": -1}}, "Timeout of the connection must be a number from 0.001 to 86400, not -1."),
        ({"extra": {"timeout": "soon"}}, "Timeout of the connection must be a number from 0.001 to 86400, not 'soon'."),
        ({"extra": {"timeout": 0}}, "Timeout of the connection must be a number from 0.001 to 86400, not 0."),
        ({"extra": '{"timeout": NaN}'}, "Timeout of the connection must be a number from 0.001 to 86400, not nan."),
        ({"extra": {"max_retries": -1}}, "Retries of the connection must be a number from 0 to 20, not -1."),
        ({"extra": {"max_retries": 1.5}}, "Retries of the connection must be a whole number from 0 to 20, not 1.5."),
        ({"extra": {"requests_per_minute": 0}}, "Requests per minute of the connection must be a number from 1 to"),
        ({"params": {"timeout": -1}}, "timeout must be a number from 0.001 to 86400, not -1."),
        ({"params": {"timeout": "soon"}}, "timeout must be a number from 0.001 to 86400, not 'soon'."),
        ({"params": {"timeout": math.inf}}, "timeout must be a number from 0.001 to 86400, not inf."),
        ({"params": {"max_retries": 1.5}}, "max_retries must be a whole number from 0 to 20, not 1.5."),
        ({"params": {"max_retries": True}}, "max_retries must be a number from 0 to 20, not True."),
        ({"host": "ftp://example.com"}, "The base URL must begin with https://, not 'ftp://'."),
        ({"host": "example.com", "port": 70_000}, "Port must be a number from 0 to 65535, not 70000."),
        ({"extra": {"ca_bundle": "/no/such.pem"}}, "The CA bundle '/no/such.pem' does not exist on this machine"),
        (
            {"conn_type": "", "schema": "vh_ai_endpoints//:tok@host/v1"},
            "The connection's URI cannot be read: in a URI the",
        ),
        ({"password": "x\ny"}, "The API token holds a line break or blank at position 2: nothing was sent."),
        ({"password": None}, "API key not found: connection 'c' has no API token."),
        ({"password": " \n"}, "API key not found: connection 'c' has no API token."),
        ({"password": "Bearer "}, "API key not found: connection 'c' has no API token."),
        ({"password": None, "conn_id": None}, "API key not found: the connection has no API token."),
        ({"password": "***"}, "Airflow passed a mask instead of the API token of connection 'c'"),
        ({"password": "RATHER_LONG_SENSITIVE_FIELD_PLACEHOLDER"}, "Airflow passed a mask instead of the API token"),
        ({"password": "", "extra": {"api_key": "***"}}, "Airflow passed a mask instead of the API token"),
    ],
)
def test_settings_that_cannot_work(fields: dict[str, Any], says: str) -> None:
    assert refusal(**fields).startswith(says)


@pytest.mark.parametrize(
    ("fields", "token"),
    [
        ({"password": "xyz"}, "xyz"),
        ({"password": "Bearer xyz\n"}, "xyz"),
        ({"password": None, "extra": {"api_key": "xyz"}}, "xyz"),
        ({"password": "", "extra": {"api_key": " Bearer xyz\n"}}, "xyz"),
        ({"password": None, "extra": {"extra__ai_endpoints__api_key": "xyz"}}, "xyz"),
        ({"password": "xyz", "extra": {"api_key": "other"}}, "xyz"),
        ({"password": "xyz", "extra": {"access": "anonymous"}}, None),
        ({"password": None, "extra": {"access": " Anonymous "}}, None),
        ({"password": "two words", "extra": {"access": "anonymous"}}, None),
    ],
)
def test_token(fields: dict[str, Any], token: str | None) -> None:
    assert read(**fields).client.token == token


@pytest.mark.parametrize(
    ("password", "masked", "token"), [("***", True, None), (None, False, None), ("xyz", False, "xyz")]
)
def test_connection_test_reports_a_missing_token_itself(password: str | None, masked: bool, token: str | None) -> None:
    settings = read(password=password, params={"token_required": False})
    assert (settings.masked, settings.client.token) == (masked, token)


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "gateway.test", "port": 8443}, "https://gateway.test:8443"),
        ({"host": "gateway.test", "schema": "v1"}, "https://gateway.test/v1"),
        ({"host": "gateway.test", "schema": "v1", "port": 8443}, "https://gateway.test:8443/v1"),
        ({"host": "https://gateway.test", "schema": "v1"}, "https://gateway.test/v1"),
        ({"host": "https://gateway.test/v2", "schema": "v1"}, "https://gateway.test/v2"),
        # As Airflow's HTTP provider stores the protocol.
        ({"host": "gateway.test/v1", "schema": "https"}, "https://gateway.test/v1"),
        ({"host": "localhost", "schema": "http", "port": 8000}, "http://localhost:8000"),
        ({"host": "https://gateway.test/v1", "schema": "https"}, "https://gateway.test/v1"),
        ({"host": None, "schema": "v1"}, defaults.BASE_URL),
    ],
)
def test_base_url(fields: dict[str, Any], base_url: str) -> None:
    assert read(**fields).client.base_url == base_url


def test_arguments_win_over_the_connection() -> None:
    client = read(extra=FULL | {"allow_http": False}, params={"timeout": "7.5", "max_retries": "3"}).client
    assert (client.timeout, client.max_retries) == (7.5, 3)


def test_missing_and_unreadable_connections_have_different_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain_missing_connection("my_conn").startswith(
        "The connection 'my_conn' does not exist: create it under Admin"
    )
    monkeypatch.setenv("AIRFLOW_CONN_MY_CONN", "secret")
    message = explain_missing_connection("my_conn")
    assert message.startswith("The connection 'my_conn' cannot be read: AIRFLOW_CONN_MY_CONN must hold JSON")
    assert "secret" not in message
