"""
Which connections the page speaks of, to whom, and what it looks at before it says no.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models import Connection
from apache_airflow_provider_ovhcloud_ai.errors import ConfigurationError
from apache_airflow_provider_ovhcloud_ai.ui.console.views import connection_summary
from apache_airflow_provider_ovhcloud_ai.ui.console.views.connections import (
    BACKEND,
    DATABASE,
    ENVIRONMENT,
    ConnectionRecord,
    get_connection,
    list_connections,
)
from apache_airflow_provider_ovhcloud_ai.ui.console.web.user import HTTPError
from cryptography.fernet import Fernet
from support import canary
from support.console import ADMIN, VIEWER, Vault, Visitor

pytestmark = pytest.mark.airflow

Row = Callable[..., None]
ANONYMOUS = Visitor()


def refused(conn_id: Any, visitor: Visitor = ADMIN) -> HTTPError:
    with pytest.raises(HTTPError) as raised:
        get_connection(conn_id, visitor)
    return raised.value


class Sealed:
    """
    A connection of which nobody may read more than its type and host.
    """

    id = None

    def __init__(self, conn_type: str, host: str = "db.example") -> None:
        self.conn_type = conn_type
        self.host = host

    def get_uri(self) -> str:
        """Airflow 3 asks for it, to keep it in a cache that is off."""
        return f"{self.conn_type}://"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was read")


class TestListed:
    def test_only_types_that_speak_ai_endpoints(self, row: Row) -> None:
        for conn_id, conn_type in [("b", "ovh_ai_endpoints"), ("a", "ai_endpoints"), ("c", "http"), ("d", "generic")]:
            row(conn_id, conn_type, host="https://x.example")
        assert [(each.conn_id, each.source) for each in list_connections(ADMIN)] == [("a", DATABASE), ("b", DATABASE)]

    def test_only_what_the_visitor_may_read(self, row: Row) -> None:
        for conn_id in ("mine", "theirs"):
            row(conn_id)
        assert [each.conn_id for each in list_connections(Visitor("GET", only=["mine"]))] == ["mine"]
        assert list_connections(Visitor("POST", "PUT")) == []

    def test_variable_shadows_the_row(self, row: Row, variable: Any) -> None:
        row("stored", host="https://row.example/v1")
        variable("https://variable.example/v1")
        (connection,) = list_connections(ADMIN)
        assert (connection.source, connection.settings().client.base_url) == (
            ENVIRONMENT,
            "https://variable.example/v1",
        )
        assert get_connection("stored", ADMIN).fingerprint() == connection.fingerprint()

    @pytest.mark.parametrize("value", ["{", '{"port": "x"}', "ovh_ai_endpoints://:token@host/v1"])
    def test_unreadable_variable(self, row: Row, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        row("stored", host="https://row.example/v1")
        monkeypatch.setenv("AIRFLOW_CONN_STORED", value)
        (connection,) = list_connections(ADMIN)
        summary = connection_summary.row(connection, ADMIN, None)
        assert (summary["source"], summary["base_url"]) == (ENVIRONMENT, "")
        assert "cannot be read" in summary["problem"]

    @pytest.mark.parametrize(
        ("conn_type", "host", "visitor", "sentence"),
        [
            ("postgres", "db.example", ADMIN, "of type 'postgres'"),
            ("generic", "", ADMIN, "without a host"),
            ("generic", "db.example", VIEWER, "only who may edit it"),
        ],
    )
    def test_variable_of_another_service_is_not_read_out(
        self, row: Row, variable: Any, conn_type: str, host: str, visitor: Visitor, sentence: str
    ) -> None:
        row("stored", host="https://row.example/v1")
        variable(host, conn_type=conn_type)
        summary = connection_summary.row(list_connections(visitor)[0], visitor, None)
        assert sentence in summary["problem"]
        assert "db.example" not in str(summary)

    def test_row_that_another_key_encrypted(self, row: Row) -> None:
        key = Fernet(Fernet.generate_key())
        row("stored", host="https://row.example/v1", raw_password=key.encrypt(canary.TOKEN.encode()).decode())
        row("other", host="https://other.example/v1", password="token")
        assert [each.conn_id for each in list_connections(ADMIN)] == ["other", "stored"]
        for connection in (list_connections(ADMIN)[1], get_connection("stored", ADMIN)):
            with pytest.raises(ConfigurationError, match=r"cannot be decrypted .* \[core\] fernet_key") as raised:
                connection.settings()
            assert raised.value.__cause__ is raised.value.__context__ is None
            assert (connection.source, connection.fingerprint()) == (DATABASE, "")
            assert "cannot be decrypted" in connection_summary.row(connection, ADMIN, None)["problem"]

    def test_row_whose_extra_another_key_encrypted(self, row: Row) -> None:
        other = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
        row("stored", host="https://row.example/v1", raw_extra=other)
        (connection,) = list_connections(ADMIN)
        with pytest.raises(ConfigurationError, match="cannot be decrypted"):
            connection.settings()
        assert connection.fingerprint() == ""


class TestOpened:
    def test_from_the_database(self, row: Row) -> None:
        row("stored", host="https://row.example/v1", password=canary.TOKEN)
        connection = get_connection("stored", VIEWER)
        assert (connection.source, connection.settings().client.token) == (DATABASE, canary.TOKEN)
        assert not canary.shows(repr(connection))

    def test_from_the_environment(self, database: None, variable: Any) -> None:
        variable("https://variable.example/v1")
        assert get_connection("stored", VIEWER).source == ENVIRONMENT

    def test_from_a_secrets_backend(self, database: None, vault: type[Vault]) -> None:
        vault.holds["stored"] = Connection(
            conn_id="stored", conn_type="ovh_ai_endpoints", host="https://vault.example/v1", password="token"
        )
        connection = get_connection("stored", VIEWER)
        assert (connection.source, connection.settings().client.base_url) == (BACKEND, "https://vault.example/v1")

    def test_nothing_is_asked_for_who_may_not_read_it(self, vault: type[Vault], row: Row) -> None:
        row("theirs")
        for visitor in (ANONYMOUS, Visitor("POST", "PUT"), Visitor("GET", only=["mine"])):
            error = refused("theirs", visitor)
            assert (error.status, "You may not read" in error.message) == (403, True)
        assert vault.conn_ids == []
        get_connection("theirs", VIEWER)
        assert vault.conn_ids == ["theirs"]

    def test_refusal_does_not_reveal_which_connections_exist(self, row: Row) -> None:
        row("theirs")
        there, absent = (refused(conn_id, ANONYMOUS).message for conn_id in ("theirs", "absent"))
        assert there.replace("theirs", "absent") == absent

    def test_missing(self, database: None) -> None:
        error = refused("absent")
        assert (error.status, "'absent' does not exist: create it" in error.message) == (404, True)

    @pytest.mark.parametrize("conn_id", [None, "", "  ", 5, ["stored"], {"id": 1}, True, "x" * 251])
    def test_no_id(self, database: None, vault: type[Vault], conn_id: Any) -> None:
        assert refused(conn_id).status == 422
        assert vault.conn_ids == []

    @pytest.mark.parametrize("conn_type", ["postgres", "http", "aws", "OVH_AI_ENDPOINTS"])
    def test_other_type_is_refused_before_its_password_is_read(
        self, database: None, vault: type[Vault], conn_type: str
    ) -> None:
        vault.holds["stored"] = Sealed(conn_type)
        error = refused("stored")
        assert (error.status, f"of type '{conn_type}'" in error.message) == (422, True)

    def test_row_of_another_type_need_not_be_decrypted(self, row: Row) -> None:
        row("stored", "postgres", host="db.example", raw_password=Fernet(Fernet.generate_key()).encrypt(b"x").decode())
        assert "of type 'postgres'" in refused("stored").message

    def test_generic_without_a_host(self, database: None, vault: type[Vault]) -> None:
        for host in ("", "  ", None):
            vault.holds["stored"] = Sealed("generic", host)
            error = refused("stored")
            assert (error.status, "without a host" in error.message) == (422, True)

    def test_generic_for_who_may_not_edit_it(self, database: None, vault: type[Vault]) -> None:
        vault.holds["stored"] = Sealed("generic")
        error = refused("stored", Visitor("GET", "POST"))
        assert (error.status, "only who may edit it" in error.message) == (403, True)

    def test_generic_for_who_may_edit_it(self, database: None, variable: Any) -> None:
        variable("https://x.example/v1", conn_type="generic")
        assert get_connection("stored", Visitor("GET", "PUT")).settings().client.base_url == "https://x.example/v1"

    def test_unreadable_variable(self, database: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_STORED", f'{{"port": "{canary.TOKEN}"}}')
        error = refused("stored")
        assert "AIRFLOW_CONN_STORED must hold JSON" in error.message
        assert not canary.shows(error.message)


FIELDS = {
    "conn_type": "ovh_ai_endpoints",
    "host": "https://x.example/v1",
    "port": 8443,
    "login": "someone",
    "password": canary.TOKEN,
    "schema": "v1",
    "extra": '{"chat_model": "m"}',
}


def mark(**fields: Any) -> str:
    return ConnectionRecord("stored", DATABASE, SimpleNamespace(**FIELDS | fields)).fingerprint()


class TestFingerprint:
    def test_is_stable_and_shows_nothing(self) -> None:
        assert mark() == mark()
        assert len(mark()) == 16
        assert int(mark(), 16)

    @pytest.mark.parametrize("name", FIELDS)
    def test_changes_with_each_field(self, name: str) -> None:
        marks = [mark(), *(mark(**{name: value}) for value in ("other", None, "", 1))]
        assert len(set(marks)) == len(marks)

    def test_values_do_not_flow_into_one_another(self) -> None:
        assert mark(login="ab", password="c") != mark(login="a", password="bc")

    def test_is_keyed_with_a_secret_of_this_airflow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from apache_airflow_provider_ovhcloud_ai.ui.console.views import connections

        marks = []
        for key in ("one", "two", "one"):
            monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", key)
            monkeypatch.setenv("AIRFLOW__WEBSERVER__SECRET_KEY", key)
            connections._secret.cache_clear()
            marks.append(mark())
        assert marks[0] == marks[2] != marks[1]

    def test_is_that_of_the_stored_connection(self, row: Row) -> None:
        row("stored", **{name: FIELDS[name] for name in ("host", "port", "login", "password", "schema")})
        first = get_connection("stored", ADMIN).fingerprint()
        assert first
        assert first == get_connection("stored", VIEWER).fingerprint() == list_connections(ADMIN)[0].fingerprint()
